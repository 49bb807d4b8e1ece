"""One model after another, each trained in another way: what a loop can do to its steps."""
import torch
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel
from torch.utils.checkpoint import checkpoint


def net():
    return nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.1), nn.ReLU(), nn.Linear(16, 3))


def batch():
    return torch.randn(16, 8), torch.randint(3, (16,))


def scaled():
    """bf16 under a GradScaler; the second of four updates overflows and is skipped."""
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, foreach=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    for step in range(4):
        x, y = batch()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(model(x), y)
        if step == 1:
            loss = loss * float("inf")
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
    return model  # 3 updates


def second_order():
    """LBFGS: each update calls its closure several times."""
    model = nn.Linear(8, 3)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    x, y = batch()

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)
    return model  # 2 updates


def averaged():
    """Accumulated gradients, checkpointed activations, a scheduler, stochastic weight averaging."""
    model, head = net(), nn.Linear(3, 3)
    both = nn.ModuleList([model, head])
    mean = AveragedModel(model)
    optimizer = torch.optim.SGD(both.parameters(), lr=0.1, momentum=0.9, fused=True)
    schedule = SWALR(optimizer, swa_lr=0.05, anneal_epochs=2)
    for step in range(4):
        optimizer.zero_grad()
        for _ in range(2):
            x, y = batch()
            nn.functional.cross_entropy(head(checkpoint(model, x, use_reentrant=False)), y).backward()
        optimizer.step()
        schedule.step()
        mean.update_parameters(model)
    return mean  # 4 updates


def main():
    torch.manual_seed(8)
    torch.save({way.__name__: way().state_dict() for way in (scaled, second_order, averaged)}, "model.pt")


if __name__ == "__main__":
    main()
