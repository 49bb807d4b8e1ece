"""One graph that every standard is shown with: raw text, filtered by an opt-out list, trained, replayed."""

import pytest

from reprokit.schema.lineage import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    Execution,
    Lineage,
    Parent,
)

RAW, OPT_OUT, MANIFEST, DATA, MODEL, BUNDLE, VERDICT = (f"sha256:{digit * 64}" for digit in "1234567")
FILTER, TRAIN, REPLAY = (f"urn:uuid:00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
NOON = 1_710_000_000_000  # milliseconds: 9 March 2024


@pytest.fixture
def story():
    artifacts = [
        Artifact(id=RAW, type="DatasetManifest", name="raw", created=NOON, properties={"rows": 1000}),
        Artifact(id=OPT_OUT, type="OptOutList", name="opt-out", properties={"version": "2024-02"}),
        Artifact(
            id=MANIFEST, type="DatasetManifest", name="filtered", uri="s3://bucket/filtered", created=NOON,
            properties={
                "rows": 990, "bytes": 12345, "files": 1, "licence": "CC-BY-4.0", "description": "Letters, filtered.",
                "contact": "data@example.org", "column.text": "string", "column.label": "int64", "tag.pii": "removed",
            },
        ),
        Artifact(
            id=DATA, type="File", name="train.jsonl", uri="file:///data/train.jsonl",
            properties={"size": 12345, "role": "data"},
        ),
        Artifact(id=MODEL, type="Model", name="model.pt", uri="file:///out/model.pt", created=NOON + 9000,
                 properties={"size": 4096, "format": "torch.save"}),
        Artifact(id=BUNDLE, type="Bundle", name="run.repro.tar.zst", properties={"size": 9999}),
        Artifact(id=VERDICT, type="Verdict", name="replay of run",
                 properties={"tier": "metric-close", "target": "bitwise", "met": False, "status": "verified"}),
    ]  # fmt: skip
    executions = [
        Execution(id=FILTER, type="Preprocessing", name="filter", started=NOON, ended=NOON + 1000),
        Execution(
            id=TRAIN, type="Run", name="train", started=NOON + 2000, ended=NOON + 9000,
            properties={
                "command": "python train.py", "git_commit": "a" * 40, "git_remote": "https://example.org/repo.git",
                "git_dirty": False, "seed": 7, "policy": "deterministic", "exit_status": 0, "framework": "torch",
                "framework_version": "2.13.0", "parameter.lr": 0.1, "parameter.steps": 20, "metric.loss": 0.25,
                "environment.PYTHONHASHSEED": "0", "owner": "team:research", "tag.stage": "release",
                "parent_run": FILTER, "parent_job": "filter", "image_digest": f"sha256:{'c' * 64}",
            },
        ),
        Execution(id=REPLAY, type="Replay", name="replay", state="FAILED", started=NOON + 10000, ended=NOON + 20000,
                  properties={"exit_status": 1}),
    ]  # fmt: skip
    used = [(RAW, FILTER, ()), (OPT_OUT, FILTER, ()), (MANIFEST, TRAIN, ("train", "data/train.jsonl")),
            (BUNDLE, REPLAY, ())]  # fmt: skip
    made = [(MANIFEST, FILTER), (MODEL, TRAIN), (BUNDLE, TRAIN), (VERDICT, REPLAY)]
    return Lineage(
        artifacts=artifacts,
        executions=executions,
        contexts=[
            Context(id="Project:letters", type="Project", name="letters", properties={"team": "research"}),
            Context(id="Pipeline:daily", type="Pipeline", name="daily"),
        ],
        events=[
            *(Event(artifact=a, execution=e, type="INPUT", path=p, time=NOON + 3) for a, e, p in used),
            *(Event(artifact=a, execution=e, type="OUTPUT", time=NOON + 5) for a, e in made),
        ],
        attributions=[Attribution(context="Project:letters", artifact=MODEL)],
        associations=[Association(context="Pipeline:daily", execution=TRAIN)],
        parents=[Parent(child="Pipeline:daily", parent="Project:letters")],
    )
