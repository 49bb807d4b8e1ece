"""CycloneDX, validated and read by `cyclonedx-python-lib`."""

import importlib.util
import json
from pathlib import Path

import pytest

from reprokit.errors import CorruptBundleError
from reprokit.lineage.merging import merge, normal
from reprokit.lineage.standards import cyclonedx, licences
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

pytest.importorskip("cyclonedx.validation.json", reason="needs the extra `cyclonedx`")
pytest.importorskip("rfc3987_syntax", reason="needs the extra `cyclonedx`")
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def complaint(document):
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))


def test_the_bill_is_valid(story, tmp_path):
    (path,) = cyclonedx.write(story, str(tmp_path / "bom.cdx.json"))
    assert complaint(json.loads(Path(path).read_text())) is None


def test_the_bill_of_nothing_is_valid():
    assert complaint(cyclonedx.document(Lineage())) is None


@pytest.mark.slow
def test_the_bill_of_any_graph_is_valid():
    from hypothesis import HealthCheck, given, settings

    path = Path(__file__).parents[2] / "contract" / "test_standards.py"
    spec = importlib.util.spec_from_file_location("standards_graphs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(module.graphs())
    def law(graph):
        assert complaint(cyclonedx.document(graph)) is None

    law()


@pytest.mark.parametrize(
    "break_it",
    [
        lambda bom: bom.update(bomFormat="SPDX"),
        lambda bom: bom["components"][0].update(type="model"),
        lambda bom: bom["components"][0]["hashes"][0].update(content="xyz"),
        lambda bom: bom["formulation"][0]["workflows"][0].pop("taskTypes"),
        lambda bom: bom["formulation"][0]["workflows"][0].update(timeStart="noon"),
        lambda bom: bom.update(reprokit={}),
    ],
)
def test_the_validator_refuses_what_is_wrong(break_it, story):
    """The control."""
    bom = cyclonedx.document(story)
    break_it(bom)
    assert complaint(bom) is not None


def test_the_library_reads_components_and_dependencies(story):
    bom = Bom.from_json(cyclonedx.document(story))
    found = {component.name: component for component in bom.components}
    assert set(found) == {node.name for node in story.artifacts}
    assert found["model.pt"].type.value == "machine-learning-model"
    assert [one.content for one in found["model.pt"].hashes] == ["5" * 64]
    assert found["filtered"].type.value == "data"
    needs = {str(one.ref.value): [str(other.ref.value) for other in one.dependencies] for one in bom.dependencies}
    assert needs[f"artifact:sha256:{'5' * 64}"] == [f"artifact:sha256:{'3' * 64}"]
    assert bom.metadata.component.name == "model.pt"


def test_the_models_card_names_its_data_and_metrics(story):
    (model,) = [one for one in cyclonedx.document(story)["components"] if one["name"] == "model.pt"]
    card = model["modelCard"]
    assert card["modelParameters"]["datasets"] == [{"ref": f"artifact:sha256:{'3' * 64}"}]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [{"type": "loss", "value": "0.25"}]


def fine_tuned(story):
    """The model, and one that was made of it with data, code, and the list that was applied."""
    tune = Execution(
        id="urn:uuid:00000000-0000-4000-8000-000000000008", type="Run", name="tune", ended=1_710_000_099_000
    )
    code = Artifact(id=f"sha256:{'8' * 64}", type="File", name="tune.py", properties={"role": "code"})
    tuned = Artifact(id=f"sha256:{'9' * 64}", type="Model", name="tuned.pt")
    used = [f"sha256:{digit * 64}" for digit in "23458"]
    events = [*(Event(artifact=one, execution=tune.id, type="INPUT") for one in used),
              Event(artifact=tuned.id, execution=tune.id, type="OUTPUT")]  # fmt: skip
    return merge([story, Lineage(artifacts=[code, tuned], executions=[tune], events=events)])


def test_a_models_data_are_data_and_its_base_is_an_ancestor(story):
    bill = cyclonedx.document(fine_tuned(story))
    assert complaint(bill) is None
    (tuned,) = [one for one in bill["components"] if one["name"] == "tuned.pt"]
    refs = [one["ref"] for one in tuned["modelCard"]["modelParameters"]["datasets"]]
    assert refs == [f"artifact:sha256:{digit * 64}" for digit in "34"]
    (base,) = next(one for one in Bom.from_json(bill).components if one.name == "tuned.pt").pedigree.ancestors
    assert (base.name, [one.content for one in base.hashes]) == ("model.pt", ["5" * 64])


def test_the_product_stands_in_the_tree_of_dependencies(story):
    bill = cyclonedx.document(story)
    needs = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert needs[bill["metadata"]["component"]["bom-ref"]] == [f"artifact:sha256:{'5' * 64}"]
    assert bill["metadata"]["timestamp"] == "2024-03-09T16:00:20.000Z"
    assert "component" not in cyclonedx.document(fine_tuned(story))["metadata"]


def test_a_bundles_digest_is_not_given_for_that_of_its_file(story):
    (bundle,) = [one for one in cyclonedx.document(story)["components"] if one["name"] == "run.repro.tar.zst"]
    assert "hashes" not in bundle


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ("CC-BY-4.0", {"license": {"id": "CC-BY-4.0"}}),
        ("mit", {"license": {"id": "MIT"}}),
        ("MIT OR Apache-2.0", {"expression": "MIT OR Apache-2.0"}),
        ("LicenseRef-Ours AND MIT", {"expression": "LicenseRef-Ours AND MIT"}),
        ("ask us", {"license": {"name": "ask us"}}),
        ("MIT OR", {"license": {"name": "MIT OR"}}),
        ("MIT MIT", {"license": {"name": "MIT MIT"}}),
    ],
)
def test_licences_are_spdx_where_they_are(said, licence):
    node = Artifact(id="sha256:1", type="DatasetManifest", name="d", properties={"licence": said})
    bill = cyclonedx.document(Lineage(artifacts=[node]))
    assert complaint(bill) is None
    assert bill["components"][0]["licenses"] == [licence]


