"""Record a training run, replay it, and say how close it came.

Importing this package imports the standard library only: the command line starts at once, and the observer that runs
inside a training script never brings in a module which that script did not ask for.
"""

__version__ = "0.1.0"
