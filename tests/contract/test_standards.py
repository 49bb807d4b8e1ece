"""One suite over every standard that reprokit brings: what is read back is what it says that it carries."""

from __future__ import annotations

import importlib
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reprokit.errors import ReprokitError
from reprokit.lineage.graph import referred
from reprokit.lineage.merging import normal
from reprokit.lineage.standards import STANDARDS, standard
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

# The place to write to, below a fresh directory. One that is not named is written to a directory.
PLACES = {
    "prov": ["graph.json", "graph.provn", "graph.trig", "graph.jsonld"],
    "openlineage": ["events.jsonl"],
}
READABLE = [name for name in STANDARDS if hasattr(standard(name), "read")]
CASES = [(name, place) for name in READABLE for place in PLACES.get(name, ["written"])]
LIBRARIES = {
    "prov": "prov",
    "openlineage": "openlineage.client",
    "hf-card": "huggingface_hub",
}

texts = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from("\"'\\\n\r\t<>{}[]|%#:/?@;&=-~. ")), max_size=12
)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map(lambda digits: f"sha256:{digits}")
runs = st.uuids().map(lambda found: found.urn)
few_runs = st.sampled_from([f"urn:uuid:00000000-0000-4000-8000-00000000000{n}" for n in range(4)])
few_files = st.sampled_from([f"sha256:{n * 64}" for n in "0123"])
odd = texts.filter(bool)
times = st.one_of(st.just(0), st.integers(1, 2**42), st.integers(0, 2**53 - 1))
scalars = st.one_of(
    texts,
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False),
    st.sampled_from(["true", "1", "NaN"]),
)
KNOWN = ("licence", "git_commit", "git_remote", "parameter.lr", "metric.loss", "seed", "rows", "column.a", "owner")
keys = st.one_of(st.sampled_from(KNOWN), odd)
properties = st.dictionaries(keys, scalars, max_size=3)
artifact_types = st.one_of(
    st.sampled_from(["File", "Model", "DatasetManifest", "OptOutList", "Bundle", "Verdict"]), odd
)
run_types = st.one_of(st.sampled_from(["Run", "Replay", "Preprocessing"]), odd)
artifact_ids = st.one_of(few_files, few_files, digests, odd)
run_ids = st.one_of(few_runs, few_runs, runs, odd)
context_ids = st.one_of(st.sampled_from(["Project:a", "Pipeline:b"]), odd)


@st.composite
def graphs(draw: st.DrawFn) -> Lineage:
    """Any graph: with ends that nothing describes, with circles, with hostile names."""
    kinds = {"type": run_types, "name": texts, "properties": properties}
    of_artifact = kinds | {"type": artifact_types, "id": artifact_ids, "uri": texts, "created": times}
    states = st.sampled_from(["UNKNOWN", "PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED", "ABANDONED", "REFERENCE"])
    run_states = st.sampled_from(["UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"])
    events = st.sampled_from(
        ["DECLARED_OUTPUT", "DECLARED_INPUT", "INPUT", "INPUT", "OUTPUT", "OUTPUT", "INTERNAL_INPUT", "PENDING_OUTPUT"]
    )
    paths = st.lists(st.one_of(texts, st.integers(-9, 9)), max_size=2).map(tuple)
    lists = {
        "artifacts": st.builds(Artifact, **of_artifact, state=states),
        "executions": st.builds(Execution, **kinds, id=run_ids, started=times, ended=times, state=run_states),
        "contexts": st.builds(Context, **kinds, id=context_ids),
        "events": st.builds(Event, artifact=artifact_ids, execution=run_ids, type=events, path=paths, time=times),
        "attributions": st.builds(Attribution, context=context_ids, artifact=artifact_ids),
        "associations": st.builds(Association, context=context_ids, execution=run_ids),
        "parents": st.builds(Parent, child=context_ids, parent=context_ids),
    }
    return normal(Lineage(**{name: draw(st.lists(made, max_size=4)) for name, made in lists.items()}))


def module(name):
    pytest.importorskip(LIBRARIES.get(name, "pydantic"), reason=f"needs the extra `{standard(name).EXTRA}`")
    return standard(name)


