"""Laws of the trace: what is written is read, a cut loses only the end, a difference is found where it is."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reprokit.trace import align as align_module
from reprokit.trace.align import align
from reprokit.trace.budget import GRACE_SECONDS, MOMENTS_EVERY, SHARE, Budget
from reprokit.trace.columns import EXECUTION_ORDER, Trace, write_columns
from reprokit.trace.raw import CORE, ENTRY, FINAL, LOSS, MOMENTS, PLAN, Column, RawWriter, read_blocks, read_rows
from reprokit.trace.records import decode_records, encode_record

DIGEST = st.binary(min_size=16, max_size=16).filter(any)
LABEL = st.text(max_size=6).filter(lambda text: "\0" not in text)
PARTS = ("batch", "gradients", "parameters", "optimizer")


@st.composite
def traces(draw: st.DrawFn) -> tuple[dict[str, list[Column]], list[dict[str, dict[str, bytes]]]]:
    """Columns of each part, and for each step the digests of some of the columns of some of the parts."""
    parts = draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=3, unique=True))
    columns = {
        part: [Column(key, f"{part} {key}", "float32", "2,3") for key in draw(
            st.lists(LABEL, min_size=1, max_size=4, unique=True))]
        for part in parts
    }  # fmt: skip
    steps = []
    for _ in range(draw(st.integers(1, 7))):
        step = {}
        for part in parts:
            chosen = draw(st.permutations(columns[part]))[: draw(st.integers(0, len(columns[part])))]
            if chosen:
                step[part] = {column.key: draw(DIGEST) for column in chosen}
        steps.append(step)
    assume(any(steps))
    return columns, steps


def write(columns: dict[str, list[Column]], steps: list[dict[str, dict[str, bytes]]]) -> tuple[bytes, bytes, list[int]]:
    """The raw files, and where each row ends."""
    blocks, rows, ends = io.BytesIO(), io.BytesIO(), []
    writer = RawWriter(blocks.write, rows.write)
    for number, step in enumerate(steps, 1):
        written = []
        for part, digests in step.items():
            by_key = {column.key: column for column in columns[part]}
            block = writer.block(part, "test-hash", tuple(by_key[key] for key in digests))
            written.append((block, b"".join(digests.values())))
        writer.row(number, CORE | LOSS, number / 3, 0.1, written)
        ends.append(rows.tell())
    return blocks.getvalue(), rows.getvalue(), ends


def opened(directory: Path, columns: dict[str, list[Column]], steps: list[dict[str, dict[str, bytes]]]) -> Trace:
    source = directory / "raw"
    source.mkdir(parents=True)
    blocks, rows, _ = write(columns, steps)
    (source / "blocks").write_bytes(blocks)
    (source / "rows").write_bytes(rows)
    assert write_columns(source, directory / "columns", level="full") is not None
    return Trace.at(directory / "columns")


@given(st.lists(st.lists(LABEL, min_size=1, max_size=4), max_size=4), st.integers(0, 100))
def test_records_come_back_and_a_cut_leaves_a_prefix(records: list[list[str]], cut: int) -> None:
    data = b"".join(encode_record(*record) for record in records)
    expected = [tuple(record) for record in records]
    assert decode_records(data) == expected
    kept = decode_records(data[:cut])
    assert kept == expected[: len(kept)]
    assert len(kept) == sum(
        len(b"".join(encode_record(*r) for r in records[:i])) <= cut for i in range(1, len(records) + 1)
    )


@given(traces(), st.data())
def test_raw_rows_come_back_and_any_cut_leaves_the_whole_rows_before_it(trace, data) -> None:
    columns, steps = trace
    blocks, rows, ends = write(columns, steps)
    declared = read_blocks(blocks)
    cut = data.draw(st.integers(0, len(rows)))
    read = list(read_rows(io.BytesIO(rows[:cut]).read))
    assert len(read) == sum(end <= cut for end in ends)
    for row, step in zip(read, steps, strict=False):
        found = {
            declared[number].part: {
                column.key: digests[16 * i : 16 * i + 16] for i, column in enumerate(declared[number].columns)
            }
            for number, digests in row.blocks.items()
        }
        assert found == step


@given(traces(), st.data())
def test_a_damaged_row_ends_the_reading_and_never_raises(trace, data) -> None:
    columns, steps = trace
    _, rows, ends = write(columns, steps)
    at = data.draw(st.integers(0, len(rows) - 1))
    damaged = bytearray(rows)
    damaged[at] ^= data.draw(st.integers(1, 255))
    whole = list(read_rows(io.BytesIO(rows).read))
    read = list(read_rows(io.BytesIO(bytes(damaged)).read))
    before = sum(end <= at for end in ends)
    assert repr(read[:before]) == repr(whole[:before])


@settings(deadline=None, max_examples=60)
@given(traces())
def test_columns_hold_what_the_rows_held(trace) -> None:
    columns, steps = trace
    with tempfile.TemporaryDirectory() as name:
        read = opened(Path(name), columns, steps)
        assert list(read.updates["step"]) == list(range(1, len(steps) + 1))
        assert set(read.parts) == {part for step in steps for part in step}
        for name_, part in read.parts.items():
            keys = [2 * number for number, step in enumerate(steps, 1) if name_ in step]
            assert list(part.keys) == keys
            for row, key in enumerate(keys):
                expected = steps[key // 2 - 1][name_]
                got = part.read(row, row + 1)[0]
                for index, column in enumerate(part.columns):
                    assert got[index].tobytes() == expected.get(column.key, bytes(16))


@settings(deadline=None, max_examples=60)
@given(traces(), st.data())
def test_one_flipped_digest_is_found_exactly_there_from_both_sides(trace, data) -> None:
    columns, steps = trace
    number = data.draw(st.sampled_from([i for i, step in enumerate(steps) if step]))
    part = data.draw(st.sampled_from(sorted(steps[number])))
    key = data.draw(st.sampled_from(sorted(steps[number][part])))
    other = [{p: dict(digests) for p, digests in step.items()} for step in steps]
    flipped = bytearray(other[number][part][key])
    flipped[data.draw(st.integers(0, 15))] ^= 1 << data.draw(st.integers(0, 7))
    assume(any(flipped))  # zeros mean: not digested
    other[number][part][key] = bytes(flipped)
    with tempfile.TemporaryDirectory() as name:
        a, b = opened(Path(name) / "a", columns, steps), opened(Path(name) / "b", columns, other)
        assert align(a, a).equal
        assert align(b, b).first is None
        for first, second in ((a, b), (b, a)):
            found = align(first, second)
            assert not found.equal
            assert found.first is not None
            assert (found.first.step, found.first.part) == (number + 1, part)
            assert found.first.tensors == (f"{part} {key}",)


@settings(deadline=None, max_examples=40)
@given(traces(), st.integers(1, 6))
def test_a_shorter_run_is_never_equal(trace, missing: int) -> None:
    columns, steps = trace
    shorter = steps[:-missing]
    assume(any(shorter))
    with tempfile.TemporaryDirectory() as name:
        a, b = opened(Path(name) / "a", columns, steps), opened(Path(name) / "b", columns, shorter)
        for first, second in ((a, b), (b, a)):
            found = align(first, second)
            assert not found.equal
            assert found.first is not None
            assert (found.first.part, found.first.step) == ("steps", len(shorter) + 1)


def _plain(
    steps: int, keys: list[str], seed: int = 0
) -> tuple[dict[str, list[Column]], list[dict[str, dict[str, bytes]]]]:
    random = np.random.default_rng(seed)
    columns = {"parameters": [Column(key, key) for key in keys]}
    return columns, [{"parameters": {key: random.bytes(16) for key in keys}} for _ in range(steps)]


@pytest.mark.parametrize("at", [0, 62, 63, 64, 127, 128, 129])
def test_differences_at_the_borders_of_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    monkeypatch.setattr(align_module, "_CHUNK", 64)
    columns, steps = _plain(130, ["w", "b"])
    other = [{"parameters": dict(step["parameters"])} for step in steps]
    other[at]["parameters"]["b"] = b"x" * 16
    found = align(opened(tmp_path / "a", columns, steps), opened(tmp_path / "b", columns, other))
    assert found.first is not None
    assert (found.first.step, found.first.tensors, found.steps_compared) == (
        at + 1,
        ("b",),
        max(at // 64 + 1, 1) * 64 if at < 128 else 130,
    )


def test_a_tensor_that_only_one_run_has_is_a_difference(tmp_path: Path) -> None:
    columns, steps = _plain(3, ["w", "b"])
    fewer = [{"parameters": {"w": step["parameters"]["w"]}} for step in steps]
    a = opened(tmp_path / "a", columns, steps)
    b = opened(tmp_path / "b", {"parameters": columns["parameters"][:1]}, fewer)
    for first, second in ((a, b), (b, a)):
        found = align(first, second)
        assert found.first is not None
        assert (found.first.step, found.first.tensors) == (1, ("b",))


def test_a_part_that_the_replay_lacks_is_a_gap_and_said(tmp_path: Path) -> None:
    columns, steps = _plain(3, ["w"])
    more = {**columns, "gradients": [Column("w", "w")]}
    a = opened(tmp_path / "a", more, [{**step, "gradients": {"w": b"g" * 16}} for step in steps])
    b = opened(tmp_path / "b", columns, steps)
    assert align(a, b).gaps == ["gradients: not in the replay"]
    assert align(b, a).not_compared == ["gradients: not in the record"]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3), (3, 1, 2, 0)])
def test_columns_in_another_order_keep_their_places(tmp_path: Path, order: tuple[int, ...]) -> None:
    columns, steps = _plain(2, ["a", "b", "c", "d"])
    keys = [columns["parameters"][i].key for i in order]
    steps[1]["parameters"] = {key: steps[1]["parameters"][key] for key in keys}
    part = opened(tmp_path, columns, steps).parts["parameters"]
    for index, column in enumerate(part.columns):
        assert part.read(1, 2)[0][index].tobytes() == steps[1]["parameters"][column.key]


class _Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.binary(min_size=1, max_size=50), st.sampled_from(["budget", "full", "light"]), st.floats(0, 10))
def test_a_plan_is_followed_exactly_whatever_it_costs(plan: bytes, level: str, cost: float) -> None:
    budget = Budget(level, plan)
    for step in range(1, len(plan) + 1):
        assert budget.choose(step) == (plan[step - 1] & PLAN)
        budget.spend(CORE, cost)
    assert budget.choose(len(plan) + 1) == CORE


@given(
    st.lists(st.floats(0.001, 0.5), min_size=5, max_size=300),
    st.floats(0.0001, 0.3),
    st.floats(0, 0.3),
    st.floats(0, 0.3),
)
def test_the_budget_is_kept_but_for_the_step_under_way(waits, core: float, entry: float, moments: float) -> None:
    clock = _Clock()
    budget = Budget("budget", clock=clock)
    for step, wait in enumerate(waits, 1):
        flags = budget.choose(step)
        spent = sum(cost for flag, cost in ((CORE, core), (ENTRY, entry), (MOMENTS, moments)) if flags & flag)
        for flag, cost in ((CORE, core), (ENTRY, entry), (MOMENTS, moments)):
            if flags & flag:
                budget.spend(flag, cost)
        clock.now += wait + spent
        assert budget.spent <= GRACE_SECONDS + SHARE * clock.now + core + entry + moments


def test_a_cheap_run_is_digested_whole_and_a_dear_one_is_not() -> None:
    chosen = {}
    for cost in (1e-6, 1.0):
        clock = _Clock()
        budget = Budget("budget", clock=clock)
        flags = []
        for step in range(1, 101):
            flags.append(budget.choose(step))
            if flags[-1] & CORE:
                budget.spend(CORE, cost)
            clock.now += 0.01
        chosen[cost] = flags
    assert chosen[1e-6] == [PLAN] * 100
    assert chosen[1.0][0] == PLAN
    assert not any(chosen[1.0][1:])


def test_moments_come_regularly_once_the_grace_is_used_up() -> None:
    clock = _Clock()
    budget = Budget("budget", clock=clock)
    with_moments = []
    for step in range(1, 2001):
        flags = budget.choose(step)
        if flags & MOMENTS:
            with_moments.append(step)
            budget.spend(MOMENTS, 0.02)
        if flags & CORE:
            budget.spend(CORE, 0.0004)
        clock.now += 0.1
    late = [step for step in with_moments if step > 1500]
    assert late
    assert all(step % MOMENTS_EVERY == 0 for step in late)


def test_levels_choose_their_parts() -> None:
    assert Budget("full").choose(10**6) == PLAN
    assert Budget("light").choose(1) == CORE
    assert set(EXECUTION_ORDER) > set(PARTS)
    assert not PLAN & (FINAL | LOSS)


@given(st.lists(st.floats(0, 2), max_size=5))
def test_what_was_spent_once_is_allowed_for_up_to_half_a_second(given_seconds: list[float]) -> None:
    budget = Budget(clock=lambda: 0.0)
    for seconds in given_seconds:
        budget.allow(seconds)
        budget.spend(ENTRY, seconds)
    assert GRACE_SECONDS <= budget.grace <= GRACE_SECONDS + 0.5 + 1e-9
    if sum(given_seconds) <= 0.5:
        assert budget.grace - budget.spent == pytest.approx(GRACE_SECONDS)
