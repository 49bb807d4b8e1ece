"""Whether we run in a container, and of which image."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# Inside a container nobody tells the image; those who start one can, by one of these variables.
_IMAGE_VARIABLES = ("REPROKIT_IMAGE_DIGEST", "IMAGE_DIGEST", "CONTAINER_IMAGE_DIGEST", "CONTAINER_IMAGE")


@dataclass(frozen=True)
class Container:
    """What the process runs in.

    Attributes:
        kind: ``docker``, ``podman``, ``kubernetes``, ``singularity``, ``lxc``, ``other`` or ``none``.
        image_digest: ``sha256:HEX`` of the image, or None if nobody told.
        image: the image's name, where the runtime leaves it inside.
    """

    kind: str
    image_digest: str | None = None
    image: str | None = None


def container(root: Path = Path("/"), environ: Mapping[str, str] | None = None) -> Container:
    """Looks for the marks that container runtimes leave.

    Args:
        root: the root directory to look in.
        environ: the environment to look in; ours by default.
    """
    environ = os.environ if environ is None else environ
    marks = _podman_marks(root)
    told = [environ[name] for name in _IMAGE_VARIABLES if name in environ]
    digests = [found[0] for text in (*told, marks.get("imageid", "")) if (found := _DIGEST.search(_as_digest(text)))]
    kind = _kind(root, environ)
    image = marks.get("image") or environ.get("SINGULARITY_NAME") or environ.get("APPTAINER_NAME") or None
    return Container(kind, digests[0] if digests else None, image)


def _kind(root: Path, environ: Mapping[str, str]) -> str:
    if "KUBERNETES_SERVICE_HOST" in environ or (root / "var/run/secrets/kubernetes.io").exists():
        return "kubernetes"
    if (root / "run/.containerenv").exists():
        return "podman"
    if (root / ".dockerenv").exists():
        return "docker"
    if "APPTAINER_CONTAINER" in environ or "SINGULARITY_CONTAINER" in environ or (root / ".singularity.d").exists():
        return "singularity"
    groups = _read(root / "proc/1/cgroup") + _read(root / "proc/self/cgroup")
    for mark, kind in (("kubepods", "kubernetes"), ("libpod", "podman"), ("docker", "docker"), ("lxc", "lxc")):
        if mark in groups:
            return kind
    return "other" if environ.get("container") else "none"


def _podman_marks(root: Path) -> dict[str, str]:
    pairs = (line.partition("=")[::2] for line in _read(root / "run/.containerenv").splitlines())
    return {key.strip(): value.strip().strip('"') for key, value in pairs if value}


def _as_digest(text: str) -> str:
    return f"sha256:{text}" if re.fullmatch(r"[0-9a-f]{64}", text) else text


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
