"""Lightning, automatic optimisation: accumulation, clipping, a scheduler, a callback that counts."""
import warnings

import lightning as L
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")


class Net(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.2), nn.ReLU())
        self.head = nn.Linear(16, 3)

    def training_step(self, batch, index):
        inputs, targets = batch
        return nn.functional.cross_entropy(self.head(self.body(inputs)), targets)

    def validation_step(self, batch, index):
        x, y = batch
        self.log("val_loss", nn.functional.cross_entropy(self.head(self.body(x)), y))

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-2)
        return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)}


class Counter(L.Callback):
    updates = 0

    def on_before_optimizer_step(self, trainer, module, optimizer):
        Counter.updates += 1


def main():
    torch.manual_seed(3)
    x, y = torch.randn(64, 8), torch.randint(3, (64,))
    trainer = L.Trainer(
        max_epochs=2, accumulate_grad_batches=2, logger=False, enable_checkpointing=False, accelerator="cpu",
        enable_progress_bar=False, enable_model_summary=False, callbacks=[Counter()], gradient_clip_val=0.5,
    )
    net = Net()
    loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
    trainer.fit(net, loader, DataLoader(TensorDataset(x[:16], y[:16]), batch_size=8))
    torch.save(net.state_dict(), "model.pt")
    print(f"updates {Counter.updates} val_loss {trainer.callback_metrics['val_loss']:.6f}")


if __name__ == "__main__":
    main()
