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


def test_event_files_are_paired_in_the_order_in_which_they_were_begun():
    recorded = {"logs/events.out.tfevents.1795394507.vm.99.0.v2", "logs/events.out.tfevents.1795394507.vm.99.11.v2"}
    other = {"logs/events.out.tfevents.1795399999.a.b.c.1.0.v2", "logs/events.out.tfevents.1795400000.a.b.c.1.1.v2"}
    assert paired_names(recorded, other) == {
        "logs/events.out.tfevents.1795394507.vm.99.0.v2": "logs/events.out.tfevents.1795399999.a.b.c.1.0.v2",
        "logs/events.out.tfevents.1795394507.vm.99.11.v2": "logs/events.out.tfevents.1795400000.a.b.c.1.1.v2",
    }


@pytest.mark.parametrize(
    ("recorded", "other"),
    [
        (
            "runs/Nov30_23-59-58_vm/events.out.tfevents.1.vm.3.0",
            "runs/Dec01_00-00-03_host.2/events.out.tfevents.9.h.8.0",
        ),
        ("events.out.tfevents.1795394507.vm", "events.out.tfevents.1795394509.vm"),
    ],
)
def test_an_event_file_is_paired_across_hosts_and_directories_with_a_date(recorded, other):
    assert paired_names({recorded}, {other}) == {recorded: other}


def test_event_files_of_different_kinds_or_numbers_are_not_paired():
    train, validation = "train/events.out.tfevents.1.vm.3.0.v2", "validation/events.out.tfevents.2.vm.3.0.v2"
    assert paired_names({train}, {validation}) == {}
    assert paired_names({train, train.replace("3.0", "3.1")}, {train.replace("s.1", "s.2")}) == {}


def tracked(time, own):
    base = f"wandb/offline-run-20261123_{time}-{own}"
    return [f"{base}/run-{own}.wandb", f"{base}/files/a.png"]


def test_runs_of_wandb_are_paired_in_the_order_in_which_they_began():
    first, second, later = tracked("083145", "zzz"), tracked("083150", "aaa"), tracked("090001", "mmm")
    other = [*tracked("100000", "ccc"), *tracked("100007", "bbb")]
    assert paired_names({*first, *second}, {*other}) == dict(zip([*first, *second], other, strict=True))
    assert paired_names({*first, *second}, {*other, *later}) == {}
