"""Models of every document that reprokit writes or reads, and their canonical JSON."""
