"""The sentences of a report, the same in every format: pure functions from a verdict to short plain text.

A verdict may quote file names, tensor names and messages of a stranger's bundle. All of them go through `clean`.
"""

from __future__ import annotations

import shlex
import unicodedata
from typing import TYPE_CHECKING, Any

from reprokit.schema.tiers import Status, Tier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reprokit.schema.verdict import Divergence, MetricVerdict, OutputVerdict, ValueDifference, Verdict

_PARTS = {
    "batch": ("the batch", "differs"),
    "rng": ("the state of the random generators", "differs"),
    "loss": ("the loss", "differs"),
    "gradients": ("gradients", "differ"),
    "parameters": ("parameters", "differ"),
    "optimizer": ("the optimizer state", "differs"),
    "lr": ("the learning rate", "differs"),
    "steps": ("the number of steps", "differs"),
}
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_LONGEST = 300


def clean(text: object, limit: int = _LONGEST) -> str:
    r"""Makes foreign text safe to show on one line.

    Control characters, terminal escapes, bidirectional overrides, invisible characters and undecodable bytes are
    spelled out (``\x1b``), white space becomes single spaces, and more than ``limit`` characters are cut.
    """
    plain = " ".join(str(text)[: limit * 4].split())
    shown = "".join(_spelled(character) for character in plain)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def headline(verdict: Verdict) -> str:
    """The tier and whether the target was met: ``BITWISE: target bitwise met``."""
    if verdict.status is Status.UNVERIFIED:
        return f"UNVERIFIED: target {verdict.target} could not be established; shown so far: {verdict.tier}"
    met = "met" if verdict.met else "NOT met"
    return f"{verdict.tier.upper()}: target {verdict.target} {met}"


def subject(verdict: Verdict) -> str:
    """What was compared: ``3 replays`` or ``a comparison``."""
    if verdict.other is not None:
        return "a comparison, nothing was run"
    count = len(verdict.runs)
    return f"{count} replay{'' if count == 1 else 's'}"


def interpretation(verdict: Verdict) -> str:
    """What the replays' agreement among themselves says about the cause; empty when it says nothing."""
    if verdict.between_replays is None or verdict.tier is Tier.BITWISE or verdict.status is Status.UNVERIFIED:
        return ""
    if verdict.between_replays is Tier.BITWISE and strings(verdict.scope.get("policy_not_held")):
        return "The replays agree bitwise with each other, although their policy did not hold in full."
    if verdict.between_replays is Tier.BITWISE:
        return (
            "The replays agree bitwise with each other: under this policy the run is deterministic here, and it "
            "differs from the record."
        )
    return f"The replays differ from each other, too ({verdict.between_replays}): the run itself is not deterministic."


def divergence_sentence(divergence: Divergence, mark: Callable[[str], str], safe: Callable[[str], str] = clean) -> str:
    """Where two traces part, and what was equal until then.

    Args:
        divergence: what was found.
        mark: shows a name in the format at hand; it gets raw text and makes it safe.
        safe: makes other raw text safe in the format at hand.

    Returns:
        For example ``steps 1-16 equal; step 17: parameters of `fc1.weight` differ (update) in `rank0```.
    """
    what, verb = _PARTS.get(divergence.part, (safe(divergence.part), "differs"))
    names = [divergence.tensor] if divergence.tensor else divergence.tensors[:1]
    more = len(set(divergence.tensors) - set(names))
    what += f" of {mark(names[0])}" if names else ""
    if more:
        what, verb = f"{what} and of {more} more tensor{'' if more == 1 else 's'}", "differ"
    sentence = f"{_until(divergence)}{what} {verb}"
    sentence += f" ({safe(divergence.cause)})" if divergence.cause else ""
    sentence += f" at operation {mark(divergence.op)}" if divergence.op else ""
    sentence += f" in {mark(divergence.stream)}" if divergence.stream else ""
    sentence += f", first in replay {divergence.run}" if divergence.run else ""
    if divergence.recorded is not None or divergence.replayed is not None:
        before, after = value_pair(divergence.recorded, divergence.replayed)
        loss = "" if divergence.part in ("loss", "steps") else "loss "
        same = " as well" if before == after and loss else ""
        sentence += f": {loss}recorded {safe(before)}, replayed {safe(after)}{same}"
    return sentence + (f"; {safe(divergence.detail)}" if divergence.detail else "")


def difference_sentence(
    difference: ValueDifference, mark: Callable[[str], str], safe: Callable[[str], str] = clean
) -> str:
    """One differing place of a file: where, the values, and how far apart; the callables as above."""
    where = mark(difference.where) + (f" at index {difference.index}" if difference.index is not None else "")
    facts = []
    if difference.recorded or difference.replayed:
        facts.append(f"recorded {safe(difference.recorded)}, replayed {safe(difference.replayed)}")
    share = difference.share if "elements" not in difference.detail else None
    facts += [safe(fact) for fact in distance_facts(difference.max_abs, difference.max_ulp, share)]
    if difference.detail:
        facts.append(safe(difference.detail))
    return f"{where}: {', '.join(facts)}" if facts else where