def law(one, place, rooms, examples=100):
    """What is read back is what is carried; fails with the smallest graph of which that is not so."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(graphs())
    def held(graph):
        target = rooms.mktemp("law") / place
        one.write(graph, str(target))
        assert one.read(str(target)) == normal(one.carried(graph))

    held()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "place"), CASES)
def test_what_is_read_back_is_what_is_carried(name, place, tmp_path_factory):
    law(module(name), place, tmp_path_factory)


def fewer(graph: Lineage, carried: Lineage) -> Lineage:
    """A graph without the last artifact that is carried, and what is linked to it."""
    gone = carried.artifacts[-1].id if carried.artifacts else ""
    kept = [node for node in graph.artifacts if node.id != gone]
    events = [event for event in graph.events if event.artifact != gone]
    links = [link for link in graph.attributions if link.artifact != gone]
    return graph.model_copy(update={"artifacts": kept, "events": events, "attributions": links})


class Faulty:
    """A standard with a fault planted: it loses something that its list does not name, or names what it keeps."""

    def __init__(self, one, fault):
        kept = lambda graph: normal(one.carried(graph))  # noqa: E731
        self.read = one.read
        self.write = (lambda g, target: one.write(fewer(g, kept(g)), target)) if fault == "silent" else one.write
        self.carried = (lambda g: fewer(kept(g), kept(g))) if fault == "modest" else one.carried


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["silent", "modest"])
@pytest.mark.parametrize("name", READABLE)
def test_the_law_notices_a_planted_fault(name, fault, tmp_path_factory):
    """The control of the law, both ways: what is lost in silence, and what is said to be lost and is kept."""
    with pytest.raises(AssertionError):
        law(Faulty(module(name), fault), PLACES.get(name, ["written"])[0], tmp_path_factory)


@pytest.mark.parametrize("name", STANDARDS)
def test_a_standard_that_loses_something_says_so(name):
    """`LOSES` is empty exactly where no graph loses anything."""
    one = standard(name)
    lost = []

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(graphs())
    def look(graph):
        left = one.carried(graph)
        assert one.carried(left) == left
        assert not invents(graph, left)
        lost.append(left != graph)

    look()
    assert any(lost) == bool(one.LOSES)


def invents(graph: Lineage, left: Lineage) -> bool:
    """Whether a node or a link is left that was never there; a placeholder for what a link names may be."""
    artifacts, executions, contexts = referred(graph)
    named = {"artifacts": artifacts, "executions": executions, "contexts": contexts}
    for kind, ends in named.items():
        known = {node.id for node in getattr(graph, kind)}
        if any(n.id not in known and not (n.type == UNKNOWN and n.id in ends) for n in getattr(left, kind)):
            return True
    links = ("attributions", "associations", "parents")
    before, after = ({(e.artifact, e.execution, e.is_input) for e in one.events} for one in (graph, left))
    return bool(after - before) or any(set(getattr(left, kind)) - set(getattr(graph, kind)) for kind in links)


@pytest.mark.parametrize("name", STANDARDS)
def test_a_standard_says_what_it_is(name):
    one = standard(name)
    assert one.TITLE
    said = (*one.LOSES, *getattr(one, "UNREAD", ()))
    assert all(isinstance(sentence, str) and len(sentence) > 10 for sentence in said)
    assert importlib.import_module(one.__name__).__doc__


STORY = Lineage(
    artifacts=[
        Artifact(id=f"sha256:{'a' * 64}", type="DatasetManifest", name="data", properties={"rows": 3}),
        Artifact(
            id=f"sha256:{'b' * 64}", type="Model", name="model.pt", uri="file:///model.pt", created=1_710_000_000_000
        ),
    ],
    executions=[Execution(id=uuid.UUID(int=5).urn, type="Run", name="train", started=1_710_000_000_000)],
    contexts=[Context(id="Project:a", type="Project", name="a")],
    events=[
        Event(artifact=f"sha256:{'a' * 64}", execution=uuid.UUID(int=5).urn, type="INPUT", path=("data",), time=5),
        Event(artifact=f"sha256:{'b' * 64}", execution=uuid.UUID(int=5).urn, type="OUTPUT", path=("model.pt",), time=9),
    ],
    associations=[Association(context="Project:a", execution=uuid.UUID(int=5).urn)],
)


@pytest.mark.parametrize(("name", "place"), CASES)
def test_what_comes_back_from_a_standard_adds_nothing(name, place, tmp_path, monkeypatch):
    pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
    module(name)
    from reprokit.verbs.lineage_exchange import export, take_in

    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graph.json").write_bytes(STORY.canonical())
    assert take_in("reprokit", "graph.json").events == 2
    export(name, place)
    done = take_in(name, place)
    assert (done.artifacts, done.executions, done.contexts, done.events) == (0, 0, 0, 0)


BAD = ["", "{", "[]", "null", "{}", "\ufeff", "[" * 100_000, '{"@graph": 3}', "\0" * 50, "1e999"]


@pytest.mark.parametrize("name", READABLE)
@pytest.mark.parametrize("text", BAD)
def test_what_is_not_of_the_standard_is_refused_with_a_code(name, text, tmp_path):
    one = module(name)
    for place in PLACES.get(name, ["written"]):
        source = tmp_path / place
        source.write_text(text, encoding="utf-8")
        assert outcome(one, str(source)) in {"empty", 2, 4}


def outcome(one, source):
    """``empty`` for an empty graph, else the exit status."""
    try:
        found = one.read(source)
    except ReprokitError as error:
        return int(error.exit_status)
    return "empty" if found == Lineage() else "invented"


@pytest.mark.parametrize("name", READABLE)
def test_a_place_that_is_not_there_is_wrong_usage(name, tmp_path):
    one = module(name)
    with pytest.raises(ReprokitError) as caught:
        one.read(str(tmp_path / "none" / PLACES.get(name, ["written"])[0]))
    assert caught.value.exit_status == 2


def test_the_law_notices_a_standard_that_loses_in_silence(tmp_path):
    """The control: a standard which forgets names, and says that it carries all, is caught by the same law."""
    prov = module("prov")
    graph = Lineage(artifacts=[Artifact(id="sha256:" + "0" * 64, type="Model", name="model.pt")])
    nameless = Lineage(artifacts=[graph.artifacts[0].model_copy(update={"name": ""})])
    prov.write(nameless, str(tmp_path / "graph.json"))
    assert prov.read(str(tmp_path / "graph.json")) != normal(prov.carried(graph))
