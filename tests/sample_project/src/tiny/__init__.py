"""A small classifier, as a stand-in for a real project."""
