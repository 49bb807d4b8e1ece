"""A graph that holds every rule, and the ways to break it: what the tests of the rules share."""

from __future__ import annotations

from reprokit.lineage.rules.sealing import sealed
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

NOW = 1_800_000_000_000
DAY = 86_400_000
COMPLETE = {
    "command": "python train.py --lr 0.1", "exit_status": 0, "git_commit": "c" * 40, "git_dirty": False,
    "image_digest": "sha256:" + "d" * 64, "seed": 1, "container": "docker",
}  # fmt: skip


def digest(name: str) -> str:
    """An identifier that says what it stands for."""
    return "sha256:" + name.encode().hex().rjust(64, "0")


def run(name: str, started: int, **changes: object) -> Execution:
    """A run that says everything; a property given as None is left out."""
    properties = {name: value for name, value in {**COMPLETE, **changes}.items() if value is not None}
    return Execution(id=f"urn:uuid:{name}", type="Run", name=name, started=int(started), ended=int(started) + 10,
                     properties=properties)  # fmt: skip


def event(execution: Execution | str, artifact: str, kind: str = "INPUT", time: int = 0) -> Event:
    """A link."""
    return Event(execution=getattr(execution, "id", execution), artifact=artifact, type=kind, time=time)


def replay(name: str, bundle: str, time: int, tier: str = "bitwise", status: str = "verified") -> Lineage:
    """A rebuild test of a bundle, with its verdict."""
    execution = Execution(id=f"urn:uuid:{name}", type="Replay", started=time - 5, ended=time)
    verdict = Artifact(id=digest(f"v{name}"), type="Verdict", properties={"tier": tier, "status": status})
    events = [event(execution, bundle, time=time - 5), event(execution, verdict.id, "OUTPUT", time)]
    return Lineage(artifacts=[verdict], executions=[execution], events=events)


RAW, TOKENS, MODEL, BUNDLE, DATA = (digest(name) for name in ("raw", "tokens", "model", "bundle", "data"))


def parts() -> Lineage:
    """raw manifest -> prepare -> tokens -> train -> model, and a rebuild test one day old; without seals."""
    prepare, train = run("prepare", NOW - 9 * DAY), run("train", NOW - 8 * DAY, bundle=BUNDLE)
    tested = replay("replay", BUNDLE, NOW - DAY)
    return Lineage(
        artifacts=[
            Artifact(id=RAW, type="DatasetManifest", name="raw", properties={"licence": "MIT"}),
            Artifact(id=TOKENS, type="File", name="tokens.bin"), Artifact(id=MODEL, type="Model", name="model.pt"),
            Artifact(id=BUNDLE, type="Bundle", name="train.repro.tar.zst"), *tested.artifacts,
        ],
        executions=[prepare, train, *tested.executions],
        events=[
            event(prepare, RAW), event(prepare, TOKENS, "OUTPUT"), event(train, TOKENS),
            event(train, MODEL, "OUTPUT"), event(train, BUNDLE, "OUTPUT"), *tested.events,
        ],
    )  # fmt: skip


def good() -> Lineage:
    """The same, with seals."""
    return sealed(parts())


def changed(lineage: Lineage, node: str, **properties: object) -> Lineage:
    """The graph with other properties of one node; None takes one away."""

    def one(found):
        if found.id != node:
            return found
        merged = {name: value for name, value in {**found.properties, **properties}.items() if value is not None}
        return found.model_copy(update={"properties": merged})

    return lineage.model_copy(
        update={"artifacts": [one(a) for a in lineage.artifacts], "executions": [one(e) for e in lineage.executions]}
    )


def without(lineage: Lineage, execution: str, artifact: str) -> Lineage:
    """The graph without the links between two nodes."""
    kept = [e for e in lineage.events if (e.execution, e.artifact) != (execution, artifact)]
    assert len(kept) < len(lineage.events)
    return lineage.model_copy(update={"events": kept})


def joined(lineage: Lineage, *more: Lineage) -> Lineage:
    """Several graphs as one."""
    from reprokit.lineage.merging import merge

    return merge([lineage, *more])
