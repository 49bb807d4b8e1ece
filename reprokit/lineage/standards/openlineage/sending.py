"""Sends events with the client's HTTP transport, from a spool where one is given."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reprokit.errors import UnverifiedError, UsageError
from reprokit.lineage.standards.openlineage.events import line_of
from reprokit.lineage.standards.openlineage.parts import take_parts
from reprokit.lineage.standards.openlineage.spool import CollectorAwayError, EventRefusedError, Flushed, Spool
from reprokit.lineage.urls import shown

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT_SECONDS = 5.0
KEY = "OPENLINEAGE_API_KEY"
"""The variable that holds a collector's key, as the client of OpenLineage calls it."""
_NOT_NOW = frozenset({401, 403, 404, 405, 407, 408, 425, 429})
"""Statuses that say nothing of the event: the key, the address or the hour is wrong. Other 4xx will come again."""


def send(
    events: list[Any], url: str, *, spool: str | Path | None = None, key: str = "", timeout: float = _TIMEOUT_SECONDS
) -> Flushed:
    """Sends events, after those that wait in the spool already.

    Args:
        events: of the client's classes, or their JSON.
        url: of the collector; without a path, ``/api/v1/lineage`` is meant.
        spool: where events wait while the collector is down; without one they are lost then.
        key: sent as a bearer token; else what ``OPENLINEAGE_API_KEY`` says.
        timeout: seconds to wait for one answer.

    Raises:
        UsageError: RPK166, not a URL.
        UnverifiedError: RPK169, the collector did not take all of them.
    """
    lines = [event if isinstance(event, str) else line_of(event) for event in events]
    emit = emitter(url, key=key or os.environ.get(KEY, ""), timeout=timeout)
    if spool is not None:
        take_parts(Path(spool))  # what `record` left there, before
        place = Spool(spool)
        place.put(lines)
        return _judged(place.flush(emit), url)
    with tempfile.TemporaryDirectory() as directory:  # the same way, for a moment
        place = Spool(directory)
        place.put(lines)
        return _judged(place.flush(emit), url)


def _judged(done: Flushed, url: str) -> Flushed:
    if done.waiting or done.refused:
        why = f": {done.why}" if done.why else ""
        counts = f"{done.sent} sent, {done.refused} refused, {done.waiting} waiting"
        raise UnverifiedError("RPK169", f"{shown(url)}: {counts}{why}")
    return done


def emitter(url: str, *, key: str = "", timeout: float = _TIMEOUT_SECONDS) -> Callable[[str], None]:
    """A function that posts the JSON of one event, once: what is tried again is tried from the spool, in its order.

    Raises:
        UsageError: RPK166, not a URL.
    """
    import requests
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError("RPK166", f"{shown(url)}: {error}") from None
    path = parts.path.strip("/")
    base = f"{parts.scheme}://{parts.netloc}"  # the transport would put the path behind itself
    auth = {"auth": {"type": "api_key", "api_key": key}} if key else {}
    endpoint = {"endpoint": path} if path else {}
    settings: dict[str, Any] = {"url": base, "timeout": timeout, "retry": {"total": 0}, **auth, **endpoint}
    try:
        transport = HttpTransport(HttpConfig.from_dict(settings))
    except ValueError as error:
        raise UsageError("RPK166", f"{shown(url)}: {error}") from None

    def emit(line: str) -> None:
        try:
            taken = transport.emit(json.loads(line))
        except requests.HTTPError as error:
            answer = error.response
            status = answer.status_code if answer is not None else 0
            if answer is not None and answer.request.method != "POST":
                raise _astray(answer) from None
            if 400 <= status < 500 and status not in _NOT_NOW:
                raise EventRefusedError(f"{status}: {answer.text[:2000] if answer is not None else error}") from None
            raise CollectorAwayError(f"status {status}") from None
        except (requests.RequestException, ValueError) as error:  # a redirection may lead to what is no URL
            raise CollectorAwayError(str(error)) from None
        if taken.request.method != "POST" or not 200 <= taken.status_code < 300:
            raise _astray(taken)

    return emit


def _astray(answer: Any) -> CollectorAwayError:
    """Most redirections turn a POST into a GET: whatever answers that, no collector has the event."""
    first = answer.history[0] if answer.history else answer
    place = shown(first.headers.get("Location", "nowhere"))
    return CollectorAwayError(f"status {first.status_code} leads to {place!a}: give the collector's own URL")
