"""Which program stands, on this machine, for the one that a bundle was recorded with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.capture.process_tree import is_python
from reprokit.capture.rebuild import rebuild
from reprokit.errors import UnverifiedError
from reprokit.launch.texts import raw_of

if TYPE_CHECKING:
    from pathlib import Path

    from reprokit.bundle.reader import BundleReader
    from reprokit.schema.manifest import Manifest

_PREFIXES = "import json, sys; print(json.dumps([sys.executable, sys.prefix, sys.base_prefix]))"


@dataclass(frozen=True)
class Program:
    """What to start.

    Attributes:
        executable: the program's path.
        path: directories that go to the head of PATH.
        prefixes: recorded interpreter prefix -> the one here.
        notes: what is different from the record.
    """

    executable: str
    path: list[str] = field(default_factory=list)
    prefixes: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    python: str = ""


def current_program(manifest: Manifest) -> Program:
    """The recorded program where it still is, else the one of the same name here, else this interpreter.

    Raises:
        UnverifiedError: RPK011 when there is none.
    """
    recorded = raw_of(manifest.run.executable)
    name = raw_of(manifest.run.command[0])
    python = str(manifest.packages.get("executable") or "")
    if os.access(recorded, os.X_OK):
        here = python if os.access(python, os.X_OK) else sys.executable
        return Program(recorded, [os.path.dirname(recorded)], {}, python=here)
    if is_python(recorded, (name,)):
        note = f"{recorded} does not exist here; {sys.executable} stands for it"
        return Program(sys.executable, [os.path.dirname(sys.executable)], _prefixes(manifest), [note], sys.executable)
    found = shutil.which(
        os.path.basename(name), path=f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ.get('PATH', '')}"
    )
    if found is None:
        raise UnverifiedError("RPK011", f"the recorded command {name!r} ({recorded}) is not on this machine")
    note = f"{recorded} does not exist here; {found} stands for it"
    return Program(found, [os.path.dirname(sys.executable)], _prefixes(manifest), [note], sys.executable)


def rebuilt_program(reader: BundleReader, manifest: Manifest, room: Path) -> Program:
    """The recorded program inside a fresh virtual environment with the recorded package versions.

    Raises:
        UnverifiedError: RPK016 when the environment cannot be built, RPK011 when it lacks the program.
    """
    names = {member.path for member in reader.members}
    if "requirements.lock" not in names:
        raise UnverifiedError("RPK016", "the bundle holds no lock of its environment: no Python process was observed")
    lock = reader.read("requirements.lock", max_bytes=16 << 20).decode()
    python = rebuild(lock, str(manifest.packages["python_version"]), room)
    directory = python.parent
    recorded = raw_of(manifest.run.executable)
    if is_python(recorded, (manifest.run.command[0],)):
        executable = str(python)
    else:
        inside = directory / os.path.basename(recorded)
        executable = str(inside) if inside.exists() else (shutil.which(os.path.basename(recorded)) or "")
        if not executable:
            raise UnverifiedError("RPK011", f"{recorded} is not in the rebuilt environment, nor on this machine")
    prefixes = _prefixes(manifest, str(python))
    return Program(executable, [str(directory)], prefixes, ["environment rebuilt from the bundle's lock"], str(python))


def _prefixes(manifest: Manifest, python: str = sys.executable) -> dict[str, str]:
    """Recorded ``sys.prefix`` and ``sys.base_prefix`` -> those of ``python``."""
    done = subprocess.run([python, "-I", "-c", _PREFIXES], capture_output=True, check=False, timeout=60)
    try:
        _executable, prefix, base = json.loads(done.stdout)
    except ValueError:
        return {}
    recorded = manifest.run.prefixes
    if len(recorded) == 1:
        return {recorded[0]: prefix}
    virtual = [p for p in recorded if not _is_base(p, manifest)]
    return {**{p: base for p in recorded if p not in virtual}, **dict.fromkeys(virtual, prefix)}


def _is_base(prefix: str, manifest: Manifest) -> bool:
    executable = str(manifest.packages.get("executable") or manifest.run.executable)
    return not executable.startswith(prefix.rstrip("/") + "/")
