"""The addresses of stores: which of them can be used, and how they are shown."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from reprokit.errors import UsageError

_SHORT = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_SECRETS = ("password", "passfile", "sslpassword")


def url_of(place: str | Path) -> sa.URL:
    """A database's URL: that of a SQLite file for a path, whatever characters it has, and a URL as it is.

    Raises:
        UsageError: RPK143, it is no URL, no kind of database that holds graphs, or one that keeps nothing.
    """
    text = str(place)
    if "://" not in text:
        return sa.URL.create("sqlite", database=str(Path(text).absolute()))
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):
        scheme = text.partition("://")[0]
        raise UsageError("RPK143", f"the lineage store {scheme}://… is no URL of a database") from None
    url = url.set(drivername=_SHORT.get(url.drivername, url.drivername))
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise UsageError("RPK143", f"the lineage store {shown(url)}: no such kind of database")
    file = url.database or ":memory:"
    if url.get_backend_name() == "sqlite" and (url.host or url.query or file.startswith(":")):
        # In memory it would be gone with the command, and with it the parts that had waited for it.
        raise UsageError("RPK143", f"the lineage store {shown(url)} is no file: write its path")
    return url


def shown(url: sa.URL) -> str:
    """A URL without the password, wherever it stands in it."""
    if url.get_backend_name() == "sqlite" and not url.query:
        return f"sqlite:///{url.database or ''}"
    query = {name: "***" if name in _SECRETS else value for name, value in url.query.items()}
    return url.set(query=query).render_as_string(hide_password=True)
