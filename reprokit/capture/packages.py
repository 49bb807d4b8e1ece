"""The distributions installed in the interpreter that runs the command, and a lock file made of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reprokit.capture.probe import run_tool
from reprokit.capture.secrets import scrub
from reprokit.errors import UnverifiedError

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIMEOUT = 60.0
# PEP 508 names; PEP 440 versions with local labels such as +cpu.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.!+_-]*")
_URL = re.compile(r"(?:git\+)?(?:https|ssh)://[^\s;]+")

# `-I` keeps the user's directory and variables out of our question; the user's own site-packages are then looked up by
# hand, since the command itself will see them.
_SCRIPT = r"""
import importlib.metadata as m, json, os, platform, site, sys, sysconfig
path = list(sys.path)
virtual = sys.prefix != sys.base_prefix
if virtual:
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg")) as f:
            virtual = "include-system-site-packages=true" not in f.read().replace(" ", "").lower()
    except OSError:
        pass
if not virtual and not os.environ.get("PYTHONNOUSERSITE"):
    user = site.getusersitepackages()
    if os.path.isdir(user) and user not in path:
        path.insert(0, user)
found, broken = {}, []
for d in m.distributions(path=path):
    try:
        name, version = d.metadata["Name"], d.version
        direct = d.read_text("direct_url.json")
    except Exception:
        name = version = direct = None
    if not name or not version:
        broken.append(str(getattr(d, "_path", "?")).rsplit(os.sep, 1)[-1])
        continue
    try:
        direct = json.loads(direct) if direct else None
    except ValueError:
        direct = None
    found.setdefault(name.lower().replace("_", "-").replace(".", "-"), [name, version, direct])
json.dump({
    "version": platform.python_version(), "implementation": platform.python_implementation(),
    "build": " ".join(platform.python_build()), "compiler": platform.python_compiler(),
    "abi": sysconfig.get_config_var("SOABI") or "", "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
    "distributions": list(found.values()), "broken": broken,
}, sys.stdout)
"""


@dataclass(frozen=True)
class Distribution:
    """One installed distribution.

    Attributes:
        name: as its metadata spell it.
        version: exact, local label included.
        source: where it came from if not from an index: ``git+https://…@COMMIT``, an archive's URL, or a ``file:``
            URL. Credentials are taken out.
        editable: installed with ``pip install -e``.
    """

    name: str
    version: str
    source: str | None = None
    editable: bool = False

    @property
    def key(self) -> str:
        """The name as PEP 503 normalises it."""
        return re.sub(r"[-_.]+", "-", self.name).lower()


@dataclass(frozen=True)
class Packages:
    """An interpreter and what is installed in it.

    Attributes:
        executable: the interpreter that was asked.
        python_version: for example ``3.11.7``.
        implementation: ``CPython`` or ``PyPy``.
        build: build number, date and compiler.
        abi: the tag of compiled modules, which tells free-threaded and debug builds apart.
        gil: whether the global interpreter lock is on.
        distributions: sorted by normalised name.
        broken: metadata directories without name or version.
    """

    executable: str
    python_version: str
    implementation: str
    build: str
    abi: str
    gil: bool
    distributions: tuple[Distribution, ...]
    broken: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A distribution (or ``python``) that two environments hold in different versions; None means absent."""

    name: str
    first: str | None
    second: str | None


def packages(executable: str, *, timeout: float = _TIMEOUT) -> Packages:
    """Asks an interpreter for everything installed in it.

    Args:
        executable: as the command names it: a virtual environment's link is not to be resolved.
        timeout: seconds.

    Raises:
        UnverifiedError: RPK011, it cannot be started, is no Python, or does not answer in time.
    """
    printed = run_tool([executable, "-I", "-c", _SCRIPT], timeout=timeout)
    if printed is None:
        raise UnverifiedError("RPK011", f"{executable} cannot be started")
    try:
        return _parse(executable, json.loads(printed.stdout if printed.ok else b""))
    except (ValueError, KeyError, TypeError, AttributeError):
        lines = printed.stderr.decode("utf-8", "replace").strip().splitlines()
        cause = "it did not answer in time" if printed.timed_out else lines[-1] if lines else "no list came back"
        raise UnverifiedError("RPK011", f"{executable} cannot be asked for its packages: {cause}") from None


def lock(packages: Packages) -> str:
    """Writes exact pins that ``pip install --no-deps -r`` takes, in a fixed order.

    What no index serves (editable and local installations) stands in comments. A version-control or archive source is
    pinned by its URL, which holds the commit or the hash.
    """
    lines = [f"# {packages.implementation} {packages.python_version}"]
    lines += [_pin(item) for item in packages.distributions]
    return "\n".join(lines) + "\n"


def missing(recorded: Packages, current: Packages) -> tuple[str, ...]:
    """Pins (``name==version``) of recorded distributions that `current` has in no version."""
    here = {item.key for item in current.distributions}
    return tuple(f"{item.name}=={item.version}" for item in recorded.distributions if item.key not in here)


def differences(a: Packages, b: Packages) -> tuple[Difference, ...]:
    """What differs between two environments, ``python`` first, then by name."""
    found = []
    if (a.implementation, a.python_version, a.abi) != (b.implementation, b.python_version, b.abi):
        found.append(Difference("python", _interpreter(a), _interpreter(b)))
    first, second = _versions(a.distributions), _versions(b.distributions)
    names = sorted(first.keys() | second.keys())
    found += [
        Difference(name, first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)
    ]
    return tuple(found)


def _parse(executable: str, record: dict[str, Any]) -> Packages:
    items = (_distribution(*row) for row in record["distributions"])
    return Packages(
        executable=executable,
        python_version=str(record["version"]),
        implementation=str(record["implementation"]),
        build=f"{record['build']} {record['compiler']}",
        abi=str(record["abi"]),
        gil=bool(record["gil"]),
        distributions=tuple(sorted(items, key=lambda item: (item.key, item.version))),
        broken=tuple(sorted(map(str, record["broken"]))),
    )


def _distribution(name: str, version: str, direct: Any) -> Distribution:
    if not isinstance(direct, dict) or not isinstance(direct.get("url"), str):
        return Distribution(name, version)
    url = scrub(direct["url"])[0].replace("[redacted]@", "")
    editable = bool((direct.get("dir_info") or {}).get("editable"))
    if commit := (direct.get("vcs_info") or {}).get("commit_id"):
        return Distribution(name, version, f"{direct['vcs_info'].get('vcs', 'git')}+{url}@{commit}", editable)
    sha256 = ((direct.get("archive_info") or {}).get("hashes") or {}).get("sha256")
    return Distribution(name, version, f"{url}#sha256={sha256}" if sha256 else url, editable)


def _pin(item: Distribution) -> str:
    pin = f"{item.name}=={item.version}"
    if not (_NAME.fullmatch(item.name) and _VERSION.fullmatch(item.version)):
        # Metadata are text that anyone can write: a line break in them would become an option of pip.
        return "# not a valid pin: " + "".join(c if c.isprintable() else "?" for c in pin)
    if item.source is None:
        return pin
    if not item.editable and _URL.fullmatch(item.source):
        return f"{item.name} @ {item.source}"
    note = "editable" if item.editable else "local"
    return f"# {pin} ({note}: {''.join(c if c.isprintable() else '?' for c in item.source)})"


def _interpreter(packages: Packages) -> str:
    return f"{packages.implementation} {packages.python_version} {packages.abi}".strip()


def _versions(items: Iterable[Distribution]) -> dict[str, str]:
    return {item.key: f"{item.version} ({item.source})" if item.source else item.version for item in items}
