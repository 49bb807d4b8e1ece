"""Prices the scripts of scripts.toml: `python tests/e2e/priced/make.py [NAME…] [--rounds N] [--budget SECONDS]`.

Each is recorded as it is, without a policy, and priced with `reprokit price --output`. NAME.toml is what that wrote:
the policy that the price list recommends. figures.json holds what each switch cost, for the table in the documentation.
Names that are given are done again; without any, those that have no policy yet.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SCRIPTS = HERE.parent / "scripts"
FIGURES = HERE / "figures.json"
THREADS = "2"


def project(room: Path) -> Path:
    """A directory with the scripts and a text to train on, as the tests have it."""
    directory = room / "project"
    shutil.copytree(SCRIPTS, directory, ignore=shutil.ignore_patterns("__pycache__"))
    text = Path(argparse.__file__).read_text(encoding="utf-8")[:20_000]
    (directory / "input.txt").write_text(text, encoding="utf-8")
    return directory


def environment() -> dict[str, str]:
    """That of a shell in which nothing was set for determinism but the number of threads."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "REPROKIT", "OMP_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "OMP_NUM_THREADS": THREADS, "OMP_WAIT_POLICY": "PASSIVE"}


def reprokit(directory: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """One command of ours; what it has to say goes to standard error."""
    command = [sys.executable, "-m", "reprokit", *arguments]
    return subprocess.run(command, cwd=directory, env=environment(), stdout=subprocess.PIPE, check=False)


def priced(name: str, command: str, options: list[str]) -> dict[str, Any]:
    """Records and prices one script, and keeps the policy.

    Raises:
        SystemExit: it failed, or no set of switches reached bitwise.
    """
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as room:
        directory = project(Path(room))
        bundle = str(Path(room) / f"{name}.repro.tar.zst")
        recorded = reprokit(directory, "record", "--json", "-o", bundle, "--", *shlex.split(command))
        if recorded.returncode:
            raise SystemExit(f"{name}: not recorded, status {recorded.returncode}")
        policy = Path(room) / f"{name}.toml"
        done = reprokit(directory, "price", bundle, "--json", "--output", str(policy), *options)
        report = json.loads(done.stdout)
        if not policy.exists():
            raise SystemExit(
                f"{name}: no policy is recommended; status {done.returncode}, {report.get('tiers', report)}"
            )
        shutil.copyfile(policy, HERE / policy.name)
    return figures(report)


def figures(report: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a price list."""
    best = next(row for row in report["tiers"] if (row["tier"], row["against"]) == ("bitwise", "replays"))
    switches = {
        row["name"]: {
            "value": row["value"], "status": row["status"], "reason": row["reason"],
            **_price(row["price"], report["measure"]),
        }
        for row in report["switches"] if row["status"] != "does-not-apply"
    }  # fmt: skip
    baseline = _price(report["baseline"], report["measure"])
    return {
        "recommended": best["switches"], "reason": best["reason"], "measure": report["measure"],
        "seconds": report["baseline_s"], "steps": report["steps"], "rounds": report["rounds"],
        "runs": len(report["runs"]), "stopped": report["stopped"], "baseline": baseline, "switches": switches,
        "machine": report["scope"]["machine"], "load": report["scope"]["load"][0], "day": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


def _price(price: dict[str, Any] | None, measure: str) -> dict[str, Any]:
    if price is None:
        return {}
    between = price["between"] or {}
    cost = (price[measure] or {}).get("text")
    return {"cost": cost, "tier": between.get("tier"), "apart": between.get("apart"), "of": between.get("runs")}


def main() -> None:
    """Prices what is asked for, one after the other."""
    table = tomllib.loads((HERE / "scripts.toml").read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--rounds", default="5")
    parser.add_argument("--budget", default="300")
    asked = parser.parse_args()
    missing = [name for name in table if not (HERE / f"{name}.toml").exists()]
    for name in asked.names or missing:
        print(f"{name}: {table[name]['command']}", file=sys.stderr)
        found = priced(name, table[name]["command"], ["--rounds", asked.rounds, "--budget", asked.budget])
        known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
        known = {key: found if key == name else known[key] for key in table if key in known or key == name}
        FIGURES.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
