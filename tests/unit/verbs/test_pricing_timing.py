"""How long a training took, from marks at some of its steps."""

from __future__ import annotations

import struct

import pytest

from reprokit.trace.clock import CLOCK_FILE, Mark, read_marks
from reprokit.verbs.pricing.timing import measured


def marks(*steps, pace=0.5, first=3.0):
    """A first step that takes ``first`` seconds, and others that take ``pace``."""
    return [Mark(step, 100 + first + pace * (step - 1)) for step in steps]


@pytest.mark.parametrize("steps", [range(1, 101), (1, 11, 100), (1, 100), (1, 64, 128), (1, 2)])
def test_the_pace_does_not_depend_on_which_steps_have_a_mark(steps):
    assert measured(marks(*steps)) == pytest.approx(0.5 * max(steps))


def test_the_first_tenth_warms_up():
    slow = [Mark(step, float(step)) for step in range(1, 11)] + [
        Mark(10 + step, 10 + step / 2) for step in range(1, 91)
    ]
    assert measured(slow) == pytest.approx(50)


@pytest.mark.parametrize("found", [[], [Mark(1, 1.0)], [Mark(3, 1.0), Mark(3, 2.0)], [Mark(1, 2.0), Mark(2, 2.0)]])
def test_too_little_to_measure(found):
    assert measured(found) is None


def test_marks_are_read_up_to_the_reserved_space_and_after_a_cut(tmp_path):
    assert read_marks(tmp_path) == []
    whole = struct.pack("=dddd", 1, 0.5, 2, 0.75)
    for rest in (b"", bytes(160), b"\x00\x01\x02"):
        (tmp_path / CLOCK_FILE).write_bytes(whole + rest)
        assert read_marks(tmp_path) == [Mark(1, 0.5), Mark(2, 0.75)]
