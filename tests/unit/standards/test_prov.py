"""PROV against the `prov` library: what it writes, it reads back as the same document, in every form."""

import json
import warnings

import pytest

from reprokit.errors import CorruptBundleError, UsageError
from reprokit.lineage.graph import Graph
from reprokit.lineage.merging import merge, normal
from reprokit.lineage.standards import standard
from reprokit.schema.lineage import Artifact, Context, Event, Execution, Lineage

model = pytest.importorskip("prov.model", reason="needs the extra `prov`")
FORMS = [".json", ".provn", ".trig", ".jsonld"]
prov = standard("prov")


def library_reads(path):
    form, arguments = prov.FORMS[path.suffix]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return model.ProvDocument.deserialize(str(path), format=form, **arguments)


@pytest.mark.parametrize("form", FORMS)
def test_the_library_reads_the_same_document_in_every_form(form, story, tmp_path):
    from reprokit.lineage.standards.prov.writing import document

    path = tmp_path / f"graph{form}"
    assert prov.write(story, str(path)) == [str(path)]
    assert library_reads(path) == document(normal(story))


@pytest.mark.parametrize("form", FORMS)
def test_the_graph_comes_back(form, story, tmp_path):
    prov.write(story, str(tmp_path / f"graph{form}"))
    assert prov.read(str(tmp_path / f"graph{form}")) == normal(story)


def test_who_said_it_is_said_of_the_bundle(story, tmp_path):
    prov.write(story, str(tmp_path / "graph.json"))
    found = library_reads(tmp_path / "graph.json")
    (bundle,) = found.bundles
    (said,) = [record for record in found.get_records() if isinstance(record, model.ProvAttribution)]
    assert said.args[0] == bundle.identifier
    assert str(said.args[1].uri) == "urn:reprokit:agent:reprokit"


def test_the_words_of_prov_are_used(story, tmp_path):
    """Another program sees entities, activities, uses, generations and times without knowing reprokit."""
    prov.write(story, str(tmp_path / "graph.json"))
    (bundle,) = json.loads((tmp_path / "graph.json").read_text())["bundle"].values()
    assert len(bundle["entity"]) == len(story.artifacts) + len(story.contexts)
    assert {key: len(bundle[key]) for key in ("activity", "used", "wasGeneratedBy", "hadMember")} == {
        "activity": 3, "used": 4, "wasGeneratedBy": 4, "hadMember": 2,
    }  # fmt: skip
    times = [run["prov:startTime"] for run in bundle["activity"].values()]
    assert any("2024" in str(time) for time in times)


def test_a_changed_byte_is_noticed(story, tmp_path):
    """The control: the comparison with the library fails when one digit of one digest is another."""
    from reprokit.lineage.standards.prov.writing import document

    prov.write(story, str(tmp_path / "graph.json"))
    text = (tmp_path / "graph.json").read_text()
    digest = story.artifacts[0].id.removeprefix("sha256:")
    (tmp_path / "graph.json").write_text(text.replace(digest, digest[:-1] + ("e" if digest.endswith("f") else "f")))
    assert library_reads(tmp_path / "graph.json") != document(normal(story))
    assert prov.read(str(tmp_path / "graph.json")) != normal(story)


@pytest.mark.parametrize("suffix", [".ttl", ".nt"])
def test_forms_without_named_graphs_are_refused_because_they_lose_the_bundle(suffix, story, tmp_path):
    from reprokit.lineage.standards.prov.writing import document

    with pytest.raises(UsageError, match="bundles are lost") as caught:
        prov.write(story, str(tmp_path / f"graph{suffix}"))
    assert caught.value.code == "RPK166"
    # The reason, shown on the library itself: what it writes as Turtle has no bundle when it is read back.
    form = {".ttl": "turtle", ".nt": "ntriples"}[suffix]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            text = document(normal(story)).serialize(format="rdf", rdf_format=form)
        except Exception:
            return  # some versions refuse by themselves
        back = model.ProvDocument.deserialize(content=text, format="rdf", rdf_format=form)
    assert not list(back.bundles)


