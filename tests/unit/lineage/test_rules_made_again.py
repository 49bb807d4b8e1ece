"""A stage that ran again and made one of its files anew, bit by bit: that file has two makers, and says one of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from reprokit.launch.lineage_chain import HeldGraph, chain_of
from reprokit.lineage.rules import FileState, judge_release, judge_several
from reprokit.lineage.rules.sealing import sealed
from reprokit.lineage.store import Store
from reprokit.schema.lineage import Artifact, Lineage
from reprokit.schema.release import ReleaseRules

_spec = importlib.util.spec_from_file_location("release_graphs", Path(__file__).with_name("release_graphs.py"))
g = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(g)

VOCAB = g.digest("vocab")
PREPARE, TRAIN, LATER = "urn:uuid:prepare", "urn:uuid:train", "urn:uuid:zzz"
"""Of two makers the greater identifier stays in a merge, so ``LATER`` is the one that an artifact says."""


@pytest.fixture(params=["memory", "store"])
def source(request, tmp_path):
    """Makes of a graph what a release is judged by."""
    if request.param == "memory":
        yield HeldGraph
        return
    with Store(str(tmp_path / "lineage.sqlite")) as store:

        def filled(lineage):
            store.add(lineage)
            return store

        yield filled


def codes(source, *subjects):
    rules = ReleaseRules()
    findings = judge_several(chain_of(source, subjects, Lineage()), subjects, rules, g.NOW).findings
    return [(one.code, one.node) for one in findings]


def made_by(lineage, run, *artifacts):
    for artifact in artifacts:
        lineage = g.changed(lineage, artifact, made_by=run)
    return lineage


def first():
    """The good chain; its first stage also makes a vocabulary, which training does not read."""
    vocabulary = Lineage(
        artifacts=[Artifact(id=VOCAB, type="File", name="vocab.txt")], events=[g.event(PREPARE, VOCAB, "OUTPUT")]
    )
    return made_by(made_by(g.joined(g.parts(), vocabulary), PREPARE, g.TOKENS, VOCAB), TRAIN, g.MODEL)


def again(*made):
    """Another run, of other data, that made the same content."""
    data = g.digest("other data")
    artifacts = [
        Artifact(id=one, type="Model" if one == g.MODEL else "File", properties={"made_by": LATER}) for one in made
    ]
    return sealed(Lineage(
        artifacts=[Artifact(id=data, type="DatasetManifest", name="other"), *artifacts],
        executions=[g.run("zzz", g.NOW - 2 * g.DAY, root="/other")],
        events=[g.event(LATER, data), *(g.event(LATER, one, "OUTPUT") for one in made)],
    ))  # fmt: skip


@pytest.mark.parametrize("subject", [g.MODEL, g.BUNDLE, TRAIN])
def test_a_file_beside_the_chain_that_another_run_made_too_was_not_cut_off(source, subject):
    graph = g.joined(sealed(first()), again(VOCAB))
    assert {one.id: one for one in graph.artifacts}[VOCAB].properties["made_by"] == LATER
    assert codes(source(graph), subject) == []


@pytest.mark.parametrize("subject", [g.MODEL, g.BUNDLE, TRAIN])
def test_a_model_that_another_run_made_too_was_not_cut_off(source, subject):
    assert codes(source(g.joined(sealed(first()), again(g.MODEL, VOCAB))), subject) == []


@pytest.mark.parametrize("subject", [g.MODEL, g.BUNDLE, TRAIN])
def test_a_model_that_says_another_maker_was_cut_off(source, subject):
    """The control: it was made by a run that is not linked to it, whichever way it is asked about."""
    moved = made_by(sealed(first()), LATER, g.MODEL)
    assert codes(source(moved), subject) == [("RPK170", g.MODEL)]


def test_each_of_several_models_is_asked_for_its_maker(source):
    """They are judged once where the same run made them; the second one says that another one did."""
    second = g.digest("z second")
    both = g.joined(first(), Lineage(
        artifacts=[Artifact(id=second, type="Model", properties={"made_by": LATER})],
        events=[g.event(TRAIN, second, "OUTPUT")],
    ))  # fmt: skip
    assert codes(source(sealed(both)), g.MODEL, second) == [("RPK170", second)]


def test_a_file_of_one_chain_is_no_matter_of_another_that_made_the_same_model():
    """Raw data were changed, and all was run again and came out alike: the first run's data lie there no more."""
    first_raw, second_raw, bundle = g.digest("first raw"), g.digest("second raw"), g.digest("again")
    data = Lineage(
        artifacts=[Artifact(id=first_raw, type="File"), Artifact(id=second_raw, type="File"),
                   Artifact(id=bundle, type="Bundle")],
        events=[g.event(PREPARE, first_raw), g.event(LATER, second_raw), g.event(LATER, bundle, "OUTPUT")],
    )  # fmt: skip
    graph = sealed(g.joined(first(), again(g.MODEL), data, g.replay("second", bundle, g.NOW - g.DAY)))

    def found(*changed):
        files = {one: FileState("/p/raw.txt", g.digest("something else")) for one in changed}
        return [(one.code, one.node) for one in judge_release(graph, g.MODEL, ReleaseRules(), g.NOW, files).findings]

    assert found() == []
    assert found(first_raw) == [], "the second chain holds"
    assert found(second_raw) == [], "and here the first one"
    assert len(found(first_raw, second_raw)) == 1, "none does"
    assert found(g.MODEL) == [("RPK174", g.MODEL)], "it is of both"
    assert found(g.digest("neither")) == [("RPK174", g.digest("neither"))], "nobody's file excuses nobody"
