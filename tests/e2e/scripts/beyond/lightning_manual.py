"""Lightning, manual optimisation with two optimizers, as in a GAN."""
import warnings

import lightning as L
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")


class Pair(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.maker = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8))
        self.critic = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))

    def training_step(self, batch, index):
        first, second = self.optimizers()
        real = batch[0]
        made = self.maker(torch.randn(len(real), 4))
        loss = self.critic(made.detach()).mean() - self.critic(real).mean()
        second.zero_grad()
        self.manual_backward(loss)
        self.clip_gradients(second, gradient_clip_val=0.5, gradient_clip_algorithm="norm")
        second.step()
        loss = -self.critic(made).mean()
        first.zero_grad()
        self.manual_backward(loss)
        first.step()

    def configure_optimizers(self):
        return [torch.optim.Adam(self.maker.parameters(), lr=1e-2), torch.optim.RMSprop(self.critic.parameters(), lr=1e-2)]


def main():
    torch.manual_seed(3)
    loader = DataLoader(TensorDataset(torch.randn(48, 8)), batch_size=8, shuffle=True)
    trainer = L.Trainer(max_epochs=2, logger=False, enable_checkpointing=False, enable_progress_bar=False,
                        enable_model_summary=False, accelerator="cpu")
    net = Pair()
    trainer.fit(net, loader)
    torch.save(net.state_dict(), "model.pt")


if __name__ == "__main__":
    main()
