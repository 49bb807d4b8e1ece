"""The parts of `reprokit.verbs.price`: what was run, in which order, and what follows from it."""
