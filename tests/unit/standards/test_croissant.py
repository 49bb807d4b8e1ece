"""Croissant, validated by `mlcroissant` without a network, and used by it to read the data."""

import csv
import importlib.util
import json
import logging
from pathlib import Path

import pytest

from reprokit.digest import sha256_file
from reprokit.errors import CorruptBundleError, UsageError
from reprokit.lineage.merging import normal
from reprokit.lineage.standards import croissant
from reprokit.schema.dataset import (
    Column,
    DatasetManifest,
    FileEntry,
    Making,
    SchemaFingerprint,
    Snapshot,
    TableSchema,
)
from reprokit.schema.dataset_terms import Period, Terms
from reprokit.schema.lineage import Artifact, Lineage

mlc = pytest.importorskip("mlcroissant", reason="needs the extra `croissant`")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
MANIFEST = f"sha256:{'3' * 64}"


def validated(path):
    """The library's metadata; an error in the document raises."""
    found = mlc.Dataset(jsonld=str(path))
    assert not found.metadata.ctx.issues.errors
    return found


@pytest.fixture
def document():
    return DatasetManifest(
        id=MANIFEST,
        name="filtered",
        version="1.2.0",
        snapshot=Snapshot(kind="files", digest=f"sha256:{'d' * 64}", file_count=1, bytes=20, files=[]),
        schema_fingerprint=SchemaFingerprint(
            digest=f"sha256:{'e' * 64}",
            tables=[
                TableSchema(
                    format="csv", digest=f"sha256:{'f' * 64}", files=1,
                    columns=[Column(name="text", type="string", nullable=True),
                             Column(name="label", type="int64", nullable=False)],
                )
            ],
        ),
        terms=Terms(
            licence="CC-BY-4.0", description="Letters.", citation="Doe 2024", contact="data@example.org",
            personal_data="yes", sensitive_attributes=["age"], biases=["few letters"], limitations=["English only"],
            intended_use=["training"], prohibited_use=["profiling"], collection_method=["scanned"],
            collection_period=Period(start="2020-01-01", end="2021-01-01"), publisher="Example",
            annotation_protocol="two readers", social_impact="none known", release_plan="yearly",
        ),
        made=Making(created="2024-05-06T07:08:09Z", reprokit="0"),
    )  # fmt: skip


@pytest.fixture
def with_file(document, tmp_path):
    data = tmp_path / "out" / "train set.csv"
    data.parent.mkdir()
    with data.open("w", newline="") as file:
        csv.writer(file).writerows([["text", "label"], ["dear sir", 1], ["dear madam", 2]])
    entry = FileEntry(path="train set.csv", digest=f"sha256:{sha256_hex(data)}", size=data.stat().st_size)
    return document.model_copy(update={"snapshot": document.snapshot.model_copy(update={"files": [entry]})})


def sha256_hex(path):
    return sha256_file(path).rpartition(":")[2]


def test_each_manifest_has_a_valid_document(story, tmp_path):
    paths = croissant.write(story, str(tmp_path / "out"))
    assert {validated(path).metadata.name for path in paths} == {"raw", "filtered"}


def test_what_the_artifact_says_is_said(story, tmp_path):
    (path,) = [path for path in croissant.write(story, str(tmp_path / "out")) if "filtered" in path]
    metadata = validated(path).metadata
    assert metadata.license == ["CC-BY-4.0"]
    assert metadata.description == "Letters, filtered."
    assert metadata.creators[0].name == "data@example.org"
    assert metadata.url == "s3://bucket/filtered"


def test_the_manifests_document_brings_columns_terms_and_rai(story, with_file, tmp_path):
    only = Lineage(artifacts=[node for node in story.artifacts if node.id == MANIFEST])
    (path,) = croissant.write(only, str(tmp_path / "out" / "one.json"), {MANIFEST: with_file})
    metadata = validated(path).metadata
    assert metadata.version == "1.2.0"
    assert metadata.cite_as == "Doe 2024"
    assert metadata.data_biases == ["few letters"]
    assert metadata.data_limitations == ["English only", "not for: profiling"]
    assert metadata.data_use_cases == ["training"]
    assert metadata.personal_sensitive_information == ["personal data: yes", "age"]
    assert metadata.data_collection == "scanned"
    assert [str(date)[:10] for date in metadata.data_collection_timeframe] == ["2020-01-01", "2021-01-01"]
    assert metadata.data_social_impact == "none known"
    (file,) = metadata.distribution
    assert file.sha256 == with_file.snapshot.files[0].digest.removeprefix("sha256:")
    (records,) = metadata.record_sets
    assert [field.name for field in records.fields] == ["text", "label"]
    assert not metadata.ctx.issues.warnings


