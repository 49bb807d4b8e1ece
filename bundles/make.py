"""Records the reference bundles of the current format: `nox -s bundles -- make` (or `python bundles/make.py`).

A bundle that exists is never written again: a released format stays readable for ever, and what holds that are files
that nobody touches. A new format gets a new directory, named after the manifest's major version.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from reprokit.schema.manifest import Manifest

HERE = Path(__file__).parent
LARGEST = 200 << 10


def make(source: Path, target: Path) -> None:
    """Records one script in a directory of its own, in which nothing else lies."""
    name = source.stem.removeprefix("train_")
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as room:
        shutil.copyfile(source, Path(room) / "train.py")
        shutil.copyfile(HERE / "sources" / "pyproject.toml", Path(room) / "pyproject.toml")
        command = [sys.executable, "-m", "reprokit", "record", "-o", "run.repro.tar.zst", "--", "python", "train.py"]
        subprocess.run(command, cwd=room, check=True)
        recorded = Path(room) / "run.repro.tar.zst"
        if recorded.stat().st_size > LARGEST:
            raise SystemExit(f"{name}: {recorded.stat().st_size} bytes; a reference bundle has at most {LARGEST}")
        shutil.copyfile(recorded, target)


def main() -> None:
    """Makes those that are missing."""
    version = Manifest.schema_name().partition("/")[2]
    directory = HERE / f"v{version}"
    directory.mkdir(exist_ok=True)
    for source in sorted((HERE / "sources").glob("train_*.py")):
        target = directory / f"{source.stem.removeprefix('train_')}.repro.tar.zst"
        if target.exists():
            print(f"{target} is there, and is never written again")
        else:
            make(source, target)


if __name__ == "__main__":
    main()
