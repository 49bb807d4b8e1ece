"""The words of RO-Crate that reprokit writes and reads."""

from __future__ import annotations

FILE = "ro-crate-metadata.json"
STATUS = {
    "COMPLETE": "CompletedActionStatus",
    "FAILED": "FailedActionStatus",
    "RUNNING": "ActiveActionStatus",
    "NEW": "PotentialActionStatus",
}
PREFIXES = {kind: f"urn:reprokit:{kind}:" for kind in ("artifact", "execution", "context")}
