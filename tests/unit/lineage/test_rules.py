"""Each defect that is planted in a graph gives its code, at its node, and no other."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest

from reprokit.errors import CATALOGUE, UsageError
from reprokit.lineage.rules import FileState, judge_release
from reprokit.lineage.rules.sealing import sealed
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage
from reprokit.schema.release import ReleaseRules, rules_of

_spec = importlib.util.spec_from_file_location("release_graphs", Path(__file__).with_name("release_graphs.py"))
g = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(g)

RULES = ReleaseRules()
PREPARE, TRAIN = "urn:uuid:prepare", "urn:uuid:train"


def found(lineage, rules=RULES, subject=g.MODEL, files=None, now=g.NOW):
    return judge_release(lineage, subject, rules, now, files).findings


def codes(*args, **kwargs):
    return [(one.code, one.node) for one in found(*args, **kwargs)]


@pytest.mark.parametrize("subject", [g.MODEL, g.BUNDLE, TRAIN])
def test_a_whole_graph_passes(subject):
    judged = judge_release(g.good(), subject, RULES, g.NOW)
    assert judged.findings == []
    assert judged.runs == [PREPARE, TRAIN]
    assert judged.manifests == [g.RAW]
    assert judged.models == [g.MODEL]
    assert judged.rebuilt.tier == "bitwise"


def dangling():
    lineage = g.good()
    return lineage.model_copy(update={"artifacts": [a for a in lineage.artifacts if a.id != g.TOKENS]})


def placeholder():
    lineage = g.good()
    nodes = [a.model_copy(update={"type": "Unknown"}) if a.id == g.TOKENS else a for a in lineage.artifacts]
    return lineage.model_copy(update={"artifacts": nodes})


def circle():
    """The tokens' run is said to have used the model that came of them."""
    runs = [one.model_copy(update={"started": 0, "ended": 0}) for one in g.parts().executions]
    more = Lineage(events=[g.event(PREPARE, g.MODEL)])
    return sealed(g.joined(g.parts().model_copy(update={"executions": runs}), more))


def appended():
    """A run used what it made."""
    return sealed(g.joined(g.parts(), Lineage(events=[g.event(TRAIN, g.MODEL)])))


def late_verdict(days, **kwargs):
    return sealed(g.joined(g.without(g.without(g.parts(), "urn:uuid:replay", g.BUNDLE), "urn:uuid:replay",
                                     g.digest("vreplay")), g.replay("later", g.BUNDLE, g.NOW - int(days * g.DAY),
                                                                    **kwargs)))  # fmt: skip


def turned():
    """The tokens are said to be others."""
    lineage = g.joined(g.good(), Lineage(artifacts=[Artifact(id=g.DATA, type="File")]))
    events = [e.model_copy(update={"artifact": g.DATA}) if (e.execution, e.artifact) == (TRAIN, g.TOKENS) else e
              for e in lineage.events]  # fmt: skip
    return lineage.model_copy(update={"events": events})


def cut_and_described():
    """A manifest that was found later does not stand in for a file that was cut off."""
    manifest = Artifact(id=g.DATA, type="DatasetManifest")
    later = Lineage(artifacts=[manifest], events=[g.event(TRAIN, g.DATA)])
    return g.joined(g.without(g.good(), TRAIN, g.TOKENS), later)


