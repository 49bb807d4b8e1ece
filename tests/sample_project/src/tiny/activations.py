"""A stand-in for a library that the project depends on."""

from torch import nn


def scaled_tanh(x):
    return 1.7159 * (x * 2 / 3).tanh()


class ScaledTanh(nn.Module):
    def forward(self, x):
        return scaled_tanh(x)
