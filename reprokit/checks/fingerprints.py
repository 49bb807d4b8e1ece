"""The fingerprint under which a baseline is stored: within one, equal bits can be asked for."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from reprokit.capture.host import host
from reprokit.launch.fingerprint import NUMERIC, fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

# Thread counts decide the order of sums; without them libraries take the processors, which are a fact already.
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
              "MKL_CBWR", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES",
              "CUBLAS_WORKSPACE_CONFIG")  # fmt: skip


@dataclass(frozen=True)
class Fingerprint:
    """A host and its software, as far as they decide bits.

    Attributes:
        id: 12 hexadecimal digits of the sha256 of the facts.
        facts: name to value, as text.
    """

    id: str
    facts: dict[str, str]

    def nearest(self, others: Mapping[str, Mapping[str, str]]) -> str | None:
        """The id of the fingerprint that shares most facts with this one; the smaller id where two do."""
        shared = {name: sum(self.facts.get(k) == v for k, v in facts.items()) for name, facts in others.items()}
        return min(shared, key=lambda name: (-shared[name], name), default=None)


def fingerprint_of(facts: Mapping[str, object]) -> Fingerprint:
    """The fingerprint made of given facts; empty ones do not count."""
    import rfc8785  # not through the schemas, which bring pydantic: every session with a marked test comes by here

    known = {name: str(value) for name, value in sorted(facts.items()) if value not in ("", None)}
    return Fingerprint(hashlib.sha256(rfc8785.dumps(known)).hexdigest()[:12], known)


def here(extra: Mapping[str, object] | None = None) -> Fingerprint:
    """The fingerprint of this machine and interpreter.

    Args:
        extra: facts of others, for example a driver's version; they win over ours.

    Returns:
        Machine, libc, Python, the installed versions of numeric packages, and the variables that set thread counts and
        kernels. Not what a test sets while it runs: a fingerprint must not depend on the order of tests.
    """
    return fingerprint_of({**_facts(), **(extra or {})})


@functools.cache
def _facts() -> dict[str, object]:
    packages = {
        "python_version": platform.python_version(),
        "distributions": [{"name": name, "version": version} for name in NUMERIC if (version := _version(name))],
    }
    facts = fingerprint(asdict(host()), packages, [])
    return facts | {name: os.environ[name] for name in _VARIABLES if name in os.environ}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