def distance_facts(max_abs: float | str | None, max_ulp: float | str | None, share: float | None = None) -> list[str]:
    """How far apart two values are: ``max abs 0.5``, ``max 3 ulp``, ``12.50% of the elements``; None is left out.

    Args:
        max_abs: in the unit of the values.
        max_ulp: in units in the last place.
        share: of the elements that differ, 0 to 1.
    """
    facts = [f"max abs {value_text(max_abs)}"] if max_abs is not None else []
    facts += [f"max {value_text(max_ulp)} ulp"] if max_ulp is not None else []
    if share is not None:
        facts.append("every element" if share == 1 else f"{share:.2%} of the elements")
    return facts


def output_answer(output: OutputVerdict) -> str:
    """How an output compares, in words: ``equal``, ``differs``, ``other schema``, ``not compared``."""
    if output.equal:
        return "equal"
    if not output.established:
        return "not compared"
    return "differs" if output.same_schema else "other schema or missing"


def metric_answer(metric: MetricVerdict) -> str:
    """How a metric compares, in words."""
    if metric.equal and metric.close:
        return "equal"
    return "close" if metric.close else "NOT close"


def relative_text(metric: MetricVerdict) -> str:
    """The relative difference ``|a - b| / max(|a|, |b|)``; a dash where it is not defined."""
    a, b = metric.recorded, metric.replayed
    if metric.equal:
        return "0"
    if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return "-"
    scale = max(abs(a), abs(b))
    if not 0 < scale < float("inf"):  # also false for NaN
        return "-"
    return f"{abs(a / scale - b / scale):.2g}"


def value_text(value: float | str | None, digits: int = 9) -> str:
    """A number in at most ``digits`` significant digits; ``-`` for a missing one."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:.{digits}g}"


def value_pair(a: float | str | None, b: float | str | None) -> tuple[str, str]:
    """Two values as text, with as few digits from 9 to 17 as it takes to see that they differ."""
    pairs = [(value_text(a, digits), value_text(b, digits)) for digits in (range(9, 18) if a != b else (9,))]
    return next((pair for pair in pairs if pair[0] != pair[1]), pairs[-1])


def rule_letters(metrics: Sequence[MetricVerdict]) -> dict[str, str]:
    """A short name for each rule, in order of appearance: ``{"rel 1e-05 (default)": "a"}``."""
    rules = list(dict.fromkeys(metric.rule for metric in metrics))
    return {rule: (chr(ord("a") + index) if index < 26 else str(index)) for index, rule in enumerate(rules)}


def scope_pairs(verdict: Verdict) -> list[tuple[str, str]]:
    """For what the verdict holds: label and text, from `Verdict.scope`, whatever types a foreign document has there."""
    scope = verdict.scope
    fingerprint = scope.get("fingerprint")
    differences = strings(fingerprint.get("differences")) if isinstance(fingerprint, dict) else []
    missing = strings(scope.get("policy_not_held"))
    held = f", which did not hold: {', '.join(missing)}" if missing else ""
    pairs = [("policy", verdict.policy + held), ("machine", text_of(scope.get("machine")))]
    pairs += [(name, text_of(scope.get(name))) for name in ("threads", "isolation")]
    pairs.append(("steps", f"{scope['traced_steps']} traced" if isinstance(scope.get("traced_steps"), int) else ""))
    pairs += [("environment", f"differs from the record: {item}") for item in differences]
    pairs += [("changed", item) for item in strings(scope.get("changed"))]
    pairs += [("not compared", item) for item in strings(scope.get("not_compared"))]
    return [(label, clean(text)) for label, text in pairs if text]


def next_commands(verdict: Verdict, paths: Sequence[str] = ()) -> list[str]:
    """Commands to paste that lead on from this verdict.

    Args:
        verdict: what was found.
        paths: the bundles as the user named them; placeholders stand in for missing ones.
    """
    wanted = 1 if verdict.other is None else 2
    named = [*paths, *(["BUNDLE"] if wanted == 1 else ["A", "B"])[len(paths) :]][:wanted]
    target = " ".join(shlex.quote(path) if path.isprintable() else "BUNDLE" for path in named)
    if verdict.status is Status.UNVERIFIED:
        codes = sorted({notice.code for notice in verdict.warnings if notice.code.isalnum()})
        return [f"reprokit explain-code {code}" for code in codes[:3]] or [f"reprokit inspect {target}"]
    if wanted == 2:
        return []
    if verdict.tier is Tier.BITWISE:
        return [f"reprokit replay {target} --runs 3 --json > verdict.json", "reprokit badge verdict.json -o badge.svg"]
    if verdict.tier is Tier.NONE:
        return [f"reprokit inspect {target}", f"reprokit replay {target} --show-output"]
    if verdict.policy != "deterministic":
        return [f"reprokit replay {target} --policy deterministic --runs 2"]
    return [f"reprokit inspect {target}"]


def text_of(value: Any) -> str:
    """A scope entry as text; empty for nothing, and for what is neither text nor number."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def strings(value: Any) -> list[str]:
    """The texts of a list; empty for anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


def _until(divergence: Divergence) -> str:
    """What is known to be equal before the divergence, and its step, with a trailing separator."""
    if divergence.step is None:
        return ""
    before = divergence.step - 1
    last = before if divergence.after_step is None else min(divergence.after_step, before)
    parts = [f"step{'' if last == 1 else 's'} {_range(1, last)} equal"] if last > 0 else []
    if last < before:
        parts.append(f"step{'' if before == last + 1 else 's'} {_range(last + 1, before)} not digested")
    return "; ".join([*parts, f"step {divergence.step}: "])


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _spelled(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: one undecodable byte of a file name
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
