"""Graphs that the tests of several systems write: a pipeline as reprokit records one, and any at all."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from reprokit.schema.lineage import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Context,
    Event,
    EventType,
    Execution,
    ExecutionState,
    Lineage,
    Parent,
)


def sha(number: int) -> str:
    return f"sha256:{number:064x}"


RAW, LIST, MANIFEST, MODEL, BUNDLE = (sha(number) for number in range(1, 6))
FILTERING = "urn:uuid:00000000-0000-4000-8000-000000000001"
TRAINING = "urn:uuid:00000000-0000-4000-8000-000000000002"
PROJECT = "Project:text"
HOSTILE = "\x1b[2J';DROP TABLE Artifact;--\u202e\"<script>${x}\n名"


def pipeline() -> Lineage:
    """Raw text and an opt-out list, filtered into a manifest, from which a model was trained."""
    return Lineage(
        artifacts=[
            Artifact(id=RAW, type="DatasetManifest", name="raw", uri="file:///raw", properties={"rows": 100}),
            Artifact(id=LIST, type="OptOutList", name="opt-out.txt", properties={"version": "2026-11"}),
            Artifact(id=MANIFEST, type="DatasetManifest", name="filtered", properties={"rows": 98, "licence": "MIT"}),
            Artifact(id=MODEL, type="Model", name="model.pt", uri="file:///model.pt", created=1_700_000_000_500,
                     properties={"size": 42, "format": "torch.save"}),
            Artifact(id=BUNDLE, type="Bundle", name="train.repro.tar.zst", properties={"size": 1000}),
        ],
        executions=[
            Execution(id=FILTERING, type="Preprocessing", name="filter", started=1_700_000_000_000,
                      ended=1_700_000_000_100),
            Execution(id=TRAINING, type="Run", name="train", started=1_700_000_000_200, ended=1_700_000_000_500,
                      properties={"parameter.lr": 0.1, "parameter.epochs": 3, "metric.loss": 1.25, "exit_status": 0,
                                  "git_commit": "ab" * 20, "git_dirty": False, "bundle": BUNDLE}),
        ],
        contexts=[Context(id=PROJECT, type="Project", name="text"),
                  Context(id="Pipeline:p", type="Pipeline", name="p")],
        events=[
            Event(artifact=RAW, execution=FILTERING, type="INPUT", path=("raw",)),
            Event(artifact=LIST, execution=FILTERING, type="INPUT", path=("opt-out",)),
            Event(artifact=MANIFEST, execution=FILTERING, type="OUTPUT", time=1_700_000_000_100),
            Event(artifact=MANIFEST, execution=TRAINING, type="INPUT", path=("train", 0), time=1_700_000_000_200),
            Event(artifact=MODEL, execution=TRAINING, type="OUTPUT", path=("model.pt",), time=1_700_000_000_500),
            Event(artifact=BUNDLE, execution=TRAINING, type="OUTPUT", time=1_700_000_000_500),
        ],
        attributions=[Attribution(context=PROJECT, artifact=MODEL)],
        associations=[Association(context=PROJECT, execution=TRAINING)],
        parents=[Parent(child="Pipeline:p", parent=PROJECT)],
    )  # fmt: skip


_TEXT = st.text(max_size=12) | st.sampled_from(["", HOSTILE, "mlmd-struct::AA", "x" * 300, "1e999", "true"])
_NAMES = st.text(min_size=1, max_size=8) | st.sampled_from(["parameter.lr", "metric.loss", "reprokit.name", "size"])
_VALUES = st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | _TEXT
_PROPERTIES = st.dictionaries(_NAMES, _VALUES, max_size=4)
_TIMES = st.integers(0, 2**53 - 1)
_ARTIFACTS = st.sampled_from([RAW, LIST, MODEL, "name:a", HOSTILE])
_EXECUTIONS = st.sampled_from([FILTERING, TRAINING, "Run:x", HOSTILE])
_CONTEXTS = st.sampled_from([PROJECT, "Experiment:e", HOSTILE, "c"])
_TYPES = st.sampled_from(["Model", "File", "DatasetManifest", "Run", "Own kind", HOSTILE])


def graphs() -> st.SearchStrategy[Lineage]:
    """Any graph: dangling and doubled, in circles, with hostile names."""
    node = {"type": _TYPES, "name": _TEXT, "properties": _PROPERTIES}
    return st.builds(
        Lineage,
        artifacts=st.lists(st.builds(Artifact, id=_ARTIFACTS, uri=_TEXT, created=_TIMES,
                                     state=st.sampled_from(get_args(ArtifactState)), **node), max_size=4),
        executions=st.lists(st.builds(Execution, id=_EXECUTIONS, started=_TIMES, ended=_TIMES,
                                      state=st.sampled_from(get_args(ExecutionState)), **node), max_size=3),
        contexts=st.lists(st.builds(Context, id=_CONTEXTS, **node), max_size=3),
        events=st.lists(st.builds(
            Event, artifact=_ARTIFACTS, execution=_EXECUTIONS, type=st.sampled_from(get_args(EventType)),
            path=st.lists(_TEXT | st.integers(-5, 2**40), max_size=3).map(tuple), time=_TIMES), max_size=6),
        attributions=st.lists(st.builds(Attribution, context=_CONTEXTS, artifact=_ARTIFACTS), max_size=3),
        associations=st.lists(st.builds(Association, context=_CONTEXTS, execution=_EXECUTIONS), max_size=3),
        parents=st.lists(st.builds(Parent, child=_CONTEXTS, parent=_CONTEXTS), max_size=3),
    )  # fmt: skip