DEFECTS = {
    "turned elsewhere": (turned, {("RPK170", TRAIN)}),
    "cut and described": (cut_and_described, {("RPK170", TRAIN)}),
    "cut: model from run": (lambda: g.without(g.good(), TRAIN, g.MODEL), {("RPK170", TRAIN), ("RPK170", g.MODEL)}),
    "cut: tokens from run": (lambda: g.without(g.good(), PREPARE, g.TOKENS), {("RPK170", PREPARE),
                                                                               ("RPK171", TRAIN)}),
    "cut: run from manifest": (lambda: g.without(g.good(), PREPARE, g.RAW), {("RPK170", PREPARE)}),
    "cut: run from tokens": (lambda: g.without(g.good(), TRAIN, g.TOKENS), {("RPK170", TRAIN)}),
    "never sealed: model from run": (lambda: g.without(g.parts(), TRAIN, g.MODEL), {("RPK170", g.MODEL)}),
    "never sealed: run from manifest": (lambda: g.without(g.parts(), PREPARE, g.RAW), {("RPK171", PREPARE),
                                                                                      ("RPK171", TRAIN)}),
    "circle": (circle, {("RPK172", PREPARE)}),
    "appended to": (appended, {("RPK172", TRAIN)}),
    "dangling": (dangling, {("RPK173", g.TOKENS)}),
    "placeholder": (placeholder, {("RPK173", g.TOKENS)}),
    "no commit": (lambda: g.changed(g.good(), PREPARE, git_commit=None), {("RPK175", PREPARE)}),
    "no command": (lambda: g.changed(g.good(), TRAIN, command=None), {("RPK175", TRAIN)}),
    "no seed": (lambda: g.changed(g.good(), TRAIN, seed=None), {("RPK175", TRAIN)}),
    "git could not say": (lambda: g.changed(g.good(), TRAIN, git_dirty=None), {("RPK175", TRAIN)}),
    "failed": (lambda: g.changed(g.good(), TRAIN, exit_status=1), {("RPK175", TRAIN)}),
    "dirty tree": (lambda: g.changed(g.good(), PREPARE, git_dirty=True), {("RPK176", PREPARE)}),
    "unknown image": (lambda: g.changed(g.good(), TRAIN, image_digest=None), {("RPK148", TRAIN)}),
    "old verdict": (lambda: late_verdict(31), {("RPK177", g.BUNDLE)}),
    "verdict from the future": (lambda: late_verdict(-2), {("RPK177", g.BUNDLE)}),
    "unverified": (lambda: late_verdict(1, status="unverified"), {("RPK177", g.BUNDLE)}),
    "low tier": (lambda: late_verdict(1, tier="metric-close"), {("RPK178", g.BUNDLE)}),
    "no tier": (lambda: late_verdict(1, tier="none"), {("RPK178", g.BUNDLE)}),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_gives_its_code_at_its_node(name):
    make, expected = DEFECTS[name]
    said = found(make())
    assert {(one.code, one.node) for one in said} == expected
    for one in said:
        assert one.code in CATALOGUE
        assert one.remedy
        assert one.name
        assert one.established


def test_what_is_known_later_is_no_cut():
    manifest, note = Artifact(id=g.DATA, type="DatasetManifest"), Artifact(id=g.digest("note"), type="File")
    later = Lineage(artifacts=[manifest, note], events=[g.event(TRAIN, g.DATA), g.event(TRAIN, note.id, "OUTPUT")])
    assert codes(g.joined(g.good(), later)) == []


def test_a_changed_file_is_named_with_its_place():
    files = {g.RAW: FileState("/d/raw.txt", g.RAW), g.TOKENS: FileState("/d/tokens.bin", g.digest("other"))}
    (one,) = found(g.good(), files=files)
    assert (one.code, one.node, one.rule) == ("RPK174", g.TOKENS, "integrity")
    assert "/d/tokens.bin" in one.message


def test_a_dataset_that_changed_is_named_with_what_changed():
    (one,) = found(g.good(), files={g.RAW: FileState("/d/raw.manifest.json", g.RAW, difference="1 gone: a.csv")})
    assert (one.code, one.node) == ("RPK174", g.RAW)
    assert "1 gone: a.csv" in one.message


def test_data_in_no_manifest_are_refused_where_the_policy_says_so():
    graph = g.changed(g.good(), TRAIN, unmanifested=2)
    assert codes(graph) == []
    assert codes(graph, ReleaseRules(uncovered_inputs="refuse")) == [("RPK175", TRAIN)]
    assert codes(g.changed(graph, TRAIN, unmanifested=0), ReleaseRules(uncovered_inputs="refuse")) == []


def test_a_file_that_cannot_be_read_is_not_established():
    (one,) = found(g.good(), files={g.TOKENS: FileState("/d/tokens.bin", problem="Permission denied")})
    assert (one.code, one.established) == ("RPK149", False)


def test_what_is_not_in_the_graph_is_not_established():
    (one,) = found(g.good(), subject=g.digest("another"))
    assert (one.code, one.established) == ("RPK179", False)
    assert codes(Lineage(), subject=g.MODEL) == [("RPK179", g.MODEL)]


ALLOWED = {
    "no commit": {"unknown_commit": "allow"}, "no seed": {"unknown_seed": "allow"},
    "dirty tree": {"dirty_tree": "allow"}, "git could not say": {"dirty_tree": "allow"},
    "unknown image": {"unknown_image": "allow"}, "failed": {"failed_run": "allow"},
    "never sealed: run from manifest": {"manifests": False}, "old verdict": {"max_age_days": 40},
    "low tier": {"tier": "metric-close"},
}  # fmt: skip


@pytest.mark.parametrize("name", ALLOWED)
def test_what_a_policy_allows_is_no_failure(name):
    assert codes(DEFECTS[name][0](), ReleaseRules.model_validate(ALLOWED[name])) == []


def test_no_rebuild_test_is_needed_where_neither_age_nor_tier_counts():
    bare = sealed(g.without(g.without(g.parts(), "urn:uuid:replay", g.BUNDLE), "urn:uuid:replay", g.digest("vreplay")))
    assert codes(bare) == [("RPK177", g.BUNDLE)]
    assert codes(bare, ReleaseRules(max_age_days=math.inf, tier="none")) == []


def test_a_bundle_that_is_due_is_named_with_its_file():
    """Its name is that of the run: of two stages that DVC ran both are called ``dvc.repro.tar.zst``."""
    placed = [one.model_copy(update={"uri": "file:///my%20work/train.repro.tar.zst"}) if one.id == g.BUNDLE else one
              for one in g.good().artifacts]  # fmt: skip
    known = g.good().model_copy(update={"artifacts": placed})
    (finding,) = judge_release(known, g.MODEL, ReleaseRules(max_age_days=0.5), g.NOW).findings
    assert finding.code == "RPK177"
    assert " in /my work/train.repro.tar.zst was " in finding.message


def test_of_several_tests_the_last_one_that_could_be_judged_counts():
    worse = g.replay("worse", g.BUNDLE, g.NOW - g.DAY // 2, "re-runnable")
    unverified = g.replay("unsure", g.BUNDLE, g.NOW - g.DAY // 4, "none", "unverified")
    better = g.replay("better", g.BUNDLE, g.NOW - g.DAY // 8)
    assert codes(sealed(g.joined(g.parts(), unverified))) == []
    assert codes(sealed(g.joined(g.parts(), worse, unverified))) == [("RPK178", g.BUNDLE)]
    assert codes(sealed(g.joined(g.parts(), worse, better))) == []
    same_time = g.replay("tie", g.BUNDLE, g.NOW - g.DAY, "none")
    assert codes(sealed(g.joined(g.parts(), same_time))) == [("RPK178", g.BUNDLE)]


def test_what_the_policy_adds():
    rules = ReleaseRules(properties=["git_remote"], parameters=["lr", "batch_size"], manifest_properties=["contact"])
    said = [one.message for one in found(g.good(), rules)]
    assert sum("git_remote" in text for text in said) == 2
    assert sum("parameter.batch_size" in text for text in said) == 2
    assert not any("parameter.lr" in text for text in said)  # the command line states it
    assert sum("contact" in text for text in said) == 1
    full = g.good()
    for node in (PREPARE, TRAIN):
        full = g.changed(full, node, git_remote="https://example.org/r", **{"parameter.batch_size": 4})
    assert codes(g.changed(full, g.RAW, contact="a@example.org"), rules) == []


@pytest.mark.parametrize("command", ["t --batch-size 4", "t --batch_size=4", "t batch_size=4", "t '--batch-size=4'"])
def test_a_command_line_states_parameters(command):
    both = g.changed(g.changed(g.good(), TRAIN, command=command), PREPARE, command=command)
    assert codes(both, ReleaseRules(parameters=["batch_size"])) == []
    assert {code for code, _ in codes(both, ReleaseRules(parameters=["size"]))} == {"RPK175"}


def test_an_unclosed_quote_in_a_command_is_no_error():
    assert codes(g.changed(g.good(), TRAIN, command="python 'train.py")) == []


def test_a_model_from_elsewhere_is_named_unless_the_policy_knows_it():
    base = Artifact(id=g.digest("base"), type="Model", name="base.safetensors")
    tuned = sealed(g.joined(g.parts(), Lineage(artifacts=[base], events=[g.event(TRAIN, base.id)])))
    assert codes(tuned) == [("RPK170", base.id)]
    for known in (base.id, base.name):
        assert codes(tuned, ReleaseRules(external_models=[known])) == []


def test_two_files_that_are_alike_make_no_circle_and_no_parent():
    """`done` of a later run is no input of an earlier one, whatever its content."""
    flag = Artifact(id=g.digest("done"), type="File", name="done")
    later = g.run("later", g.NOW - g.DAY, git_dirty=True)
    events = [g.event(PREPARE, flag.id), g.event(later, flag.id, "OUTPUT"), g.event(later, g.MODEL)]
    assert codes(sealed(g.joined(g.parts(), Lineage(artifacts=[flag], executions=[later], events=events)))) == []
    earlier = g.run("later", g.NOW - 20 * g.DAY, git_dirty=True)
    graph = sealed(g.joined(g.parts(), Lineage(artifacts=[flag], executions=[earlier], events=events[:2])))
    assert ("RPK176", earlier.id) in codes(graph)


def test_of_several_runs_that_made_an_input_the_last_one_beside_counts():
    """A dirty run elsewhere, or an earlier one here, made the same tokens; what lay there came from another one."""

    def with_maker(days, root):
        other = g.run("other", g.NOW - days * g.DAY, git_dirty=True, root=root)
        made = Lineage(executions=[other], events=[g.event(other, g.TOKENS, "OUTPUT")])
        here = g.changed(g.changed(g.parts(), PREPARE, root="/p"), TRAIN, root="/p")
        return {code for code, _ in codes(sealed(g.joined(here, made)))}

    assert with_maker(8.5, "/elsewhere") == set()
    assert with_maker(20, "/p") == set()
    assert "RPK176" in with_maker(8.5, "/p")


def test_of_several_runs_that_made_a_model_one_that_holds_is_enough():
    dirty = g.run("again", g.NOW - g.DAY, git_dirty=True)
    twice = sealed(g.joined(g.parts(), Lineage(executions=[dirty], events=[g.event(dirty, g.MODEL, "OUTPUT")])))
    assert codes(twice) == []
    assert "RPK176" in {code for code, _ in codes(twice, subject=dirty.id)}


def test_a_long_chain_and_a_wide_one_are_walked():
    nodes = [g.run(f"r{n}", g.NOW - (4000 - n) * 60_000) for n in range(3000)]
    files = [Artifact(id=g.digest(f"f{n}"), type="File") for n in range(3000)]
    events: list[Event] = [g.event(nodes[0], g.RAW)]
    for n, node in enumerate(nodes):
        events += [g.event(node, files[n - 1].id)] if n else []
        events.append(g.event(node, files[n].id, "OUTPUT"))
    manifest = Artifact(id=g.RAW, type="DatasetManifest")
    rules = ReleaseRules(max_age_days=math.inf, tier="none")
    lineage = sealed(Lineage(artifacts=[manifest, *files], executions=nodes, events=events))
    judged = judge_release(lineage, files[-1].id, rules, g.NOW)
    assert judged.findings == []
    assert len(judged.runs) == 3000


def test_hostile_names_stay_in_their_message():
    lineage = g.good()
    nodes = [e.model_copy(update={"name": "\x1b[31m\n" + "x" * 10_000}) for e in lineage.executions]
    said = found(g.changed(lineage.model_copy(update={"executions": nodes}), TRAIN, git_dirty=True))
    assert [one.code for one in said] == ["RPK176"]


def test_policies_by_name():
    tables = {"tier": "metric-close", "nightly": {"max_age_days": 7}, "strict": {"extends": "nightly",
                                                                                "tier": "bitwise"}}  # fmt: skip
    assert rules_of({}, "release") == ReleaseRules()
    assert rules_of(tables, "release").tier == "metric-close"
    assert rules_of(tables, "nightly") == ReleaseRules(tier="metric-close", max_age_days=7)
    assert rules_of(tables, "strict") == ReleaseRules(tier="bitwise", max_age_days=7)


@pytest.mark.parametrize(
    ("tables", "name", "said"),
    [
        ({}, "nightly", "no release policy"),
        ({"a": {"extends": "b"}, "b": {"extends": "a"}}, "a", "extends itself"),
        ({"a": {"extends": "gone"}}, "a", "no release policy"),
        ({"dirty_tree": "maybe"}, "release", "dirty_tree"),
        ({"max_age_days": 0}, "release", "max_age_days"),
        ({"dirty-tree": "allow"}, "release", "dirty-tree"),
        ({"tier": "perfect"}, "release", "tier"),
    ],
)
def test_a_policy_that_is_wrong_is_refused(tables, name, said):
    with pytest.raises(UsageError) as caught:
        rules_of(tables, name)
    assert caught.value.code == "RPK146"
    assert said in caught.value.message


def test_a_run_of_which_only_the_node_is_known():
    alone = Lineage(executions=[Execution(id="urn:uuid:x", type="Run")])
    assert {code for code, _ in codes(alone, subject="urn:uuid:x")} == {
        "RPK171", "RPK175", "RPK148", "RPK177", "RPK179"
    }  # fmt: skip
