"""Finding nodes, dangling references, circles, and parts of a graph; merging's small print."""

import json

import pytest

from reprokit.errors import CorruptBundleError
from reprokit.lineage.graph import Graph
from reprokit.lineage.merging import described, joined, merge, normal
from reprokit.schema.lineage import UNKNOWN, Artifact, Attribution, Context, Event, Execution, Lineage, Parent


def made(*steps):
    """A graph of ``used > run > made`` lines, each node described."""
    artifacts, executions, events = {}, {}, []
    for step in steps:
        used, run, out = step.split(" > ")
        executions[run] = Execution(id=run, type="Run")
        for name in filter(None, used.split(",")):
            artifacts[name] = Artifact(id=name, type="File")
            events.append(Event(artifact=name, execution=run, type="INPUT"))
        for name in filter(None, out.split(",")):
            artifacts[name] = Artifact(id=name, type="File")
            events.append(Event(artifact=name, execution=run, type="OUTPUT"))
    return Lineage(artifacts=list(artifacts.values()), executions=list(executions.values()), events=events)


def test_up_and_down_with_distances():
    graph = Graph(made("raw > filter > clean", "clean,config > train > model,log", "model > serve > "))
    assert graph.reached(["model"], "up") == {"model": 0, "train": 1, "clean": 2, "config": 2, "filter": 3, "raw": 4}
    assert set(graph.reached(["raw"], "down")) == {"raw", "filter", "clean", "train", "model", "log", "serve"}
    assert graph.reached(["nobody"], "up") == {"nobody": 0}


@pytest.mark.parametrize(
    ("steps", "circle"),
    [
        (("a > r > b", "b > s > c"), False),
        (("a > r > a",), True),
        (("a > r > b", "b > s > a"), True),
        (("a > r > b,c", "b > s > d", "c > t > d"), False),
        (("x > q > a", "a > r > b", "b > s > c", "c > t > b"), True),
    ],
)
def test_circles(steps, circle):
    found = Graph(made(*steps)).cycle()
    assert bool(found) is circle
    if circle:
        assert found[0] == found[-1]


def test_a_chain_longer_than_pythons_stack_is_walked():
    steps = [f"a{i} > r{i} > a{i + 1}" for i in range(3000)]
    graph = Graph(made(*steps))
    assert len(graph.reached(["a3000"], "up")) == 6001
    assert graph.cycle() == []
    assert Graph(made(*steps, "a3000 > last > a0")).cycle()


def test_what_nothing_describes_is_dangling_and_so_is_a_placeholder():
    graph = made("a > r > b")
    assert Graph(graph).dangling() == []
    cut = graph.model_copy(update={"artifacts": graph.artifacts[:1]})
    assert Graph(cut).dangling() == ["b"]
    placeholder = Artifact(id="b", type=UNKNOWN, state="UNKNOWN")
    assert Graph(merge([cut, Lineage(artifacts=[placeholder])])).dangling() == ["b"]
    links = Lineage(attributions=[Attribution(context="c", artifact="x")], parents=[Parent(child="c", parent="d")])
    assert Graph(links).dangling() == ["c", "d", "x"]


def test_nodes_are_found_by_what_people_know_of_them():
    digest = "sha256:" + "ab" * 32
    node = Artifact(id=digest, type="Model", name="model.pt", uri="file:///x/model.pt")
    graph = Graph(Lineage(artifacts=[node, Artifact(id="sha256:" + "cd" * 32, type="File", name="other")]))
    for text in (digest, digest[:20], "ab" * 5, "model.pt", "file:///x/model.pt"):
        assert graph.find(text) == [node]
    for text in ("ab" * 3, "model", "", "zz" * 8):  # a beginning of less than 8 characters says too little
        assert graph.find(text) == []


def test_a_part_keeps_the_contexts_with_all_that_they_lie_in():
    graph = made("a > r > b", "x > s > y")
    contexts = [Context(id=name, type="Experiment") for name in "cde"]
    links = Lineage(contexts=contexts, attributions=[Attribution(context="c", artifact="a")],
                    parents=[Parent(child="c", parent="d"), Parent(child="d", parent="c")])  # fmt: skip
    part = Graph(merge([graph, links])).part(["a", "r"])
    assert [node.id for node in part.contexts] == ["c", "d"]
    assert [(event.artifact, event.execution) for event in part.events] == [("a", "r")]


def test_joining_keeps_what_says_most():
    one = Execution(id="r", type=UNKNOWN, state="RUNNING", started=5, properties={"n": 9, "only": True})
    two = Execution(id="r", type="Run", name="train", state="FAILED", started=3, ended=8, properties={"n": 10})
    assert joined(one, two) == joined(two, one) == Execution(
        id="r", type="Run", name="train", state="FAILED", started=3, ended=8, properties={"n": 10, "only": True}
    )  # fmt: skip
    assert joined(Artifact(id="a", type="File", created=0), Artifact(id="a", type="File", created=7)).created == 7


def test_values_are_as_json_has_them_from_the_start():
    node = Artifact(id="a\0b", type="File", properties={
        "float": 1.0, "nan": float("nan"), "large": 2**60, "bool": True, "text\0": "\0",
    })  # fmt: skip
    assert node.id == "a␀b"
    assert node.properties == {"float": 1, "nan": "NaN", "large": str(2**60), "bool": True, "text␀": "␀"}
    assert Lineage.parse(Lineage(artifacts=[node]).canonical(), "it") == Lineage(artifacts=[node])
    with pytest.raises(ValueError, match="unicode"):
        Artifact(id="\ud800", type="File")


def test_described_names_a_node_in_a_sentence():
    assert (
        described(Artifact(id="sha256:" + "a" * 64, type="Model", name="m.pt")) == "Model m.pt (sha256:aaaaaaaaaaaa…)"
    )
    assert normal(Lineage()) == Lineage()


@pytest.mark.parametrize(
    "link",
    [
        {"events": [{"artifact": "", "execution": "r", "type": "INPUT"}]},
        {"attributions": [{"context": "c", "artifact": ""}]},
        {"associations": [{"context": "", "execution": "r"}]},
        {"parents": [{"child": "c", "parent": ""}]},
    ],
)
def test_a_link_to_nothing_is_no_part_of_a_graph(link):
    """A store could not hold it, and a part that waits for the store would wait for ever."""
    with pytest.raises(CorruptBundleError) as caught:
        Lineage.parse(json.dumps({"schema": "reprokit.lineage/1", **link}).encode(), "the graph")
    assert caught.value.code == "RPK027"


def test_a_bool_and_the_number_that_equals_it_are_merged_in_one_way():
    """`True == 1`, and they are written differently."""
    one, other = (Lineage(artifacts=[Artifact(id="a", type="File", properties={"p": value})]) for value in (True, 1))
    assert merge([one, other]).canonical() == merge([other, one]).canonical()


@pytest.mark.parametrize("values", [(9, 10), (2, 2.5), (-10, -9), (10**15, 10**15 + 1), (1e300, 2e300), (3, "10")])
def test_of_two_values_the_greater_one_stays(values):
    parts = [Lineage(artifacts=[Artifact(id="a", type="File", properties={"p": value})]) for value in values]
    for order in (parts, parts[::-1]):
        assert merge(order).artifacts[0].properties == {"p": parts[1].artifacts[0].properties["p"]}