def test_the_library_reads_the_rows_that_the_document_describes(story, with_file, tmp_path):
    """Offline: the file lies beside the document, and the library checks its digest."""
    only = Lineage(artifacts=[node for node in story.artifacts if node.id == MANIFEST])
    with_file = with_file.model_copy(
        update={"snapshot": with_file.snapshot.model_copy(update={"files": [renamed(with_file, tmp_path)]})}
    )
    (path,) = croissant.write(only, str(tmp_path / "out" / "one.json"), {MANIFEST: with_file})
    rows = list(validated(path).records("records-0"))
    assert [(row["records-0/text"], row["records-0/label"]) for row in rows] == [(b"dear sir", 1), (b"dear madam", 2)]


def renamed(manifest, tmp_path):
    """The library does not decode percent signs of relative paths, so this file has none."""
    (tmp_path / "out" / "train set.csv").rename(tmp_path / "out" / "train.csv")
    return manifest.snapshot.files[0].model_copy(update={"path": "train.csv"})


def test_many_files_are_described_by_patterns(story, document, tmp_path):
    only = Lineage(artifacts=[node for node in story.artifacts if node.id == MANIFEST])
    (path,) = croissant.write(only, str(tmp_path / "one.json"), {MANIFEST: document})
    root, files = validated(path).metadata.distribution
    assert root.sha256 == "d" * 64
    assert files.includes == ["**/*.csv"]


@pytest.mark.parametrize(
    "break_it",
    [
        lambda found: found["distribution"][0].pop("sha256"),
        lambda found: found["distribution"][0].pop("encodingFormat"),
        lambda found: found["recordSet"][0]["field"][0].pop("dataType"),
        lambda found: found["recordSet"][0]["field"][0]["source"].update(fileObject={"@id": "gone"}),
        lambda found: found.update(license={"@type": "sc:Person"}),
    ],
)
def test_the_library_refuses_what_is_wrong(break_it, story, with_file, tmp_path):
    """The control."""
    only = Lineage(artifacts=[node for node in story.artifacts if node.id == MANIFEST])
    (path,) = croissant.write(only, str(tmp_path / "out" / "one.json"), {MANIFEST: with_file})
    found = json.loads(Path(path).read_text())
    validated(path)
    break_it(found)
    Path(path).write_text(json.dumps(found))
    with pytest.raises((mlc.ValidationError, AttributeError)):
        validated(path)


