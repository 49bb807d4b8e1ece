"""Laws of the lineage graph: merging is a join, documents and stores give back what they were given, walks agree."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprokit.lineage.graph import Graph
from reprokit.lineage.merging import merge, normal
from reprokit.schema.lineage import (
    UNKNOWN,
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    Execution,
    Lineage,
    Parent,
)

ARTIFACTS, EXECUTIONS, CONTEXTS = (tuple(f"{kind}{i}" for i in range(5)) for kind in ("a", "e", "c"))
TEXT = st.text(max_size=6)
EXACT = 2**53 - 1
TIMES = st.integers(0, EXACT)
VALUES = st.one_of(TEXT, st.integers(), st.floats(), st.booleans())
PROPERTIES = st.dictionaries(TEXT, VALUES, max_size=3)
TYPES = st.sampled_from(["Model", "File", "DatasetManifest", UNKNOWN])


def _node(kind, ids, **fields):
    return st.builds(kind, id=st.sampled_from(ids), type=TYPES, name=TEXT, properties=PROPERTIES, **fields)


EVENTS = st.builds(
    Event, artifact=st.sampled_from(ARTIFACTS), execution=st.sampled_from(EXECUTIONS), time=TIMES,
    path=st.lists(st.one_of(TEXT, st.integers(-EXACT, EXACT)), max_size=2).map(tuple),
    type=st.sampled_from(["INPUT", "OUTPUT", "DECLARED_INPUT", "INTERNAL_OUTPUT", "PENDING_OUTPUT"]),
)  # fmt: skip
GRAPHS = st.builds(
    Lineage,
    artifacts=st.lists(_node(Artifact, ARTIFACTS, uri=TEXT, created=TIMES,
                             state=st.sampled_from(["UNKNOWN", "LIVE", "DELETED", "REFERENCE"])), max_size=6),
    executions=st.lists(_node(Execution, EXECUTIONS, started=TIMES, ended=TIMES,
                              state=st.sampled_from(["NEW", "RUNNING", "COMPLETE", "FAILED"])), max_size=6),
    contexts=st.lists(_node(Context, CONTEXTS), max_size=4),
    events=st.lists(EVENTS, max_size=12),
    attributions=st.lists(st.builds(Attribution, context=st.sampled_from(CONTEXTS),
                                    artifact=st.sampled_from(ARTIFACTS)), max_size=4),
    associations=st.lists(st.builds(Association, context=st.sampled_from(CONTEXTS),
                                    execution=st.sampled_from(EXECUTIONS)), max_size=4),
    parents=st.lists(st.builds(Parent, child=st.sampled_from(CONTEXTS), parent=st.sampled_from(CONTEXTS)), max_size=4),
)  # fmt: skip

LAW = settings(max_examples=40, deadline=None)


@LAW
@given(GRAPHS, GRAPHS)
def test_merging_is_commutative(one, other):
    assert merge([one, other]) == merge([other, one])


@LAW
@given(GRAPHS, GRAPHS, GRAPHS)
def test_merging_is_associative(one, other, third):
    assert merge([merge([one, other]), third]) == merge([one, merge([other, third])])


@LAW
@given(GRAPHS, GRAPHS)
def test_merging_is_idempotent_and_loses_no_node(one, other):
    both = merge([one, other])
    assert merge([both, one]) == both
    assert normal(both) == both
    for part in ("artifacts", "executions", "contexts"):
        assert {node.id for node in getattr(both, part)} == {
            node.id for graph in (one, other) for node in getattr(graph, part)
        }
    assert {*both.events} == {*one.events, *other.events}


def test_a_last_writer_who_wins_would_be_found():
    """The planted fault: a dictionary update in place of a join is not commutative."""
    one, other = (Lineage(artifacts=[Artifact(id="a", type="File", name=name)]) for name in "xy")
    last = {node.id: node for graph in (one, other) for node in graph.artifacts}
    first = {node.id: node for graph in (other, one) for node in graph.artifacts}
    assert last != first
    assert merge([one, other]) == merge([other, one])


@LAW
@given(GRAPHS)
def test_a_document_gives_back_the_graph(graph):
    assert Lineage.parse(graph.canonical(), "it") == graph
    assert Lineage.parse(json.dumps(graph.to_json()).encode(), "it") == graph


def with_placeholders(graph: Lineage) -> Lineage:
    """What a store holds: something for all that an event or a link names."""
    artifacts, executions, contexts = (
        {event.artifact for event in graph.events} | {link.artifact for link in graph.attributions},
        {event.execution for event in graph.events} | {link.execution for link in graph.associations},
        {link.context for link in (*graph.attributions, *graph.associations)}
        | {end for link in graph.parents for end in (link.child, link.parent)},
    )
    return merge([graph, Lineage(
        artifacts=[Artifact(id=name, type=UNKNOWN, state="UNKNOWN") for name in artifacts
                   if name not in {node.id for node in graph.artifacts}],
        executions=[Execution(id=name, type=UNKNOWN, state="UNKNOWN") for name in executions
                    if name not in {node.id for node in graph.executions}],
        contexts=[Context(id=name, type=UNKNOWN) for name in contexts
                  if name not in {node.id for node in graph.contexts}],
    )])  # fmt: skip


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


@settings(LAW, max_examples=25)
@given(st.lists(GRAPHS, min_size=1, max_size=3), st.sampled_from([*ARTIFACTS, *EXECUTIONS]))
def test_a_store_is_a_merge_and_walks_in_it_are_walks_in_memory(room, graphs, start):
    pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
    from reprokit.lineage.store import Store

    place = room / "one.sqlite"
    for path in room.iterdir():
        path.unlink()
    with Store(place) as store:
        for graph in graphs:
            store.add(graph)
        held = store.everything()
        graph = Graph(with_placeholders(merge(graphs)))
        assert normal(held) == graph.lineage
        for direction in ("up", "down"):
            walked = store.walk([start], direction)
            reached = graph.reached([start], direction)
            assert normal(walked) == normal(graph.part(reached))
            for depth in range(4):  # two steps a run; of a run that is asked for, one has been made already
                steps = 2 * depth if start in ARTIFACTS else max(0, 2 * depth - 1)
                near = [node for node, distance in reached.items() if distance <= steps]
                assert normal(store.walk([start], direction, depth)) == normal(graph.part(near))
        assert store.counts()["event"] == len(graph.lineage.events)
        store.add(merge(graphs))
        assert normal(store.everything()) == graph.lineage


@LAW
@given(GRAPHS)
def test_what_is_upstream_of_one_is_downstream_of_the_other(graph):
    known = Graph(graph)
    for start in ARTIFACTS:
        for node in known.reached([start], "up"):
            assert start in known.reached([node], "down")


@LAW
@given(GRAPHS)
def test_a_cycle_is_a_circle_and_absent_only_where_no_node_reaches_itself(graph):
    known = Graph(graph)
    circle = known.cycle()
    if circle:
        assert circle[0] == circle[-1]
        assert all(there in known.steps(here, "down") for here, there in itertools.pairwise(circle))
    else:
        for node in (*known.artifacts, *known.executions):
            after = {there for here in known.steps(node, "down") for there in known.reached([here], "down")}
            assert node not in after
