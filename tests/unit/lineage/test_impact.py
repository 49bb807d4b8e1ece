"""Which models honour an opt-out list: each way to honour it and each way not to."""

import shutil
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprokit.lineage.graph import Graph
from reprokit.lineage.impact import UNCOVERED, impact
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

TYPES = {"m": "Model", "d": "DatasetManifest", "l": "OptOutList", "f": "File", "x": "Verdict"}


def graph(*steps, uncovered=()):
    """Lines of ``used > made``; a name's first letter is its type; what makes a ``d`` is a preprocessing."""
    names, executions, events = set(), [], []
    for number, step in enumerate(steps):
        used, made = (side.split(",") if side else [] for side in step.split(" > "))
        run = f"run{number}"
        executions.append(Execution(
            id=run, type="Preprocessing" if made[0][0] == "d" else "Run",
            properties={UNCOVERED: 2} if number in uncovered else {},
        ))  # fmt: skip
        names |= {*used, *made}
        events += [Event(artifact=name, execution=run, type="INPUT") for name in used]
        events += [Event(artifact=name, execution=run, type="OUTPUT") for name in made]
    artifacts = [
        Artifact(id=name, type=TYPES[name[0]], name=name, properties={"version": name[1:]} if name[0] == "l" else {})
        for name in names
    ]
    return Graph(Lineage(artifacts=artifacts, executions=executions, events=events))


def answers(*steps, uncovered=()):
    found = impact(graph(*steps, uncovered=uncovered), "l2", ["l1"])
    return {
        **{node.id: "affected" for node in found.affected},
        **{node.id: "unknown" for node in found.unknown},
        **{node.id: "clear" for node in found.clear},
    }


@pytest.mark.parametrize(
    ("steps", "answer"),
    [
        (("draw,l2 > dclean", "dclean > m"), "clear"),
        (("draw,l2 > dclean", "dclean > dtokens", "dtokens > m"), "clear"),
        (("draw,l1 > dclean", "dclean > m"), "affected"),
        (("draw,l1 > dclean", "dclean > dtokens", "dtokens > m"), "affected"),
        (("draw,l1 > dold", "dold,l2 > dclean", "dclean > m"), "clear"),
        (("draw,l2 > dclean", "dclean,l1 > dagain", "dagain > m"), "clear"),  # the newest was applied before
        (("draw > m",), "affected"),
        (("draw,l2 > dclean", "dclean,draw > m"), "affected"),
        (("draw,l2 > dclean", "dclean,dother > dmixed", "dmixed > m"), "affected"),
        (("draw,l1 > dold", "dold > mbase", "draw,l2 > dclean", "dclean,mbase > m"), "affected"),
        (("draw,l2 > dclean", "dclean > mbase", "mbase,dclean > m"), "clear"),
        (("draw,l2 > dclean", "mdownloaded,dclean > m"), "unknown"),
        (("ftext > m",), "unknown"),
        (("ftext > fclean", "fclean > m"), "unknown"),
        (("draw,l2 > dclean", "dclean,ftext > m"), "clear"),  # the manifest speaks for the run's files
        (("draw,l2 > dclean", "dclean > fbatch", "fbatch > m"), "clear"),
        (("draw,l1 > dold", "dold > fbatch", "fbatch > m"), "affected"),
        (("mbase,ftext > m",), "unknown"),
        ((" > m",), "unknown"),
        (("l2 > m",), "unknown"),  # to have read the list is no proof that it was applied
    ],
)
def test_each_way(steps, answer):
    assert answers(*steps)["m"] == answer


def test_files_that_no_manifest_holds_make_a_clear_answer_unknown_and_no_affected_one_better():
    clear = ("draw,l2 > dclean", "dclean > m")
    assert answers(*clear)["m"] == "clear"
    assert answers(*clear, uncovered={1})["m"] == "unknown"
    assert answers("draw > m", uncovered={0})["m"] == "affected"


