"""What a divergence is told as: what differs, where first, how far, why most likely, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.errors import CATALOGUE
from reprokit.pytest_plugin.failure import MarkedTestError
from reprokit.report.wording import clean, distance_facts, divergence_sentence, value_pair
from reprokit.schema.tiers import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.compare.files.content import Difference
    from reprokit.pytest_plugin.judging import Judged, Pair
    from reprokit.pytest_plugin.marker import Marker
    from reprokit.schema.verdict import Divergence, OutputVerdict

_SHOWN = 5
_ROOT = "(root)"  # the comparators' name for a value that has no parts
_DRAWS = "seed `random`, NumPy and the framework at the start of the test; repro.seed is the same in every run"
_KERNELS = "mark it repro(policy='deterministic'), or replace the operation; fix the number of threads"
_ELSEWHERE = (
    "look for the order of sets of strings (each run has another PYTHONHASHSEED, unless you set it: sort them), "
    "generators seeded from the system (default_rng() without a seed) or drawn from at import, the clock, process ids, "
    "temporary names, files that an earlier run left, the order of threads"
)
_REMEDIES = {
    "random draws": _DRAWS,
    "initial state": f"seed before the model is built: {_DRAWS}",
    "data order": "give the loader a seeded generator, sort what a directory or a set lists, and shuffle with a seed",
    "forward numerics": _KERNELS,
    "backward numerics": _KERNELS,
    "update": "look at what changes parameters outside of the gradients: dropout of updates, averaging, clipping; "
              "then " + _KERNELS,
    "order of threads": "train in one thread at a time, or in processes: each of these has a trace of its own",
    "number of steps": "let the number of steps depend on nothing but the data: not on time, nor on a measured speed",
}  # fmt: skip


def divergence_failure(judged: Judged, marker: Marker, command: str, seed: int) -> MarkedTestError | None:
    """The failure that a judgement amounts to, or None where the tier was reached."""
    judgement, pair = judged.judgement, judged.worst
    if judgement.met:
        return None
    if judgement.status is Status.UNVERIFIED:
        code = "RPK065" if not any(judged.compared.values()) else "RPK052"
        text = f"tier {marker.tier} could not be established: {judgement.reason}"
        lines = [text, *(f"  not compared: {what}" for what in pair.not_compared[:_SHOWN])]
        lines.append(f"  what to do: {CATALOGUE[code].remedy}")
        return MarkedTestError(code, "\n".join(lines), status="unverified", tier=str(judgement.tier))
    cause, remedy = likely_cause(pair, marker)
    place = _place(pair)
    headline = f"the runs of this test differ{f': {place}' if place else ''}"
    reached = f"reached {judgement.tier}, asked for {marker.tier}; run 1 against run {pair.number} of {marker.runs}"
    lines = [
        headline,
        f"  {reached}, each in a fresh process, policy {marker.policy}, seed {seed}",
        *_differences(pair),
        f"  likely cause: {cause}",
        f"  what to do: {remedy}",
        f"  again: {command}",
    ]
    return MarkedTestError(
        "RPK060", "\n".join(lines), tier=str(judgement.tier), divergence=place, diverged=True, run=pair.number
    )


def likely_cause(pair: Pair, marker: Marker) -> tuple[str, str]:
    """What the differences speak for, and the remedy. What was not seen is not claimed."""
    names = [{"python": "random", "numpy": "numpy.random", "torch": "torch"}[name] for name in pair.drawn]
    drawn = f"the test drew from {' and '.join(names)}, whose state was not the same in both runs"
    divergence = pair.divergence
    if divergence is not None and divergence.cause is not None:
        cause = divergence.cause
        if cause.partition(",")[0] in ("data order", "initial state") and names:
            cause = cause.partition(",")[0]
            return f"{cause}: {drawn}", _REMEDIES["random draws" if cause == "data order" else cause]
        if marker.policy == "deterministic" and cause in ("forward numerics", "backward numerics"):
            return cause, "no deterministic kernel was used under the policy either: its warnings name the operation"
        return (f"{cause}: {drawn}" if cause == "random draws" and names else cause), _remedy(cause)
    if names:
        return f"random draws: {drawn}", _DRAWS
    return (
        "not established: no traced step differs, and no global generator was seen to be drawn from unseeded",
        _ELSEWHERE,
    )


def _remedy(cause: str) -> str:
    """What to do; where several causes are possible, about the first that is named."""
    return next((remedy for known, remedy in _REMEDIES.items() if cause.startswith(known)), _KERNELS)


def _place(pair: Pair) -> str:
    """Where the runs part first, in a few words."""
    if pair.divergence is not None:
        names = pair.divergence.tensors[:1] or ([pair.divergence.tensor] if pair.divergence.tensor else [])
        of = f" of {clean(names[0], 60)}" if names else ""
        return f"step {pair.divergence.step}, {pair.divergence.part}{of}"
    if pair.values:
        one = pair.values[0]
        first = one.differences[0].where if one.differences else ""
        where = f" at {clean(first, 60)}" if first not in ("", _ROOT) else ""
        return f"{one.name}{where}"
    return f"the file {clean(pair.files[0].path, 80)}" if pair.files else ""


def _differences(pair: Pair) -> Iterator[str]:
    if pair.divergence is not None:
        yield f"  first: {_sentence(pair.divergence, pair.number)}"
    for one in pair.values[:_SHOWN]:
        for number, place in enumerate(one.differences):
            yield f"  {one.name if not number else ' ' * len(one.name)}: {_difference(place, pair.number)}"
        if one.differing > len(one.differences):
            yield f"  {' ' * len(one.name)}  and {one.differing - len(one.differences)} more of its parts"
    if len(pair.values) > _SHOWN:
        yield f"  and {len(pair.values) - _SHOWN} more values"
    for output in pair.files[:_SHOWN]:
        yield from _file(output, pair.number)
    if len(pair.files) > _SHOWN:
        yield f"  and {len(pair.files) - _SHOWN} more files"


def _sentence(divergence: Divergence, number: int) -> str:
    plain = divergence.model_copy(update={"recorded": None, "replayed": None, "run": 0, "stream": ""})
    sentence = divergence_sentence(plain, clean)
    if divergence.recorded is None and divergence.replayed is None:
        return sentence
    before, after = value_pair(divergence.recorded, divergence.replayed)
    return f"{sentence}; loss {before} in run 1, {after} in run {number}"


def _difference(place: Difference, number: int) -> str:
    where = f"{clean(place.where)} " if place.where not in ("", _ROOT) else ""
    index = f"at index {list(place.index)} " if place.index else ""
    facts = []
    if place.a or place.b:
        facts.append(f"run 1 {clean(place.a, 80)}, run {number} {clean(place.b, 80)}")
    facts += distance_facts(place.max_abs, place.max_ulp, place.share)
    if place.detail and not facts:
        facts.append(clean(place.detail))
    return f"{where}{index}{', '.join(facts)}"


def _file(output: OutputVerdict, number: int) -> Iterator[str]:
    if not output.differences:
        yield f"  file {clean(output.path)}: {clean(output.note or 'differs')}"
    for one in output.differences[:2]:
        values = f"run 1 {clean(one.recorded, 80)}, run {number} {clean(one.replayed, 80)}"
        said = ", ".join([values, *distance_facts(one.max_abs, one.max_ulp)])
        yield f"  file {clean(output.path)}: {clean(one.where)}: {said}"
