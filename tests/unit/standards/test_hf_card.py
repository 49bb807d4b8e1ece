"""Cards, parsed by `huggingface_hub` as the Hub's own client does."""

import re
from pathlib import Path

import pytest

from reprokit.errors import CorruptBundleError
from reprokit.lineage.merging import normal
from reprokit.lineage.standards import hf_card
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

hub = pytest.importorskip("huggingface_hub", reason="needs the extra `huggingface`")


@pytest.fixture
def cards(story, tmp_path):
    return {Path(path).parent.name.rpartition("-")[0]: Path(path) for path in hf_card.write(story, str(tmp_path))}


def test_there_is_a_card_for_each_model_and_manifest(cards, tmp_path):
    places = {str(path.relative_to(tmp_path)).split("/")[0] for path in cards.values()}
    assert set(cards) == {"model-pt", "raw", "filtered"}
    assert places == {"models", "datasets"}


def test_the_models_card(cards):
    card = hub.ModelCard.load(cards["model-pt"])
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_name) == ("loss", 0.25, "filtered")
    assert card.data.model_name == "model.pt"
    assert card.data.datasets == [cards["filtered"].parent.name, cards["raw"].parent.name]
    assert "a" * 40 in card.text
    assert "python train.py" in card.text
    card.data.to_yaml()


def test_the_datasets_card(cards):
    card = hub.DatasetCard.load(cards["filtered"])
    assert card.data.pretty_name == "filtered"
    assert card.data.license == "cc-by-4.0"
    assert card.data.source_datasets == [cards["raw"].parent.name]
    assert "opt\\-out" in card.text
    assert "rows: 990" in card.text


@pytest.mark.parametrize("kind", ["Model", "DatasetManifest"])
def test_a_licence_that_the_hub_does_not_know(kind, tmp_path):
    graph = Lineage(artifacts=[Artifact(id="m", type=kind, properties={"licence": "LicenseRef-Ours"})])
    (path,) = hf_card.write(graph, str(tmp_path))
    data = hub.RepoCard.load(path).data.to_dict()
    assert (data["license"], data["license_name"]) == ("other", "LicenseRef-Ours")


@pytest.mark.parametrize(
    ("spdx", "theirs"), [("GPL-3.0-only", "gpl-3.0"), ("ODbL-1.0", "odbl"), ("LGPL-2.1-or-later", "lgpl-2.1")]
)
def test_spdx_names_that_the_hub_writes_otherwise(spdx, theirs, tmp_path):
    graph = Lineage(artifacts=[Artifact(id="m", type="Model", properties={"licence": spdx})])
    (path,) = hf_card.write(graph, str(tmp_path))
    assert hub.ModelCard.load(path).data.license == theirs


@pytest.mark.parametrize("name", ["a--b", "x" * 200, "..", "-", "", "ein Modell, groß.pt", "a.git"])
def test_every_card_has_a_name_that_the_hub_takes(name):
    from huggingface_hub.utils import validate_repo_id

    for identifier in (f"sha256:{'5' * 64}", "card:theirs"):
        validate_repo_id(hf_card.slug(Artifact(id=identifier, type="Model", name=name)))


def test_what_a_model_was_made_of_is_its_base(tmp_path):
    """A checkpoint of a checkpoint: each names the one before it, and all of them the data."""
    graph = chain(3)
    cards = {Path(path).parent.name: hub.ModelCard.load(path) for path in hf_card.write(graph, str(tmp_path))}
    names = {node.name: hf_card.slug(node) for node in graph.artifacts}
    assert cards[names["model0"]].data.base_model is None
    assert cards[names["model2"]].data.base_model == [names["model1"]]
    assert cards[names["model2"]].data.datasets == [names["data"]]


@pytest.mark.parametrize(("rows", "size"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**12, "n>1T"),
                                            (10**14, "n>1T"), (True, None), ("many", None), (1.5, None)])  # fmt: skip
def test_how_many_rows_there_are_in_the_hubs_words(rows, size, tmp_path):
    node = Artifact(id="d", type="DatasetManifest", name="d", properties={"rows": rows})
    (path,) = hf_card.write(Lineage(artifacts=[node]), str(tmp_path))
    assert hub.DatasetCard.load(path).data.get("size_categories") == size


def chain(length):
    """Models that were made one of the other, the first of a data set."""
    data = Artifact(id="data:d", type="DatasetManifest", name="data")
    models = [Artifact(id=f"model:{i}", type="Model", name=f"model{i}") for i in range(length)]
    runs = [Execution(id=f"run:{i}", type="Run") for i in range(length)]
    pairs = zip([data, *models], runs, models, strict=False)
    events = [event for used, run, made in pairs for event in (
        Event(artifact=used.id, execution=run.id, type="INPUT"),
        Event(artifact=made.id, execution=run.id, type="OUTPUT"),
    )]  # fmt: skip
    return Lineage(artifacts=[data, *models], executions=runs, events=events)


def test_a_long_chain_of_models_is_walked_once(monkeypatch):
    from reprokit.lineage.graph import Graph

    passed = []
    reached = Graph.reached
    monkeypatch.setattr(Graph, "reached", lambda *given: passed.append(reached(*given)) or passed[-1])
    lineage = chain(500)
    found = hf_card._origins([node.id for node in lineage.artifacts], Graph(lineage))
    assert len(found) == 500
    assert all([one.name for one in several] == ["data"] for several in found.values())
    assert sum(map(len, passed)) < 2000


def test_the_library_writes_what_can_be_read(cards, story, tmp_path):
    for path in cards.values():
        card = hub.RepoCard.load(path)
        card.data.tags.append("seen")
        card.save(path)
    assert hf_card.read(str(tmp_path)) == normal(hf_card.carried(story))


def test_names_cannot_break_out_of_the_text_or_the_metadata(tmp_path):
    hostile = "a\n---\n<script>alert(1)</script>\n# `x` [y](javascript:z)\u202e"
    graph = Lineage(
        artifacts=[
            Artifact(id=hostile, type="Model", name=hostile, properties={"description": hostile, "licence": hostile})
        ],
        executions=[Execution(id="r", type="Run", name=hostile, properties={"command": hostile, "metric.\n---": 1})],
        events=[Event(artifact=hostile, execution="r", type="OUTPUT")],
    )
    (path,) = hf_card.write(graph, str(tmp_path))
    card = hub.ModelCard.load(path)
    assert hf_card.read(path) == normal(hf_card.carried(graph))
    outside = re.sub(r"`[^`\n]*`", "", card.text)  # nothing is HTML or a link in code
    assert "<script" not in outside
    assert "](" not in outside
    assert "\u202e" not in card.text
    assert [line for line in card.text.splitlines() if line.startswith("# ")] == [card.text.strip().splitlines()[0]]


def test_cards_of_others(tmp_path):
    card = hub.DatasetCard.from_template(hub.DatasetCardData(license="mit", pretty_name="Theirs"))
    card.save(tmp_path / "README.md")
    (node,) = hf_card.read(str(tmp_path / "README.md")).artifacts
    assert (node.type, node.name, node.properties) == ("DatasetManifest", "Theirs", {"licence": "mit"})


@pytest.mark.parametrize(
    "text", ["", "# no metadata", "---\n: [\n---\n", "---\nreprokit: '{}'\n---\n", "---\n- a\n---\n"]
)
def test_what_is_no_card_is_corrupt(text, tmp_path):
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(CorruptBundleError):
        hf_card.read(str(tmp_path / "README.md"))
