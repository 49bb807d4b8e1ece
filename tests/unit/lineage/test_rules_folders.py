"""A directory that is one model: its files are together what a run left there, and not each for itself."""

import hashlib

import pytest

from reprokit.lineage.graph import Graph
from reprokit.lineage.rules.folders import of_folder
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage


def sha(text):
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def run(name, started, root="/p", used=(), **made):
    """A run and what it wrote: names are places, with ``__`` for a slash; values are contents."""
    places = {place.replace("__", "/"): text for place, text in made.items()}
    events = [Event(artifact=sha(text), execution=name, type="OUTPUT", path=(place,)) for place, text in places.items()]
    places_read = used if isinstance(used, dict) else {}
    events += [
        Event(artifact=sha(text), execution=name, type="INPUT", path=(place,)) for place, text in places_read.items()
    ]
    used = [*places_read.values()] or used
    events += [Event(artifact=sha(text), execution=name, type="INPUT") for text in used]
    return Lineage(
        artifacts=[Artifact(id=sha(text), type="Model", name=text) for text in {*places.values(), *used}],
        executions=[Execution(id=name, type="Run", name=name, started=started, properties={"root": root})],
        events=events,
    )


def wrong(files, *runs, folder="/p/m", foreign=()):
    from reprokit.lineage.merging import merge

    held = {path: sha(text) for path, text in files.items()}
    return sorted((one.code, one.message) for one in of_folder(Graph(merge(runs)), folder, held, foreign))


FIRST = run("first", 1, m__a="a1", m__b="b1", m__sub__c="c")
SECOND = run("second", 2, m__a="a2", m__b="b2")
AS_FIRST = {"a": "a1", "b": "b1", "sub/c": "c"}


@pytest.mark.parametrize(
    "files",
    [AS_FIRST, {"a": "a2", "b": "b2", "sub/c": "c"}, {"a": "a2", "b": "b2"}, {**AS_FIRST, "empty": ""}],
    ids=["the first run", "the second, which left a file", "a file that only the first made is gone", "an empty file"],
)
def test_what_a_run_left_holds(files):
    assert wrong(files, FIRST, SECOND) == []
    assert wrong(files, FIRST, SECOND, folder="/elsewhere/copy") == [], "a copy is the same model"


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({**AS_FIRST, "a": "x"}, "a is sha256:"),
        ({**AS_FIRST, "a": "a2"}, "b is sha256:"),  # a shard of the next run
        ({**AS_FIRST, "b": "b2"}, "a is sha256:"),
        ({"a": "a1", "b": "b1"}, "sub/c is gone"),
        ({**AS_FIRST, "a": "b1", "b": "a1"}, "a is sha256:"),  # exchanged
        ({**AS_FIRST, "a": ""}, "a is sha256:"),  # emptied
        ({"a": "x", "b": "y", "sub/c": "z"}, "a is sha256:"),
    ],
    ids=["changed", "mixed", "mixed otherwise", "gone", "exchanged", "emptied", "all changed"],
)
def test_what_no_run_left_is_named(files, named):
    found = wrong(files, FIRST, SECOND)
    assert {code for code, _ in found} == {"RPK174"}
    assert any(f"/p/m/{named}" in message for _, message in found), found


def test_a_file_that_nobody_made_is_not_passed_over():
    added = {**AS_FIRST, "extra": "x"}
    assert wrong(added, FIRST) == [("RPK179", "no run is known that made /p/m/extra")]
    assert wrong(added, FIRST, foreign=["extra"]) == wrong(added, FIRST, foreign=[sha("x")]) == []
    assert wrong(added, run("first", 1, used=["x"], m__a="a1", m__b="b1", m__sub__c="c")) == [], "the run brought it"
    reader = run("reader", 2, used=["x"], other="o")
    assert wrong(added, FIRST, reader) == [("RPK170", "no run is known that made /p/m/extra")]
    many = wrong({**AS_FIRST, **{f"x{number}": f"x{number}" for number in range(30)}}, FIRST)
    assert len(many) == 11
    assert "20 more files" in many[-1][1] or "20 more files" in many[0][1]


def test_a_later_run_that_changed_one_file_and_left_the_others():
    tuned = run("tuned", 3, used=["b1"], m__a="a3")
    assert wrong({**AS_FIRST, "a": "a3"}, FIRST, tuned) == []
    assert wrong({"a": "a3", "b": "b2", "sub/c": "c"}, FIRST, SECOND, tuned) == []
    assert wrong({**AS_FIRST, "a": "a3"}, FIRST, SECOND, tuned) != [], "the second run had changed `b` before"
    found = run("tuned", 3, used={"m/b": "b1"}, m__a="a3")
    assert wrong({**AS_FIRST, "a": "a3"}, FIRST, SECOND, found) == [], "it found an older one that was brought back"
    read = run("evaluated", 3, used={"m/a": "a1", "m/b": "b2"}, report="r")
    assert wrong({**AS_FIRST, "b": "b2"}, FIRST, SECOND, read) != [], "who only reads a mixture makes no model of it"
