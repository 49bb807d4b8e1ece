"""The step trace: written while training, turned into columns afterwards, read and aligned."""
