"""Equal content in other bytes is equal; what only looks equal is not."""

from __future__ import annotations

import sys

import pytest

STAMPED = (sys.executable, "stamped.py")


@pytest.fixture(scope="module")
def stamped(training):
    recording = training.record(*STAMPED)
    return recording, training.replay(recording, "--runs", "2")


def test_outputs_that_differ_in_container_bytes_alone_are_equal(stamped):
    """Zip dates and archive names: the script writes them anew in every run."""
    recording, verdict = stamped
    assert verdict["tier"] == "bitwise", verdict["reason"]
    assert {output["path"] for output in verdict["outputs"]} >= {"dated.npz", "named.pt"}
    assert {output["method"] for output in verdict["outputs"]}.isdisjoint({"bytes", "presence"})
    del recording


@pytest.mark.slow
def test_the_bytes_of_those_containers_do_differ(training):
    """The control: it was the content that was compared, as the bytes of two runs are not the same."""
    first, second = training.record(*STAMPED), training.record(*STAMPED, again=1)
    digests = [{o["path"].rpartition("/")[2]: o["sha256"] for o in r.report["outputs"]} for r in (first, second)]
    assert all(digests[0][name] != digests[1][name] for name in ("dated.npz", "named.pt"))
    assert training.compare(first, second, status=0)["tier"] == "bitwise"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "name"),
    [("np.savez(buffer, w=weights, b=bias)", "dated.npz"), ("torch.save(state, name)", "named.pt")],
)
def test_one_ulp_in_such_a_container_is_a_difference(training, line, name):
    nudge = "weights[2] = np.nextafter(weights[2], np.float32(9))\nstate['w'] = torch.from_numpy(weights.copy())"
    verdict = training.diverges(STAMPED, training.plant(line, nudge))
    output = next(output for output in verdict["outputs"] if output["path"] == name)
    assert not output["equal"]
    assert output["differences"][0]["max_ulp"] == 1
    assert output["differences"][0]["index"] == [2]


@pytest.mark.slow
def test_different_standard_output_alone_does_not_decide(stamped):
    """The script prints its process id."""
    assert [run["stdout_equal"] for run in stamped[1]["runs"]] == [False, False]
    assert stamped[1]["met"]


@pytest.mark.slow
def test_a_run_that_ends_in_nan_is_still_equal_to_itself(training):
    recording = training.record(sys.executable, "diverging.py")
    verdict = training.replay(recording)
    assert verdict["tier"] == "bitwise", verdict["reason"]
    assert any(metric["recorded"] == "NaN" for metric in verdict["metrics"]), verdict["metrics"]
