"""Records and replays the training scripts in `scripts/`, whole, changed by a planted fault, or without their seeds."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import CommandLine

SCRIPTS = Path(__file__).parent / "scripts"
_SEEDING = r"torch\.manual_seed|np\.random\.seed|random\.seed|keras\.utils\.set_random_seed|tf\.random\.set_seed"
_PLAIN_SEEDS = re.compile(rf"^ *(?:{_SEEDING})\(.*\)\n", re.MULTILINE)
_SEED_ARGUMENTS = ((", random_state=args.seed", ""), ("default_rng(args.seed)", "default_rng()"))


def unseeded(text: str) -> str:
    """A script's text without the lines and arguments that seed it."""
    text = _PLAIN_SEEDS.sub("", text)
    for seeding, without in _SEED_ARGUMENTS:
        text = text.replace(seeding, without)
    return text


@dataclass(frozen=True)
class Plant:
    """A fault: ``code`` is put into ``script`` in front of (or after) the one line that is ``line``."""

    line: str
    code: str
    script: str = ""
    after: bool = False

    def into(self, text: str) -> str:
        """The script's text with the fault in it."""
        lines = text.splitlines(keepends=True)
        places = [number for number, line in enumerate(lines) if line.strip() == self.line]
        assert len(places) == 1, f"{self.line!r} stands {len(places)} times in the script"
        at = places[0]
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        lines.insert(at + self.after, "".join(f"{indent}{line}\n" for line in self.code.splitlines()))
        return "".join(lines)


@dataclass(frozen=True)
class Recording:
    """A recorded run."""

    directory: Path
    bundle: Path
    report: dict[str, Any]
    stderr: str


class Training:
    """Runs ``reprokit record``, ``replay`` and ``compare`` on the scripts; equal recordings are made once."""

    plant = Plant

    def __init__(self, reprokit: CommandLine, room: Path) -> None:
        self._reprokit = reprokit
        self._room = room
        self._numbers = count()
        self._made: dict[tuple[Any, ...], Recording] = {}
        self.python = sys.executable

    def _environment(self, threads: int | None) -> dict[str, str | None]:
        path = os.pathsep.join([str(Path(self.python).parent), os.environ.get("PATH", os.defpath)])
        return {"PATH": path, "OMP_NUM_THREADS": None if threads is None else str(threads)}

    def _project(self, fault: Plant | None, *, seeds: bool) -> Path:
        """A fresh project directory with the scripts and a text to train on."""
        directory = self._room / f"{next(self._numbers):03}" / "project"
        shutil.copytree(SCRIPTS, directory, ignore=shutil.ignore_patterns("__pycache__"))
        (directory / "input.txt").write_text(Path(argparse.__file__).read_text(encoding="utf-8")[:20_000], "utf-8")
        for script in [*directory.rglob("*.py"), *directory.rglob("*.sh")]:
            text = script.read_text("utf-8")
            if not seeds:
                text = unseeded(text)
            if fault is not None and script.name == fault.script:
                text = fault.into(text)
            script.write_text(text, "utf-8")
        return directory

    def record(
        self, *command: str, fault: Plant | None = None, seeds: bool = True, threads: int | None = 1,
        options: tuple[str, ...] = (), again: int = 0, settings: str = "",
    ) -> Recording:  # fmt: skip
        """Records a command in a fresh project directory. ``{here}`` in an argument stands for that directory.

        ``settings`` are the project's `pyproject.toml`.
        """
        if fault is not None and not fault.script:
            fault = Plant(fault.line, fault.code, next(Path(a).name for a in command if a.endswith(".py")), fault.after)
        identity = (command, fault, seeds, threads, options, again, settings)
        if identity not in self._made:
            directory = self._project(fault, seeds=seeds)
            if settings:
                (directory / "pyproject.toml").write_text(settings, "utf-8")
            bundle = directory.parent / "run.repro.tar.zst"
            filled = [argument.replace("{here}", str(directory)) for argument in command]
            done = self._reprokit(
                "record", "--json", "-o", bundle, *options, "--", *filled, cwd=directory,
                env=self._environment(threads), timeout=400,
            )  # fmt: skip
            assert done.status == 0, done.text
            report = done.json
            assert report["schema"] == "reprokit.record/1"
            assert report["exit_status"] == 0
            assert report["bundle"] == str(bundle)
            self._made[identity] = Recording(directory, bundle, report, done.stderr.decode())
        return self._made[identity]

    def replay(self, recording: Recording, *options: str, status: int | None = 0, threads: int | None = 1) -> Any:
        """The verdict of ``reprokit replay --json``, with the promises that hold for every verdict checked."""
        before = _contents(recording.directory)
        done = self._reprokit(
            "replay", "--json", *options, recording.bundle, cwd=recording.directory.parent,
            env=self._environment(threads), timeout=400,
        )  # fmt: skip
        assert status in (done.status, None), done.text
        assert _contents(recording.directory) == before, "the replay wrote over what the original run wrote"
        verdict = done.json
        check_contract(verdict)
        assert verdict["bundle"] == recording.report["id"]
        return verdict

    def compare(self, first: Recording, second: Recording, *options: str, status: int) -> Any:
        """The verdict of ``reprokit compare --json``."""
        done = self._reprokit("compare", "--json", *options, first.bundle, second.bundle, cwd=first.directory.parent)
        assert done.status == status, done.text
        check_contract(done.json)
        return done.json

    def diverges(self, command: tuple[str, ...], fault: Plant, **options: Any) -> Any:
        """What `compare` says of a recorded command and the same one with a fault in it; it must be found.

        Every part of every step is digested, as the budget of two recordings may leave out different ones.
        """
        options.setdefault("options", ("--trace", "full"))
        verdict = self.compare(
            self.record(*command, **options), self.record(*command, fault=fault, **options), status=1
        )
        assert verdict["tier"] != "bitwise"
        return verdict


def _contents(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def check_contract(verdict: Any) -> None:
    """Asserts what the documentation promises of every ``reprokit.verdict/1`` document."""
    tiers = ["none", "re-runnable", "metric-close", "bitwise"]
    assert verdict["schema"] == "reprokit.verdict/1"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}|/.*", verdict["bundle"])
    assert verdict["tier"] in tiers
    assert verdict["target"] in tiers
    assert verdict["met"] is (tiers.index(verdict["tier"]) >= tiers.index(verdict["target"]))
    assert verdict["status"] in ("verified", "unverified")
    assert not (verdict["met"] and verdict["status"] == "unverified")
    assert verdict["between_replays"] in [None, *tiers]
    assert verdict["runs"]
    assert isinstance(verdict["scope"], dict)
    assert all({"path", "equal", "method"} <= output.keys() for output in verdict["outputs"])
    assert all({"name", "recorded", "replayed", "close", "rule"} <= metric.keys() for metric in verdict["metrics"])
    if verdict["tier"] == "bitwise":
        assert verdict["divergence"] is None
        assert all(output["equal"] for output in verdict["outputs"])
        assert all(trace["equal"] for trace in verdict["traces"])
    if verdict["divergence"] is not None:
        assert {"step", "part", "tensor", "cause", "op"} <= verdict["divergence"].keys()


@pytest.fixture(scope="session")
def training(reprokit: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """The scripts, ready to be recorded, replayed and broken."""
    pytest.importorskip("torch", reason="the scripts train with PyTorch")
    pytest.importorskip("sklearn", reason="some scripts read scikit-learn's digits")
    return Training(reprokit, tmp_path_factory.mktemp("training"))
