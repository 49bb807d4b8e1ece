"""Determinism switches as records, and the named policies made of them."""
