"""A bundle's part of the graph, from manifests of real recordings, and what it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.launch.lineage_of_bundle import file_uri, lineage_of, own_words, run_id
from reprokit.launch.lineage_parts import whole_part
from reprokit.launch.opening import open_bundle
from reprokit.lineage.graph import Graph
from reprokit.lineage.rules import judge_release
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage
from reprokit.schema.manifest import InputFile, Manifest, MemberEntry, Notice, OutputFile, TraceSummary
from reprokit.schema.release import ReleaseRules

BUNDLES = Path(__file__).parents[3] / "bundles" / "v1"
NOW = 1_800_000_000_000


@pytest.fixture(params=["digits", "numpy", "torch"])
def released(request) -> tuple[Manifest, str]:
    with open_bundle(BUNDLES / f"{request.param}.repro.tar.zst") as (_reader, manifest, bundle_id):
        return manifest, bundle_id


def other(manifest: Manifest, **run) -> Manifest:
    return manifest.model_copy(update={"run": manifest.run.model_copy(update=run)})


def test_a_released_bundle_has_a_run_its_files_and_itself(released):
    manifest, bundle_id = released
    lineage = lineage_of(manifest, bundle_id, 12)
    (run,) = lineage.executions
    assert run.id == run_id(manifest, bundle_id)
    assert run.properties["bundle"] == bundle_id
    assert {node.type for node in lineage.artifacts} >= {"Model", "Bundle"}
    graph = Graph(lineage)
    assert graph.dangling() == []
    assert graph.cycle() == []
    used = {entry.sha256 for entry in manifest.inputs if entry.role == "data" and entry.size and not entry.listed}
    assert set(graph.inputs[run.id]) == used
    made = {entry.sha256 for entry in manifest.outputs if entry.size}
    assert set(graph.outputs[run.id]) == {bundle_id} | (made - used)
    assert lineage_of(manifest, bundle_id, 12) == lineage


def test_the_part_inside_a_bundle_does_not_name_it(released):
    manifest, bundle_id = released
    with pytest.raises(ValueError, match="known by its bundle"):
        lineage_of(manifest)  # recorded before runs had identifiers
    named = other(manifest, id="urn:uuid:1")
    inside, outside = lineage_of(named), lineage_of(named, bundle_id)
    assert "Bundle" not in {node.type for node in inside.artifacts}
    assert inside.executions[0].id == outside.executions[0].id == "urn:uuid:1"
    assert inside.executions[0].properties["links"] == outside.executions[0].properties["links"]


def test_what_is_left_as_it_was_found_and_what_is_empty_is_not_made(released):
    manifest, bundle_id = released
    same, empty, new = ("sha256:" + c * 64 for c in "abc")
    changed = manifest.model_copy(update={
        "inputs": [InputFile(path="/p/a", sha256=same, size=1, role="data"),
                   InputFile(path="/p/e", sha256=empty, size=0, role="data"),
                   InputFile(path="/p/t.py", sha256=new, size=3, role="code")],
        "outputs": [OutputFile(path="/p/b", sha256=same, size=1), OutputFile(path="/p/f", sha256=empty, size=0),
                    OutputFile(path="/p/model.bin", sha256=new, size=3)],
    })  # fmt: skip
    lineage = lineage_of(changed, bundle_id)
    assert {(e.artifact, e.is_input) for e in lineage.events} == {(same, True), (new, False), (bundle_id, False)}
    assert next(node for node in lineage.artifacts if node.id == new).type == "Model"


def test_uncommitted_code_is_dirty_and_other_untracked_files_are_not(released):
    manifest, bundle_id = released
    git = {"commit": "c" * 40, "dirty": False, "top": "/p", "untracked": ["new.py", "metrics.json"]}
    data = InputFile(path="/p/metrics.json", sha256="sha256:" + "1" * 64, size=1, role="data")
    code = InputFile(path="/p/new.py", sha256="sha256:" + "2" * 64, size=1, role="code")

    def dirty(**update):
        changed = manifest.model_copy(update={"git": git, "inputs": [data], **update})
        return lineage_of(changed, bundle_id).executions[0].properties.get("git_dirty")

    assert dirty() is False
    assert dirty(inputs=[data, code]) is True
    assert dirty(git={**git, "dirty": True}) is True
    assert dirty(git={**git, "dirty": None}) is None
    books = {**git, "dirty": True, "changed": ["dvc.lock", "a/b.manifest.json"], "changed_complete": True}
    assert dirty(git=books) is False, "a pipeline writes these between its stages"
    assert dirty(git={**books, "changed": ["dvc.lock", "train.py"]}) is True
    assert dirty(git={**books, "changed_complete": False}) is True
    assert dirty(git={**books, "untracked": ["new.py"]}, inputs=[code]) is True
    assert dirty(git=None) is None
    ignoring = {**books, "changed": ["dvc.lock", "data/.gitignore"]}
    assert dirty(git=ignoring) is True, "it may hide code, which an older bundle does not say"
    assert dirty(git={**ignoring, "lacking": []}) is False
    assert dirty(git={**ignoring, "lacking": ["hidden.py"]}) is True
    assert dirty(git={**git, "lacking": ["hidden.py"]}) is True
    assert dirty(git={**git, "lacking": None}) is None
    module = {"path": "lib", "recorded": "a", "checked_out": "a", "dirty": True}
    assert dirty(git={**git, "submodules": [module]}) is True
    assert dirty(git={**git, "submodules": [{**module, "dirty": None}]}) is None
    assert dirty(git={**git, "submodules": [{**module, "dirty": None, "checked_out": None}]}) is False


def test_what_is_known_of_random_numbers(released):
    manifest, bundle_id = released
    kept = [member for member in manifest.members if not member.path.startswith("ambient/")]
    drawn = MemberEntry(path="ambient/train", sha256="sha256:" + "0" * 64, size=1)

    def entropy(**update):
        changed = manifest.model_copy(update={"streams": [TraceSummary(name="train")], "warnings": [], **update})
        return lineage_of(changed, bundle_id).executions[0].properties.get("entropy")

    assert entropy(members=[*kept, drawn]) == "recorded"
    assert entropy(members=kept) == "none"
    assert entropy(members=kept, warnings=[Notice(code="RPK041", message="a process was not seen")]) is None
    assert entropy(members=kept, streams=[]) is None
    assert entropy(members=[]) is None


def test_hostile_names_become_uris_and_nothing_else(released):
    manifest, bundle_id = released
    paths = ["/p/a b\n\x1b[31m?#%", "/p/\\xff", "/p/ü", "/p/" + "x" * 5000]
    outputs = [OutputFile(path=path, sha256=f"sha256:{n:064x}", size=1) for n, path in enumerate(paths)]
    lineage = lineage_of(manifest.model_copy(update={"outputs": outputs}), bundle_id)
    assert Lineage.parse(lineage.canonical(), "it") == lineage
    uris = {node.uri for node in lineage.artifacts if node.uri}
    assert all(uri.isascii() and uri.isprintable() for uri in uris)
    assert file_uri("/p/\\xff") == "file:///p/%FF"


def test_a_bundle_may_not_say_that_it_was_tested(released):
    """A verdict inside a bundle would meet every policy's freshness and tier."""
    manifest, bundle_id = released
    replay = Execution(id="urn:uuid:replay", type="Replay", properties={"bundle": bundle_id})
    verdict = Artifact(id="sha256:" + "9" * 64, type="Verdict", properties={"tier": "bitwise", "status": "verified"})
    events = [Event(execution=replay.id, artifact=bundle_id, type="INPUT", time=NOW),
              Event(execution=replay.id, artifact=verdict.id, type="OUTPUT", time=NOW)]  # fmt: skip
    forged = Lineage(artifacts=[verdict], executions=[replay], events=events)
    rules = ReleaseRules(manifests=False, unknown_commit="allow", unknown_image="allow")
    believed = judge_release(
        Lineage.model_validate(_sum(lineage_of(manifest, bundle_id), forged)), bundle_id, rules, NOW
    )
    assert believed.findings == []
    told = judge_release(whole_part(manifest, bundle_id, 1, forged), bundle_id, rules, NOW)
    assert [one.code for one in told.findings] == ["RPK177"]
    assert own_words(forged) == Lineage()


def _sum(one: Lineage, other: Lineage) -> dict:
    return {name: [*getattr(one, name), *getattr(other, name)] for name in ("artifacts", "executions", "events")}