def test_files_that_recorded_runs_made_answer_for_themselves():
    chain = ("draw,{} > dclean", "dclean,fclean > ftokens,fwords", "ftokens,fwords > m")
    for newest, answer in (("l2", "clear"), ("l1", "affected")):
        assert answers(*(step.format(newest) for step in chain), uncovered=[2])["m"] == answer
    cut = ("draw,l2 > dclean", "dclean > ftokens", "ftokens > m")
    assert answers(*cut, uncovered=[2])["m"] == "unknown", "the run read two files, and one is known"
    assert answers("draw,l2 > dclean", "dclean > fa", "fa,fb > m", uncovered=[2])["m"] == "unknown"
    assert answers("draw,l2 > dclean", "dclean > fa,fb", "dclean,fa,fb > m", uncovered=[2])["m"] == "unknown"


def test_what_follows_from_itself_is_unknown():
    assert answers("da > db", "db > da", "db > m")["m"] == "unknown"
    assert answers("da,draw > db", "db > da", "db > m")["m"] == "affected"


def test_the_reasons_lead_to_what_is_wrong():
    found = impact(graph("draw,l1 > dold", "dold > dtokens", "dtokens > m"), "l2", ["l1"])
    assert found.reasons["m"] == [
        "Model m (m) was made of DatasetManifest dtokens (dtokens)",
        "DatasetManifest dtokens (dtokens) was made of DatasetManifest dold (dold)",
        "DatasetManifest dold (dold) names another version of the list: OptOutList l1 (l1), version 1",
    ]
    assert [node.id for node in found.manifests] == ["dold", "draw", "dtokens"]
    assert found.reasons["draw"] == ["DatasetManifest draw (draw) names no version of the list"]


def test_a_long_chain_is_judged():
    steps = ["draw,l1 > d0", *(f"d{i} > d{i + 1}" for i in range(2000)), "d2000 > m"]
    assert answers(*steps)["m"] == "affected"
    assert answers("draw,l2 > d0", *steps[1:])["m"] == "clear"


NAMES = [f"{kind}{number}" for kind in "mdf" for number in range(3)] + ["l1", "l2", "x1"]
STEPS = st.lists(
    st.tuples(st.sets(st.sampled_from(NAMES), max_size=3), st.sets(st.sampled_from(NAMES), min_size=1, max_size=2),
              st.booleans()),
    max_size=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A store with its tables: they take longer to make than a question."""
    pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
    from reprokit.lineage.store import Store

    place = tmp_path_factory.mktemp("empty") / "graph.sqlite"
    Store(place).close()
    return place


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, random=st.randoms())
def test_a_store_gives_the_same_answer_as_memory(empty, steps, random):
    """Whatever the graph is: circles, several makers, files in between, runs that read what is in no manifest."""
    from reprokit.lineage.store import Store

    held = graph(
        *(",".join(sorted(used)) + " > " + ",".join(sorted(made, key=lambda name: name[0] != "d"))
          for used, made, _ in steps),
        uncovered={number for number, (_, _, missed) in enumerate(steps) if missed},
    ).lineage  # fmt: skip
    parts = [Lineage(artifacts=held.artifacts), Lineage(executions=held.executions), Lineage(events=held.events)]
    random.shuffle(parts)
    with tempfile.TemporaryDirectory() as directory, Store(shutil.copy(empty, directory)) as store:
        for part in parts:
            store.add(part)
        there = store.impact("l2", ["l1"])
    here = impact(Graph(held), "l2", ["l1"])
    for answer in ("affected", "unknown", "clear", "manifests"):
        assert getattr(there, answer) == getattr(here, answer)
    assert there.reasons.keys() == here.reasons.keys()
    assert {key: bool(said) for key, said in there.reasons.items()} == {k: bool(v) for k, v in here.reasons.items()}


def test_a_list_that_nobody_has_heard_of_is_honoured_by_nothing():
    found = impact(graph("draw,l1 > dclean", "dclean > m"), "sha256:new", ["l1"])
    assert [node.id for node in found.affected] == ["m"]
