"""Policies by name: the built-in ones, and those that a project defines under ``[tool.reprokit.policy.NAME]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError
from reprokit.policy.policies import BUILT_IN, Policy, parsed_value, version_of
from reprokit.policy.seeds import parse_seed
from reprokit.policy.switches import near, switch

if TYPE_CHECKING:
    from collections.abc import Mapping

RECORDED = "recorded"
"""The policy of a replay that sets what the run had."""

_OWN_KEYS = ("extends", "seed", "without")


def resolve(name: str, tables: Mapping[str, Mapping[str, Any]] | None = None) -> Policy:
    """The policy of a name.

    Args:
        name: of a built-in policy, or of one in ``tables``.
        tables: what stands under ``[tool.reprokit.policy]``: name -> ``extends``, ``without``, ``seed`` and switches.
            Dotted keys that TOML has read as tables are put together again.

    Raises:
        UsageError: RPK120, there is no policy of that name; RPK121, a switch or value is unknown; RPK122, switches
            contradict each other; RPK129, a seed is no whole number.

    >>> resolve("nightly", {"nightly": {"extends": "fast", "seed": 7, "torch": {"num_threads": 2}}}).seed
    7
    """
    return _resolve(name, tables or {}, ())


def check_tables(tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Resolves every policy that a project defines, so that a mistake in one is found before it is used.

    Raises:
        UsageError: as `resolve`.
    """
    for name in tables:
        if name in BUILT_IN or name == RECORDED:
            raise UsageError("RPK120", f"[tool.reprokit.policy.{name}]: the name stands for a built-in policy",
                             "Choose another name, and extend the built-in policy.")  # fmt: skip
        resolve(name, tables)


def _resolve(name: str, tables: Mapping[str, Mapping[str, Any]], trail: tuple[str, ...]) -> Policy:
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name in trail:
        circle = " -> ".join([*trail[trail.index(name) :], name])
        raise UsageError("RPK120", f"policies extend each other in a circle: {circle}", "Break the circle.")
    table = tables.get(name)
    known = [*BUILT_IN, *tables]
    if table is None:
        there = f", which {trail[-1]!r} extends" if trail else ""
        hint = f"Known policies: {', '.join(known)}."
        if name == RECORDED and not trail:
            hint = "`recorded` is a policy of replays: it sets what the recorded run had. " + hint
        raise UsageError("RPK120", f"there is no policy {name!r}{there}{near(name, known)}", hint)
    return _made(name, table, _resolve(_base(name, table), tables, (*trail, name)))


def _base(name: str, table: Mapping[str, Any]) -> str:
    base = table.get("extends", "none")
    if not isinstance(base, str):
        raise UsageError("RPK120", f"the policy {name!r} extends {base!r}, which is no name")
    return base


def _made(name: str, table: Mapping[str, Any], base: Policy) -> Policy:
    without = table.get("without", [])
    if not isinstance(without, list) or not all(isinstance(one, str) for one in without):
        raise UsageError("RPK121", f"the policy {name!r}: `without` takes a list of switches, and is {without!r}")
    for one in without:
        switch(one)
    own = {key: parsed_value(key, value, name) for key, value in _flat(table).items() if key not in _OWN_KEYS}
    both = sorted(set(own) & set(without))
    if both:
        raise UsageError("RPK122", f"the policy {name!r} sets {both[0]} and goes without it")
    switches = {key: value for key, value in base.switches.items() if key not in without} | own
    seed = parse_seed(table["seed"]) if "seed" in table else base.seed
    return Policy(name, version_of(switches), switches, seed)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """TOML reads ``torch.num_threads = 2`` as a table in a table."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
