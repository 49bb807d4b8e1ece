"""Building the recorded environment anew: a fresh virtual environment with the versions of a lock file."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.capture.probe import run_tool
from reprokit.capture.secrets import scrub
from reprokit.errors import UnverifiedError

if TYPE_CHECKING:
    from collections.abc import Sequence

# A lock file comes out of a bundle: anything but a pin could be an option that redirects the installer.
_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+_-]*", re.ASCII)
_DIRECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]* @ (?:git\+)?(?:https|ssh)://[^\s;]+", re.ASCII)
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?[A-Za-z0-9+]*", re.ASCII)
_LINES = 15
_TIMEOUT = 1800.0


def rebuild(lock: str, python_version: str, target: Path, *, timeout: float = _TIMEOUT) -> Path:
    """Creates a virtual environment at `target` and installs the lock file's pins, without resolving dependencies.

    The user's configuration of pip (indexes, certificates, `PIP_*` variables) is honoured. uv is used where it is
    installed and pip is not configured, since uv does not read pip's configuration.

    Args:
        lock: what `reprokit.capture.packages.lock` wrote.
        python_version: the recorded one; the same minor version is needed.
        target: a directory that does not exist or is empty.
        timeout: seconds for everything.

    Returns:
        The environment's interpreter.

    Raises:
        UnverifiedError: RPK016, with the installer's last lines.
    """
    pins = _pins(lock)
    version = _VERSION.fullmatch(python_version)
    if version is None:
        raise UnverifiedError("RPK016", f"{python_version!r} is no Python version")
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise UnverifiedError("RPK016", f"{target} exists and is not an empty directory")
    deadline = time.monotonic() + timeout
    uv = None if _pip_is_configured() else shutil.which("uv")
    if uv is not None:
        _run([uv, "venv", "--python", python_version, str(target)], deadline)
    else:
        _run([_interpreter(f"{version[1]}.{version[2]}"), "-m", "venv", str(target)], deadline)
    # Absolute, not resolved: the link inside the environment is what makes it one.
    python = target.absolute() / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if pins:
        _install(uv, python, pins, target, deadline)
    return python


def _pins(lock: str) -> list[str]:
    pins = []
    for number, line in enumerate(lock.splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if not (_PIN.fullmatch(text) or _DIRECT.fullmatch(text)):
            raise UnverifiedError("RPK016", f"line {number} of the lock file is not an exact pin: {text[:80]!r}")
        pins.append(text)
    return pins


def _interpreter(minor: str) -> str:
    if minor == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    if found := shutil.which(f"python{minor}"):
        return found
    raise UnverifiedError("RPK016", f"no Python {minor} is installed here", f"Install Python {minor}, or uv.")


def _install(uv: str | None, python: Path, pins: Sequence[str], target: Path, deadline: float) -> None:
    requirements = target / "reprokit-lock.txt"
    requirements.write_text("\n".join(pins) + "\n", encoding="utf-8")
    if uv is not None:
        command = [uv, "pip", "install", "--python", str(python), "--no-deps", "-r", str(requirements)]
    else:
        pip = [str(python), "-I", "-m", "pip", "--no-input", "--disable-pip-version-check"]
        command = [*pip, "install", "--no-deps", "-r", str(requirements)]
    _run(command, deadline)


def _run(command: Sequence[str], deadline: float) -> None:
    left = deadline - time.monotonic()
    printed = run_tool(command, timeout=max(left, 0.0), environ=_environment()) if left > 0 else None
    if printed is not None and printed.ok:
        return
    if left <= 0 or (printed is not None and printed.timed_out):
        cause = "it took too long"
    elif printed is None:
        cause = f"{command[0]} cannot be started"
    else:
        text = (printed.stdout + b"\n" + printed.stderr).decode("utf-8", "replace")
        lines = [line for line in scrub(text)[0].splitlines() if line.strip()]  # an index URL may hold a password
        cause = "\n".join(lines[-_LINES:]) or f"exit status {printed.status}"
    raise UnverifiedError("RPK016", f"{Path(command[0]).name} could not build the environment: {cause}")


def _environment() -> dict[str, str]:
    # What belongs to the environment we run in must not leak into the new one.
    foreign = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__", "PIP_TARGET"}
    foreign |= {"PIP_PREFIX", "PIP_USER", "PIP_PYTHON", "PIP_REQUIRE_VIRTUALENV"}
    environ = {name: value for name, value in os.environ.items() if name not in foreign}
    ours = Path(sys.prefix) / "pip.conf"
    if ours.is_file():  # pip reads this file for its own environment only
        environ.setdefault("PIP_CONFIG_FILE", str(ours))
    return environ


def _pip_is_configured() -> bool:
    indexes = {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONFIG_FILE"}
    if indexes & os.environ.keys():
        return True
    home = Path.home()
    configured = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
    places = [configured, home / ".pip/pip.conf", Path(sys.prefix) / "pip.conf", Path("/etc/pip.conf")]
    places += [home / "Library/Application Support/pip/pip.conf", Path("/etc/xdg/pip/pip.conf")]
    return any(place.is_file() for place in places)
