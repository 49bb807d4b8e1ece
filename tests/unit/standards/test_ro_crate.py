"""RO-Crate, read by the `rocrate` library."""

import hashlib
import json
from pathlib import Path

import pytest

from reprokit.errors import CorruptBundleError
from reprokit.lineage.merging import normal
from reprokit.lineage.standards import ro_crate

crates = pytest.importorskip("rocrate.rocrate", reason="needs the extra `rocrate`")


@pytest.fixture
def crate(story, tmp_path):
    ro_crate.write(story, str(tmp_path / "crate"))
    return crates.ROCrate(str(tmp_path / "crate"))


def test_the_library_reads_the_actions_with_their_objects_and_results(crate, story):
    actions = {entity.properties()["name"]: entity for entity in crate.get_by_type("CreateAction")}
    assert set(actions) == {"filter", "train", "replay"}
    train = actions["train"]
    assert [one["name"] for one in train["object"]] == ["filtered"]
    assert {one["name"] for one in train["result"]} == {"model.pt", "run.repro.tar.zst"}
    assert train["instrument"].type == "SoftwareApplication"
    assert train["instrument"]["softwareVersion"] == "a" * 40
    assert train["actionStatus"] == "http://schema.org/CompletedActionStatus"
    assert actions["replay"]["actionStatus"] == "http://schema.org/FailedActionStatus"
    assert actions["replay"]["error"] == "1"
    assert train["startTime"] < train["endTime"]


def test_the_library_reads_the_data(crate, story):
    named = {entity["name"]: entity for entity in crate.data_entities}
    assert set(named) == {node.name for node in story.artifacts}
    assert named["model.pt"]["sha256"] == "5" * 64
    assert named["filtered"].type == "Dataset"
    assert named["filtered"]["license"] == "CC-BY-4.0"
    facts = {fact["name"]: fact["value"] for fact in named["filtered"]["additionalProperty"]}
    assert facts["rows"] == 990


def test_the_crate_says_which_profile_it_follows(crate):
    assert crate.root_dataset["conformsTo"].id == ro_crate.PROFILE
    assert {entity.id for entity in crate.root_dataset["mentions"]} >= {e.id for e in crate.get_by_type("CreateAction")}


def test_every_term_is_defined(story, tmp_path):
    """A key that the context does not define is no statement in JSON-LD: readers drop it."""
    (path,) = ro_crate.write(story, str(tmp_path / "crate"))
    document = json.loads(Path(path).read_text())
    published, own = document["@context"]
    assert published == "https://w3id.org/ro/crate/1.1/context"
    keys = {key for entity in document["@graph"] for key in entity if not key.startswith("@")}
    place = Path(crates.__file__).parent / "data" / "ro-crate.jsonld"  # of a later version, which has sha256 too
    assert keys <= set(json.loads(place.read_text())["@context"])
    assert own == {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}


def test_a_bundles_digest_is_not_given_for_that_of_its_file(crate):
    (bundle,) = [entity for entity in crate.data_entities if entity["name"] == "run.repro.tar.zst"]
    assert bundle.get("sha256") is None


def test_actions_are_described_and_their_times_have_an_offset(crate):
    actions = {entity["name"]: entity for entity in crate.get_by_type("CreateAction")}
    assert {name: one["description"] for name, one in actions.items()} == {
        "filter": "Preprocessing filter", "train": "python train.py", "replay": "Replay replay",
    }  # fmt: skip
    assert actions["train"]["endTime"] == "2024-03-09T16:00:09.000+00:00"


def test_every_reference_has_its_entity(story, tmp_path):
    """A flattened document: what is referred to is there, and stands once."""
    (path,) = ro_crate.write(story, str(tmp_path / "crate"))
    graph = json.loads(Path(path).read_text())["@graph"]
    names = [entity["@id"] for entity in graph]
    assert len(names) == len(set(names))
    referred = {one["@id"] for entity in graph for value in entity.values() if isinstance(value, list)
                for one in value if isinstance(one, dict)}  # fmt: skip
    assert referred <= set(names)


