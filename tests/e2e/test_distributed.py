"""Several ranks over gloo: a trace a rank, aligned by rank and step; copies of a model that are not equal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import CommandLine, Recording, Training

pytestmark = pytest.mark.frameworks

FULL = ("--trace", "full")
TORCHRUN = (str(Path(sys.executable).parent / "torchrun"), "--standalone", "--nproc-per-node", "2")
SHARDED = (*TORCHRUN, "beyond/fsdp_sharded.py")
FLAT = (*TORCHRUN, "beyond/fsdp_flat.py")
SPAWNED = (sys.executable, "beyond/ddp_spawned.py")
ACCELERATED = (*TORCHRUN, "beyond/accelerated.py")


def replicas(way: str) -> tuple[str, ...]:
    return (*TORCHRUN, "beyond/replicas.py", way)


def ranks(recording: Recording) -> dict[int, Any]:
    return {s["rank"]: s for s in recording.report["streams"] if s["steps"]}


def found(document: Any, *codes: str) -> list[str]:
    return [f"{w['code']} {w['message']}" for w in document["warnings"] if w["code"] in (codes or ("RPK115", "RPK116"))]


@pytest.mark.parametrize(
    ("command", "steps"), [(SHARDED, 5), (FLAT, 5), (SPAWNED, 6), (ACCELERATED, 4)],
    ids=["fsdp2", "fsdp1", "spawn", "accelerate"],
)  # fmt: skip
def test_every_rank_has_a_trace_and_replays_bitwise(training: Training, command: tuple[str, ...], steps: int) -> None:
    recording = training.record(*command, options=FULL)
    assert {rank: (s["steps"], s["world_size"], s["disabled"]) for rank, s in ranks(recording).items()} == {
        0: (steps, 2, []), 1: (steps, 2, []),
    }  # fmt: skip
    assert recording.report["steps"] == steps
    assert found(recording.report) == []
    verdict = training.replay(recording)
    assert verdict["tier"] == "bitwise"
    compared = {t["stream"]: (t["steps_compared"], t["not_compared"]) for t in verdict["traces"]}
    assert compared == {s["name"]: (steps, []) for s in ranks(recording).values()}


@pytest.mark.parametrize(
    ("command", "result"),
    [(SHARDED, "checkpoint"), (FLAT, "model.pt"), (SPAWNED, "model.pt"), (ACCELERATED, "model.pt")],
    ids=["fsdp2", "fsdp1", "spawn", "accelerate"],
)
def test_the_weights_are_those_of_an_unobserved_run(
    training: Training, reprokit: CommandLine, tmp_path: Path, command: tuple[str, ...], result: str
) -> None:
    observed = training.record(*command, options=FULL)
    for side in ("observed", "unobserved"):
        (tmp_path / side).mkdir()
    _copy(observed.directory / result, tmp_path / "observed" / result)
    project = tmp_path / "project"
    shutil.copytree(observed.directory, project, ignore=shutil.ignore_patterns(result))
    environment = {**reprokit.environment(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True, timeout=400)
    (project / result).rename(tmp_path / "unobserved" / result)
    compared = reprokit("compare", "--json", "unobserved", "observed", cwd=tmp_path)
    assert compared.status == 0, compared.text
    assert compared.json["outputs"]
    assert all(output["equal"] for output in compared.json["outputs"])


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)


@pytest.mark.parametrize("command", [SHARDED, SPAWNED], ids=["fsdp2", "spawn"])
def test_without_seeds_too(training: Training, command: tuple[str, ...]) -> None:
    assert training.replay(training.record(*command, seeds=False, options=FULL))["tier"] == "bitwise"


ULP = "w = next(model.parameters()); w = getattr(w, '_local_tensor', w).data.view(-1)\n"
ULP += "w[0] = torch.nextafter(w[0], torch.tensor(9.0))"


def nudged(rank: int, step: int) -> str:
    return f"if dist.get_rank() == {rank} and step == {step}:\n    " + ULP.replace("\n", "\n    ")


@pytest.mark.parametrize("command", [SHARDED, FLAT, SPAWNED], ids=["fsdp2", "fsdp1", "spawn"])
def test_a_shard_moved_by_one_unit_in_the_last_place_is_found_at_its_rank(
    training: Training, command: tuple[str, ...]
) -> None:
    script = Path(command[-1]).name
    verdict = training.diverges(command, training.plant("optimizer.step()", nudged(1, 3), script))
    divergence = verdict["divergence"]
    reference = ranks(training.record(*command, options=FULL))
    assert (divergence["step"], divergence["stream"]) == (3, reference[1]["name"])
    assert divergence["part"] == "parameters"
    if script != "fsdp_flat.py":
        assert divergence["tensor"] == "0.weight"


def test_ranks_that_diverge_at_different_steps_are_told_apart(training: Training) -> None:
    fault = nudged(1, 2) + "\n" + nudged(0, 4)
    command = replicas("separate")  # nothing is exchanged, so one rank's fault does not reach the other
    verdict = training.diverges(
        command, training.plant("optimizer.step()", fault.replace("w[0], torch", "w[0] * 2, torch"), "replicas.py")
    )
    assert (verdict["divergence"]["step"], verdict["divergence"]["stream"]) == (2, "rank1")
    assert "rank0 follows at step 4 (parameters)" in verdict["divergence"]["detail"]


def test_which_rank_starts_first_does_not_matter(training: Training) -> None:
    """One rank, and then the other, is late; their numbers are given out by the parent (tests/unit/observe)."""
    by_key = "import time\ntime.sleep(2 * (rank == {}))"
    line, script = 'dist.init_process_group("gloo", rank=rank, world_size=world)', "ddp_spawned.py"
    first = training.record(*SPAWNED, options=FULL, fault=training.plant(line, by_key.format(0), script))
    second = training.record(*SPAWNED, options=FULL, fault=training.plant(line, by_key.format(1), script))
    assert training.compare(first, second, status=0)["tier"] == "bitwise"


def test_a_rank_that_dies_is_recorded_and_never_passes(
    training: Training, reprokit: CommandLine, tmp_path: Path
) -> None:
    script = tmp_path / "dies.py"
    source = Path(__file__).parent / "scripts" / "beyond" / "replicas.py"
    death = "    if rank == 1 and step == 4:\n        os.kill(os.getpid(), 9)\n    optimizer.step()\n"
    script.write_text(source.read_text().replace("    optimizer.step()\n", death))
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    done = reprokit("record", "--json", "-o", tmp_path / "b.repro.tar.zst", *FULL, "--", *TORCHRUN, script, "clean",
                    cwd=tmp_path, env=environment)  # fmt: skip
    report = done.json
    assert report["exit_status"] == done.status == 1
    steps = {s["rank"]: (s["steps"], s["complete"]) for s in report["streams"] if s["steps"]}
    assert steps[1] == (3, False)
    assert any("rank1 ended without closing its trace" in w["message"] for w in report["warnings"])
    assert found(report) == []
    replayed = reprokit("replay", "--json", tmp_path / "b.repro.tar.zst", cwd=tmp_path, env=environment)
    assert (replayed.status, replayed.json["tier"]) == (1, "none")


def test_another_number_of_ranks_is_said(training: Training) -> None:
    two = training.record(*replicas("clean"), options=FULL)
    three = training.record(*TORCHRUN[:-1], "3", "beyond/replicas.py", "clean", options=FULL)
    verdict = training.compare(two, three, status=1)
    assert found(verdict, "RPK117") == ["RPK117 the record trained on 2 ranks, the other run on 3"]
    assert verdict["tier"] != "bitwise"


AVERAGED = "their gradients are averaged, so they should be equal"
WRAPPED = "DistributedDataParallel keeps copies of one model there, so they should be equal"
AT_ONCE = "(already before the forward pass of step 1)"
# The way, the code of what is found, the step, and words of the message. The others are no finding at all.
WAYS: dict[str, tuple[str, int, str, str]] = {
    "nudge": ("RPK115", 3, "in first.weight:", WRAPPED),
    "no_sync_at_start": ("RPK115", 1, AT_ONCE, WRAPPED),
    "forgets_sync": ("RPK115", 4, "first.weight, first.bias, norm.weight and 3 more tensors", WRAPPED),
    "by_hand_unequal": ("RPK115", 1, AT_ONCE, AVERAGED),
    "by_hand_nudge": ("RPK115", 4, "first.weight (already before the forward pass of step 4)", AVERAGED),
    "local_hook": ("RPK116", 1, "communication hook noop_hook", "so this may be meant"),
    "ignored": ("RPK116", 1, "in spare.weight:", "was told to ignore them, so this may be meant"),
    "local_buffers": ("RPK116", 1, "norm.running_mean, norm.running_var", "not broadcast, so this may be meant"),
}
SILENT = ("clean", "find_unused", "fp16_hook", "rank0_beside", "by_hand", "separate", "folds")


def is_said(document: Any, way: str) -> bool:
    code, step, *words = WAYS[way]
    (said,) = found(document)
    start = f"{code} rank 1 differs from rank 0 from step {step} on, in "
    return said.startswith(start) and all(word in said for word in words)


@pytest.mark.parametrize("way", WAYS)
def test_copies_that_should_be_equal_are_found_when_they_are_not(training: Training, way: str) -> None:
    assert is_said(training.record(*replicas(way), options=FULL).report, way)


@pytest.mark.parametrize("way", SILENT)
def test_no_alarm_is_raised(training: Training, way: str) -> None:
    """By other dropout, other batches, unsynchronised accumulation or a model that one rank has alone."""
    assert found(training.record(*replicas(way), options=FULL).report) == []


def test_a_run_that_repeats_bitwise_still_has_the_finding_everywhere(training: Training, reprokit: CommandLine) -> None:
    recording = training.record(*replicas("nudge"), options=FULL)
    verdict = training.replay(recording)
    assert (verdict["tier"], verdict["met"]) == ("bitwise", True)
    assert is_said(verdict, "nudge")
    assert is_said(training.compare(recording, recording, status=0), "nudge")
    for verb in ("verify", "inspect"):
        said = reprokit(verb, recording.bundle, cwd=recording.directory).text
        assert "RPK115" in " ".join(said.split())


def test_steps_that_were_not_digested_are_not_compared_and_not_an_alarm(training: Training) -> None:
    recording = training.record(*replicas("clean"))
    assert found(recording.report) == []
    light = training.record(*replicas("clean"), options=("--trace", "light"))
    assert [text.partition(" ")[0] for text in found(light.report)] in ([], ["RPK116"])