def test_the_validator_knows_every_licence():
    nodes = [Artifact(id=name, type="File", properties={"licence": name}) for name in licences._NAMES]
    bill = cyclonedx.document(Lineage(artifacts=nodes))
    assert complaint(bill) is None
    assert all("id" in one["licenses"][0]["license"] for one in bill["components"])


def test_the_same_graph_has_the_same_serial_number(story):
    assert cyclonedx.document(story) == cyclonedx.document(normal(story))


def test_bills_of_others(tmp_path):
    theirs = {
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "components": [
            {"type": "library", "name": "numpy", "version": "2.0", "purl": "pkg:pypi/numpy@2.0"},
            {"type": "machine-learning-model", "name": "m", "hashes": [{"alg": "SHA-256", "content": "8" * 64}]},
        ],
    }  # fmt: skip
    assert complaint(theirs) is None
    (tmp_path / "bom.json").write_text(json.dumps(theirs))
    found = {node.id: node.type for node in cyclonedx.read(str(tmp_path / "bom.json")).artifacts}
    assert found == {"pkg:pypi/numpy@2.0": "library", f"sha256:{'8' * 64}": "Model"}


def test_bills_of_others_are_not_joined_by_what_they_call_alike(tmp_path):
    """Names in a bill are its own; what a digest or a package URL names is the same everywhere."""
    inner = {"type": "data", "name": "tokens", "bom-ref": "2"}
    known = {"type": "file", "name": "f", "bom-ref": "3", "hashes": [{"alg": "SHA-256", "content": "A" * 64}]}
    whole = {"type": "machine-learning-model", "name": "m", "bom-ref": "1", "components": [inner]}
    theirs = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [known]}
    serial = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
    several = []
    for number, more in enumerate(({"serialNumber": serial, "version": 2}, {"version": 1}, {"version": 3})):
        bill = {**theirs, **more, "metadata": {"component": whole}}
        assert complaint(bill) is None
        (tmp_path / f"{number}.json").write_text(json.dumps(bill))
        several.append({node.id for node in cyclonedx.read(str(tmp_path / f"{number}.json")).artifacts})
    content, link = f"sha256:{'a' * 64}", serial.replace("uuid", "cdx")
    assert several[0] == {content, f"{link}/2#1", f"{link}/2#2"}
    assert several[1] & several[2] == {content}
    assert len(several[1]) == 3


def test_other_json_is_refused(tmp_path):
    (tmp_path / "x.json").write_text('{"bomFormat": "SPDX"}')
    with pytest.raises(CorruptBundleError):
        cyclonedx.read(str(tmp_path / "x.json"))
