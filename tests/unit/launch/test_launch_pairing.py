"""Names that hold a time or a random part are paired; nothing else is."""

from __future__ import annotations

import pytest

from reprokit.launch.pairing import paired_names

A = "3f2b8c1e-9f0a-4c3b-8a51-0d9be3f1c2aa"
B = "77aa01c2-1111-4222-9333-444455556666"


@pytest.mark.parametrize(
    ("recorded", "other"),
    [
        ("runs/2026-11-22_18-44-41/w.npy", "runs/2026-11-22_18-44-48/w.npy"),
        (f"out/{A}.txt", f"out/{B}.txt"),
        ("log-1795372687.json", "log-1795372699.json"),
        ("ckpt_20261122T184441.pt", "ckpt_20261122T184448.pt"),
    ],
)
def test_a_time_or_a_random_part_is_passed_over(recorded, other):
    assert paired_names({recorded}, {other}) == {recorded: other}


@pytest.mark.parametrize(
    ("recorded", "other"),
    [
        ({"model.pt"}, {"other.pt"}),
        ({"epoch-1.pt"}, {"epoch-2.pt"}),
        ({"run-17953726.pt"}, {"run-17953726.npz"}),
        ({"a-11111.pt", "a-22222.pt"}, {"a-33333.pt"}),
        ({"a-11111.pt"}, {"a-22222.pt", "a-33333.pt"}),
        ({"same-12345.pt"}, {"same-12345.pt"}),
    ],
)
def test_nothing_else_is_paired(recorded, other):
    assert paired_names(recorded, other) == {}
