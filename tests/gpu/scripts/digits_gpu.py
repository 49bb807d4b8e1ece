"""A convolutional net with dropout and mixed precision on scikit-learn's digits, on a GPU."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1).cuda() / 16
y = torch.tensor(digits.target).cuda()
model = nn.Sequential(
    nn.Conv2d(1, 32, 3, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Conv2d(32, 64, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Dropout(0.2),
    nn.Linear(64 * 64, 10),
).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cuda")
for step in range(1, 41):
    picked = torch.randint(len(x), (128,), device="cuda")
    with torch.autocast("cuda", torch.float16):
        loss = F.cross_entropy(model(x[picked]), y[picked])
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
print(f"loss {loss.item():.6f}")
torch.save(model.state_dict(), "model.pt")
