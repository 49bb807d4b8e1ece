"""Python processes that did not load the observer are named, and copies that are about to become a compiler are not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from reprokit.capture.process_tree import SeenProcess
from reprokit.launch.unobserved import unobserved_processes

TRAIN = ("/usr/bin/python3", "train.py")


def _seen(pid: int, parent: int, arguments: tuple[str, ...], samples: int) -> SeenProcess:
    return SeenProcess(pid, parent, pid, arguments[0], arguments, (), samples)


@pytest.mark.parametrize(
    ("parent", "arguments", "samples", "named"),
    [
        (10, TRAIN, 1, False),  # forked to start g++, and sampled before it did
        (10, TRAIN, 2, True),  # goes on as Python, and has not said hello
        (10, (*TRAIN, "--seed", "1"), 1, True),  # another program
        (99, TRAIN, 1, True),  # not the child of one that is observed
        (10, ("/usr/bin/python3",), 3, False),
    ],
)
def test_a_copy_between_fork_and_exec_is_no_process_of_its_own(parent, arguments, samples, named):
    observed = [SimpleNamespace(pid=10, key="train", starts=[])]
    seen = [_seen(10, 1, TRAIN, 50), _seen(11, parent, arguments, samples)]
    assert bool(unobserved_processes(seen, observed, list(TRAIN))) is named
