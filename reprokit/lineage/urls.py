"""Addresses as people may see them."""

from __future__ import annotations


def shown(url: str) -> str:
    """A URL without the name and password that it may hold, be it well formed or not: a password may have a slash."""
    before, mark, after = url.rpartition("://")
    return f"{before}{mark}{after.rpartition('@')[2]}"
