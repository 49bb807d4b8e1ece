"""A toy framework: fits a line by gradient descent, one `Trainer.step` at a time."""

import random

strict = False
"""A switch of the framework: rounds every update to 12 digits."""


class Trainer:
    """Fits y = slope * x + offset."""

    def __init__(self, rate=0.01):
        self.rate, self.slope, self.offset = rate, 0.0, 0.0

    def step(self, batch):
        """One update on (x, y) pairs; returns the loss before it."""
        errors = [(self.slope * x + self.offset - y, x) for x, y in batch]
        self.slope -= self.rate * sum(error * x for error, x in errors)
        self.offset -= self.rate * sum(error for error, _ in errors)
        if strict:
            self.slope, self.offset = round(self.slope, 12), round(self.offset, 12)
        return sum(error * error for error, _ in errors)

    def save(self, path):
        """Writes the weights, with a comment that is no content."""
        with open(path, "w") as file:
            file.write(
                f"# written by run {random.SystemRandom().random()}\nslope={self.slope!r}\noffset={self.offset!r}\n"
            )
