"""Files of a chain that still lie in their place: what the chain itself wrote over was not changed."""

from __future__ import annotations

import pytest

from reprokit.digest import sha256_bytes
from reprokit.launch.lineage_chain import files_at_hand
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

TIMES = {"first": 100, "second": 200, "third": 300}


def kept(content):
    return Artifact(id=sha256_bytes(content), type="Model", name="model.npz")


def resumed(root):
    """Three runs, each of which reads the checkpoint of the one before and writes its own in the same place."""
    contents = [b"one", b"two", b"three"]
    events = []
    for number, name in enumerate(TIMES):
        place = {"execution": f"urn:uuid:{name}", "path": ["model.npz"]}
        events.append(Event(artifact=sha256_bytes(contents[number]), type="OUTPUT", **place))
        if number:
            events.append(Event(artifact=sha256_bytes(contents[number - 1]), type="INPUT", **place))
    runs = [
        Execution(id=f"urn:uuid:{name}", type="Run", started=time, ended=time + 9, properties={"root": str(root)})
        for name, time in TIMES.items()
    ]
    return Lineage(artifacts=[kept(one) for one in contents], executions=runs, events=events)


def wrong(root, subject, now):
    (root / "model.npz").write_bytes(now)
    found = files_at_hand(resumed(root), sha256_bytes(subject))
    return {artifact for artifact, state in found.items() if state.digest != artifact}


def test_a_checkpoint_that_training_went_on_from_and_replaced_was_not_changed(tmp_path):
    assert wrong(tmp_path, b"three", b"three") == set()
    assert wrong(tmp_path, b"two", b"two") == set()


@pytest.mark.parametrize("now", [b"another", b"one"])
def test_what_no_run_of_the_chain_left_there_last_was_changed(now, tmp_path):
    """Also where an earlier checkpoint was put back: it is not what the chain left there."""
    assert sha256_bytes(b"three") in wrong(tmp_path, b"three", now)
    assert sha256_bytes(b"two") in wrong(tmp_path, b"three", now)


def test_what_a_later_run_wrote_is_of_no_chain_that_ended_before_it(tmp_path):
    assert wrong(tmp_path, b"two", b"three") == {sha256_bytes(b"one"), sha256_bytes(b"two")}