def test_prov_of_others_is_imported(tmp_path):
    document = model.ProvDocument()
    document.add_namespace("ex", "http://example.org/")
    document.entity("ex:data", {"prov:label": "data", "prov:type": "Dataset", "ex:rows": 3})
    document.entity("ex:model")
    document.activity("ex:train", "2024-01-02T03:04:05+00:00")
    document.agent("ex:alice", {"prov:label": "Alice"})
    document.used("ex:train", "ex:data", "2024-01-02T03:04:06+00:00")
    document.wasGeneratedBy("ex:model", "ex:train")
    document.wasAssociatedWith("ex:train", "ex:alice")
    document.wasAttributedTo("ex:model", "ex:alice")
    document.wasDerivedFrom("ex:summary", "ex:model")
    document.serialize(str(tmp_path / "theirs.provn"), format="provn")
    found = prov.read(str(tmp_path / "theirs.provn"))
    nodes = {node.id: node for node in (*found.artifacts, *found.executions, *found.contexts)}
    data = nodes["http://example.org/data"]
    assert (data.type, data.name, data.properties) == ("Dataset", "data", {"http://example.org/rows": 3})
    assert nodes["http://example.org/train"].started == 1704164645000
    assert nodes["http://example.org/alice"] in found.contexts
    uses = {
        (event.artifact.rpartition("/")[2], event.execution.rpartition("/")[2], event.type) for event in found.events
    }
    assert {("data", "train", "INPUT"), ("model", "train", "OUTPUT")} < uses
    assert len(uses) == 4  # the derivation is an execution with a use and a generation
    assert len(found.associations) == len(found.attributions) == 1


def test_what_one_activity_told_another_is_a_step_of_the_chain(tmp_path):
    document = model.ProvDocument()
    document.add_namespace("ex", "http://example.org/")
    document.activity("ex:late", other_attributes={"prov:label": model.Literal("später", langtag="de")})
    document.activity("ex:early")
    document.wasInformedBy("ex:late", "ex:early")
    document.serialize(str(tmp_path / "theirs.json"), format="json")
    found = Graph(prov.read(str(tmp_path / "theirs.json")))
    assert found.executions["http://example.org/late"].name == "später"
    assert "http://example.org/early" in found.reached(["http://example.org/late"], "up")
    assert "http://example.org/late" not in found.reached(["http://example.org/early"], "up")


def test_documents_that_overlap_merge_without_duplicates(story, tmp_path):
    prov.write(story, str(tmp_path / "one.trig"))
    prov.write(story, str(tmp_path / "two.jsonld"))
    assert merge([prov.read(str(tmp_path / "one.trig")), prov.read(str(tmp_path / "two.jsonld"))]) == normal(story)


def test_a_cut_file_is_corrupt(story, tmp_path):
    for form in FORMS:
        path = tmp_path / f"graph{form}"
        prov.write(story, str(path))
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(CorruptBundleError) as caught:
            prov.read(str(path))
        assert caught.value.code == "RPK167"


def test_hostile_names_stay_names(tmp_path):
    hostile = "x] endBundle <script>\"'\\\n@prefix prov: <evil> .\u202e"
    graph = Lineage(
        artifacts=[Artifact(id=hostile, type=hostile, name=hostile, properties={hostile: hostile}, uri=hostile)],
        executions=[Execution(id=hostile, type=hostile, ended=2**53 - 1)],
        contexts=[Context(id=hostile, type=hostile)],
        events=[Event(artifact=hostile, execution=hostile, type="INTERNAL_INPUT", path=(hostile, 3))],
    )
    for form in FORMS:
        prov.write(graph, str(tmp_path / f"graph{form}"))
        assert prov.read(str(tmp_path / f"graph{form}")) == normal(graph)