def test_the_library_writes_what_can_be_read(crate, story, tmp_path):
    crate.write(str(tmp_path / "again"))
    assert ro_crate.read(str(tmp_path / "again")) == normal(ro_crate.carried(story))


def test_crates_of_others(tmp_path):
    crate = crates.ROCrate()
    data = crate.add_file("https://example.org/data.csv", properties={"name": "data"})
    made = crate.add_file("https://example.org/model.bin")
    tool = crate.add(crates.ContextEntity(crate, "#t", properties={"@type": "SoftwareApplication", "name": "t"}))
    crate.add_action(tool, identifier="#run", object=[data], result=[made], properties={"name": "train"})
    crate.write(str(tmp_path / "theirs"))
    found = ro_crate.read(str(tmp_path / "theirs"))
    assert {(node.id, node.name) for node in found.artifacts} >= {("https://example.org/data.csv", "data")}
    (run,) = found.executions
    assert run.id.endswith("#run")
    assert {(e.artifact, e.execution, e.type) for e in found.events} == {
        ("https://example.org/data.csv", run.id, "INPUT"), ("https://example.org/model.bin", run.id, "OUTPUT"),
    }  # fmt: skip


def theirs(place, text, **facts):
    """A crate of somebody else, with a run that used ``data.csv`` and made ``out.csv``."""
    (place / "here").mkdir(parents=True)
    for name in ("data.csv", "out.csv"):
        (place / "here" / name).write_text(f"{text} {name}")
    crate = crates.ROCrate()
    digest = hashlib.sha256((place / "here" / "out.csv").read_bytes()).hexdigest()
    data = crate.add_file(place / "here" / "data.csv", properties={"dateCreated": "2024"})
    made = crate.add_file(place / "here" / "out.csv", properties={"sha256": digest, "description": text})
    crate.add_action(None, identifier="#run", object=[data], result=[made], properties=facts)
    crate.write(str(place / "crate"))
    return str(place / "crate"), f"sha256:{digest}"


def test_crates_of_others_are_not_joined_by_what_they_call_alike(tmp_path):
    places = [theirs(tmp_path / name, name) for name in ("one", "other")]
    several = [ro_crate.read(place) for place, _ in places]
    assert several[0] == ro_crate.read(places[0][0]), "twice is once"
    ids = [{node.id for node in (*one.artifacts, *one.executions)} for one in several]
    assert [len(one) for one in ids] == [3, 3]
    assert not ids[0] & ids[1]
    assert all(digest in one for one, (_, digest) in zip(ids, places, strict=True)), "by content, where it is known"
    assert all(node.created == 1_704_067_200_000 for one in several for node in one.artifacts if "data" in node.id)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"@type": "UpdateAction", "actionStatus": "http://schema.org/FailedActionStatus"}, "FAILED"),
        (
            {"@type": ["ActivateAction"], "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"}},
            "COMPLETE",
        ),
        ({"actionStatus": "ActiveActionStatus"}, "RUNNING"),
    ],
)
def test_every_kind_of_action_of_the_profile_is_a_run(facts, state, tmp_path):
    (run,) = ro_crate.read(theirs(tmp_path, "x", **facts)[0]).executions
    assert run.state == state


def test_a_planted_fault_is_seen_by_the_library(story, tmp_path):
    (path,) = ro_crate.write(story, str(tmp_path / "crate"))
    document = json.loads(Path(path).read_text())
    document["@graph"] = [entity for entity in document["@graph"] if entity["@id"] != "./"]
    Path(path).write_text(json.dumps(document))
    with pytest.raises((ValueError, KeyError)):
        crates.ROCrate(str(tmp_path / "crate"))


def test_json_that_is_no_crate(tmp_path):
    (tmp_path / "x.json").write_text('{"@graph": [{"@id": "./"}]}')
    with pytest.raises(CorruptBundleError):
        ro_crate.read(str(tmp_path / "x.json"))
