"""The names that reprokit uses in PROV documents."""

from __future__ import annotations

from reprokit.lineage.standards.naming import PRODUCER

NODES = {kind: f"urn:reprokit:{kind}:" for kind in ("artifact", "execution", "context", "event", "graph")}
"""Prefixes of identifiers; a node's identifier follows, encoded."""
TERMS = f"{PRODUCER}/ns/lineage#"
PROPERTIES = f"{PRODUCER}/ns/property#"
AGENT = "urn:reprokit:agent:reprokit"