@pytest.mark.slow
def test_the_document_of_any_manifest_is_valid(tmp_path_factory):
    from hypothesis import HealthCheck, given, settings

    path = Path(__file__).parents[2] / "contract" / "test_standards.py"
    spec = importlib.util.spec_from_file_location("croissant_graphs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    logging.getLogger("absl").setLevel(logging.ERROR)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(module.graphs())
    def law(graph):
        for one in croissant.write(graph, str(tmp_path_factory.mktemp("law"))):
            validated(one)

    law()


def test_documents_of_the_library_are_imported(tmp_path):
    metadata = mlc.Metadata(
        name="theirs", url="https://example.org/theirs", license=["MIT"], description="theirs",
        data_biases=["some"],
        distribution=[
            mlc.FileObject(id="a", name="a.csv", content_url="https://example.org/a.csv", encoding_formats=["text/csv"],
                           sha256="7" * 64)
        ],
        record_sets=[
            mlc.RecordSet(id="r", name="r", fields=[
                mlc.Field(id="r/x", name="x", data_types=mlc.DataType.TEXT,
                          source=mlc.Source(file_object="a", extract=mlc.Extract(column="x")))
            ])
        ],
    )  # fmt: skip
    (tmp_path / "theirs.json").write_text(json.dumps(metadata.to_json()))
    found = {node.type: node for node in croissant.read(str(tmp_path / "theirs.json")).artifacts}
    dataset = found["DatasetManifest"]
    assert (dataset.name, dataset.uri, dataset.properties["licence"]) == ("theirs", "https://example.org/theirs", "MIT")
    assert dataset.properties["column.x"] == "sc:Text"
    assert found["File"].id == f"sha256:{'7' * 64}"


def test_datasets_of_others_are_not_joined_by_what_they_call_alike(tmp_path):
    """As the Hub writes them: sets of files bear the same name in every dataset, and a list of one is that one."""
    several = []
    for name in ("one", "other"):
        files = {"@type": "cr:FileSet", "@id": "parquet-files", "includes": "default/*.parquet"}
        licence = {"@type": "CreativeWork", "name": "MIT"}
        theirs = {
            "@type": "sc:Dataset", "@id": "./", "name": name, "url": f"https://example.org/{name}", "license": licence,
            "dateCreated": "2024-02", "distribution": files,
            "recordSet": {"@type": "cr:RecordSet", "field": {"@id": "r/x", "dataType": "sc:Text"}},
        }  # fmt: skip
        (tmp_path / f"{name}.json").write_text(json.dumps(theirs))
        several.append({node.id: node for node in croissant.read(str(tmp_path / f"{name}.json")).artifacts})
    assert set(several[0]) == {"https://example.org/one", "https://example.org/one#parquet-files"}
    assert not set(several[0]) & set(several[1])
    dataset = several[0]["https://example.org/one"]
    assert dataset.properties == {"licence": "MIT", "column.x": "sc:Text"}
    assert dataset.created == 1_706_745_600_000


def test_one_file_for_two_manifests_is_wrong_usage(story, tmp_path):
    with pytest.raises(UsageError, match="the graph has 2"):
        croissant.write(story, str(tmp_path / "one.json"))


def test_a_directory_holds_all_and_gives_them_back(story, tmp_path):
    croissant.write(story, str(tmp_path / "out"))
    assert croissant.read(str(tmp_path / "out")) == normal(croissant.carried(story))


def test_two_manifests_of_one_name_have_two_files(tmp_path):
    twins = [Artifact(id=name, type="DatasetManifest", name="../../etc") for name in ("one", "two")]
    paths = croissant.write(Lineage(artifacts=twins), str(tmp_path / "out"))
    assert {Path(path).parent for path in paths} == {tmp_path / "out"}
    assert len(set(paths)) == 2


def test_other_json_ld_is_refused(tmp_path):
    (tmp_path / "x.json").write_text('{"@type": "Person"}')
    with pytest.raises(CorruptBundleError):
        croissant.read(str(tmp_path / "x.json"))


def test_a_graph_without_manifests_is_said_to_give_nothing(tmp_path, monkeypatch):
    pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
    from click.testing import CliRunner

    from reprokit.cli.lineage import command

    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path))
    done = CliRunner().invoke(command, ["export", "--to", "croissant", str(tmp_path / "croissants")])
    assert done.stdout == ""
    assert "nothing is written" in done.stderr


def test_the_command_takes_the_projects_own_manifests(tmp_path, monkeypatch):
    """Files, columns and terms stand in a manifest's document: without it mlcroissant has nothing to read."""
    pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
    pytest.importorskip("license_expression", reason="needs the extra `datasets`")
    from click.testing import CliRunner

    from reprokit.cli import program

    (tmp_path / "pyproject.toml").write_text(
        '[tool.reprokit.lineage]\nstore = "graph.sqlite"\n'
        '[tool.reprokit.dataset.letters]\npath = "*.csv"\nversion = "1.0.0"\n'
        'terms = { licence = "CC-BY-4.0", description = "Letters.", citation = "Doe", contact = "d@example.org" }\n'
    )
    (tmp_path / "letters.csv").write_text("text,label\ndear sir,1\ndear madam,2\n")
    (tmp_path / "broken.manifest.json").write_text('{"schema": "reprokit.dataset-manifest/1"}')
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*given):
        done = CliRunner().invoke(program, list(given))
        assert done.exit_code == 0, done.output
        return done

    run("manifest", "create", "--dataset", "letters")
    known = json.loads((tmp_path / "letters.manifest.json").read_text())["id"]
    graph = Lineage(artifacts=[Artifact(id=known, type="DatasetManifest", name="letters"),
                               Artifact(id="elsewhere", type="DatasetManifest")])  # fmt: skip
    (tmp_path / "graph.json").write_text(graph.canonical().decode())
    run("lineage", "import", "graph.json")
    done = run("lineage", "export", "--to", "croissant", ".")
    assert "broken.manifest.json" in done.stderr
    dataset = validated(tmp_path / f"letters-{known.removeprefix('sha256:')}.croissant.json")
    metadata = dataset.metadata
    assert (metadata.description, metadata.cite_as, metadata.version) == ("Letters.", "Doe", "1.0.0")
    assert not metadata.ctx.issues.warnings
    assert [row["records-0/text"] for row in dataset.records("records-0")] == [b"dear sir", b"dear madam"]
