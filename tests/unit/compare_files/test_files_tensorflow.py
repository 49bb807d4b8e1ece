"""TensorFlow's files, written by hand: checkpoints, SavedModel graphs, event files."""

from __future__ import annotations

import numpy as np
import pytest

from reprokit.compare.files import Options, compare_files, compare_groups, groups_in
from reprokit.launch.outputs import Unpaired, compare_outputs
from tests.unit.compare_files import framework_bytes as fb

VALUES = {"a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float32(1).reshape(())}


def written(folder, files):
    found = {}
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        found[name] = path
    return found


def compared(tmp_path, a, b):
    sides = written(tmp_path / "a", a), written(tmp_path / "b", b)
    return dict(compare_outputs(*sides, Options()))


def checkpoint(tensors, shards=1):
    return {f"ckpt{ending}": data for ending, data in fb.bundle(tensors, shards).items()}


def one_step_further(tensors):
    changed = {name: array.copy() for name, array in tensors.items()}
    changed["a/kernel"][1, 2] = np.nextafter(changed["a/kernel"][1, 2], np.float32(9))
    return changed


def test_into_how_many_files_a_checkpoint_is_split_is_no_content(tmp_path):
    [(name, found)] = compared(tmp_path, checkpoint(VALUES), checkpoint(VALUES, 2)).items()
    assert (name, found.equal, found.method) == ("ckpt", True, "TensorFlow checkpoint: 2 tensors")


def test_one_step_of_one_element_is_found_by_name(tmp_path):
    found = compared(tmp_path, checkpoint(VALUES, 2), checkpoint(one_step_further(VALUES)))["ckpt"]
    [difference] = found.differences
    assert (difference.where, difference.index, difference.max_ulp) == ("a/kernel", (1, 2), 1)
    assert found.same_schema


@pytest.mark.parametrize("lost", ["ckpt.data-00001-of-00002", "ckpt.index"])
def test_a_checkpoint_that_has_lost_a_file_is_not_equal(tmp_path, lost):
    files = checkpoint(VALUES, 2)
    found = compared(tmp_path, files, {name: data for name, data in files.items() if name != lost})
    assert isinstance(found[lost], Unpaired)
    assert not found[lost].written


def test_a_checkpoint_that_was_cut_is_compared_file_by_file(tmp_path):
    files = checkpoint(VALUES)
    cut = {name: data[:-8] if "data" in name else data for name, data in files.items()}
    found = compared(tmp_path, files, cut)
    assert found["ckpt.index"].equal
    assert not found["ckpt.data-00000-of-00001"].equal
    assert "RPK111" in found["ckpt.data-00000-of-00001"].note


def test_the_times_in_a_checkpoint_state_are_no_content(tmp_path):
    text = 'model_checkpoint_path: "ckpt-{}"\nall_model_checkpoint_timestamps: {}\nlast_preserved_timestamp: {}\n'
    for name, form in {"a": (1, 1.5, 2.5), "b": (1, 3.5, 4.5), "c": (2, 1.5, 2.5)}.items():
        (tmp_path / name).write_text(text.format(*form))
    assert compare_files(tmp_path / "a", tmp_path / "b", "checkpoint").equal
    assert not compare_files(tmp_path / "a", tmp_path / "c", "checkpoint").equal


def model(**settings):
    files = fb.bundle(VALUES)
    variables = {f"m/variables/variables{ending}": data for ending, data in files.items()}
    return {"m/saved_model.pb": fb.saved_model(**{"constant": (1.0, 2.0), **settings}), **variables}


@pytest.mark.parametrize("noise", [{"uid": 4711}, {"first": "b"}, {"debug": b"/home/me/train.py"}])
def test_counts_order_and_source_lines_are_no_content_of_a_graph(tmp_path, noise):
    fingerprints = {"m/fingerprint.pb": b"1"}, {"m/fingerprint.pb": b"2"}
    found = compared(tmp_path, model() | fingerprints[0], model(**noise) | fingerprints[1])["m"]
    assert (found.equal, found.note) == (True, "RPK112: passed over: fingerprint.pb")


@pytest.mark.parametrize("change", [{"constant": (1.0, 3.0)}, {"op": "Tanh"}])
def test_a_constant_and_an_operation_are_content_of_a_graph(tmp_path, change):
    found = compared(tmp_path, model(), model(**change))["m"]
    assert not found.equal
    assert "__inference_call_#0/node/" in found.differences[0].where


def test_variables_of_a_model_are_content(tmp_path):
    changed = model()
    changed["m/variables/variables.data-00000-of-00001"] = bytes(28)
    found = compared(tmp_path, model(), changed)["m"]
    assert found.differences[0].where == "variables/a/kernel"


def test_a_model_without_its_variables_is_not_equal(tmp_path):
    changed = model()
    del changed["m/variables/variables.index"]
    found = compared(tmp_path, model(), changed)
    assert isinstance(found["m/variables/variables.index"], Unpaired)


def test_groups_take_no_file_twice(tmp_path):
    files = written(tmp_path, model() | checkpoint(VALUES) | {"other.index": b"x"})
    assert {root: group.comparator.kind for root, group in groups_in(files).items()} == {
        "m": "SavedModel",
        "ckpt": "TensorFlow checkpoint",
    }
    same = groups_in(files)["m"]
    assert compare_groups(same, same, Options())[0].equal


EVENTS = [("loss", 1, 0.5), ("accuracy", 1, 0.25), ("loss", 2, 0.25)]
OLD, NEW = "logs/events.out.tfevents.1795394507.one.99.0.v2", "logs/events.out.tfevents.1795399507.two.7.0.v2"


def test_event_files_of_two_runs_are_equal_but_for_times_names_and_order(tmp_path):
    ordered = [EVENTS[1], EVENTS[0], EVENTS[2]]
    found = compared(tmp_path, {OLD: fb.events(EVENTS)}, {NEW: fb.events(ordered, wall_time=2.0)})[OLD]
    assert found.equal
    assert found.method == "TensorBoard events: 4 tensors, 1 value"


def test_a_changed_scalar_is_found_by_tag_and_place(tmp_path):
    changed = [*EVENTS[:2], ("loss", 2, float(np.nextafter(np.float32(0.25), np.float32(1))))]
    found = compared(tmp_path, {OLD: fb.events(EVENTS)}, {NEW: fb.events(changed)})[OLD]
    [difference] = found.differences
    assert (difference.where, difference.index, difference.max_ulp) == ("loss/value", (1,), 1)


@pytest.mark.parametrize("changed", [EVENTS[:2], [*EVENTS[:2], ("loss", 3, 0.25)], [*EVENTS[:2], ("other", 2, 0.25)]])
def test_events_that_are_missing_or_at_another_step_or_tag_differ(tmp_path, changed):
    assert not compared(tmp_path, {OLD: fb.events(EVENTS)}, {NEW: fb.events(changed)})[OLD].equal


def test_an_event_file_that_was_cut_differs(tmp_path):
    whole = fb.events(EVENTS)
    found = compared(tmp_path, {OLD: whole}, {NEW: whole[:-1]})[OLD]
    assert not found.equal
    assert "RPK051" in found.note
