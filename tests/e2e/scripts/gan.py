"""Two optimizers that take turns, as in a GAN."""
import random

import torch
import torch.nn as nn


def main():
    random.seed(4)
    torch.manual_seed(4)
    generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    optim_d = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.999))
    optim_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    loss_fn = nn.BCEWithLogitsLoss()
    for step in range(1, 13):
        real = torch.randn(16, 2) * 0.5 + random.choice([-1.0, 1.0])
        fake = generator(torch.randn(16, 4))
        optim_d.zero_grad()
        loss_d = loss_fn(critic(real), torch.ones(16, 1)) + loss_fn(critic(fake.detach()), torch.zeros(16, 1))
        loss_d.backward()
        optim_d.step()
        optim_g.zero_grad()
        loss_g = loss_fn(critic(fake), torch.ones(16, 1))
        loss_g.backward()
        optim_g.step()
    print(f"D {loss_d.item():.3f} G {loss_g.item():.3f}")
    torch.save({"generator": generator.state_dict(), "critic": critic.state_dict()}, "gan.pt")


if __name__ == "__main__":
    main()
