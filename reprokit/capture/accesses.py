"""Decides which files a run read and wrote, from what the observers saw. Pure functions.

An *input* is a regular file that was read while its content was still that from before the run. An *output* is a file
that the run created or changed and left behind.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

_SYSTEM = (
    "/proc/", "/sys/", "/dev/", "/run/", "/etc/", "/lib/", "/lib32/", "/lib64/", "/bin/", "/sbin/", "/boot/",
    "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/libexec/", "/usr/bin/", "/usr/sbin/", "/usr/local/lib/",
    "/usr/local/bin/", "/usr/local/cuda", "/usr/include/", "/var/cache/", "/var/run/",
)  # fmt: skip
_SYSTEM_SHARE = re.compile(
    r"/usr/(local/)?share/(zoneinfo|locale|i18n|fonts|fontconfig|mime|terminfo|icons|ca-certificates|ssl|X11|glib-2\.0"
    r"|perl|perl5|misc|bash-completion|nvidia|OpenCL|vulkan|drirc\.d|doc|man|info|python3?|gcc)(/|$)"
)
_CACHES = re.compile(
    r"/(__pycache__|\.cache|\.config|\.triton|\.nv|\.local/(state|share)|\.keras/keras\.json|\.ipython|\.dbus"
    r"|torchinductor_[^/]*|pymp-[^/]*|torchelastic_[^/]*|\.pytest_cache|\.mypy_cache|\.git|\.cupy|\.numba_cache"
    r"|\.python_history|\.matplotlib)(/|$)"
)
_DATA_CACHES = re.compile(r"/\.cache/(huggingface|torch/hub|keras|kagglehub|scikit-learn|datasets|tensorflow)/")
_INSTALLED_DATA = re.compile(
    r"\.(csv|tsv|jsonl|npy|npz|parquet|arrow|feather|h5|hdf5|safetensors|pt|pth|bin|idx\d?-ubyte|txt)(\.gz|\.bz2|\.xz)?$"
)
_METADATA = re.compile(
    r"(\.dist-info|\.egg-info)/|/(site|dist)-packages/[^/]+\.pth$"
    r"|/(pyvenv\.cfg|python\d+\.zip)$|\.(so|pyd|dll|dylib)(\.[\d.]+)?$"
)
_CACHED_SOURCE = re.compile(r"^(.*/)__pycache__/([^/]+?)\.[a-z]+-\d+(\.opt-\d)?\.pyc(\.\d+)?$")
_CODE = re.compile(r"\.(py|pyi|pyw|pyx|sh|bash|zsh|ipynb|r|jl|lua|cu|cpp|cc|c|h|hpp|rs|go|toml|ya?ml|cfg|ini|env)$")


@dataclass(frozen=True)
class Places:
    """Where the run's files are.

    Attributes:
        root: the project's directory.
        packages: prefixes of the interpreters that ran (``sys.prefix``, ``sys.base_prefix``).
        own: directories of reprokit itself, never part of a run.
        home: the user's home directory.
    """

    root: str
    packages: tuple[str, ...]
    own: tuple[str, ...]
    home: str = ""


def below(path: str, directory: str) -> bool:
    """Whether ``path`` lies in ``directory`` or is it. Both are absolute and normalised."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def source_of(path: str) -> str:
    """The source file behind a cached ``.pyc``, else the path itself.

    >>> source_of("/p/__pycache__/model.cpython-311.pyc")
    '/p/model.py'
    """
    found = _CACHED_SOURCE.match(path)
    return f"{found[1]}{found[2]}.py" if found else path


def may_be_input(path: str, origin: str, places: Places) -> bool:
    """Whether a file that was read is part of the run, not of the system, an installed package or a cache.

    Files below an interpreter's prefix belong to its packages, except data that they ship and text that the script
    itself opens there.
    """
    if any(below(path, own) for own in places.own) or _METADATA.search(path):
        return False
    packages = [p for p in places.packages if p not in ("/usr", "/usr/local", "/")]
    if any(below(path, prefix) for prefix in packages) or "/site-packages/" in path or "/dist-packages/" in path:
        return origin == "user" or (origin == "call" and bool(_INSTALLED_DATA.search(path)))
    if below(path, places.root):
        return not _CACHES.search(path[len(places.root.rstrip("/")) :])
    if path.startswith(_SYSTEM) or _SYSTEM_SHARE.match(path):
        return origin == "user"
    return not _CACHES.search(path) or bool(_DATA_CACHES.search(path))


def may_be_output(path: str, places: Places) -> bool:
    """Whether a file that was written is a result, not a cache or a device."""
    if any(below(path, own) for own in places.own) or path.endswith((".repro.tar.zst", ".pyc")):
        return False
    if below(path, places.root):
        return not _CACHES.search(path[len(places.root.rstrip("/")) :])
    if path.startswith(_SYSTEM) or any(below(path, prefix) for prefix in places.packages if prefix != "/usr"):
        return False
    return not _CACHES.search(path)


def role_of(path: str, origin: str) -> str:
    """``code`` for what is imported or looks like source or configuration, else ``data``."""
    return "code" if origin == "import" or _CODE.search(path) else "data"


def member_name(path: str, root: str, folder: str) -> str:
    """Where a file goes in the bundle: ``FOLDER/relative`` inside the project, ``FOLDER/@/absolute`` outside it."""
    if below(path, root) and path != root:
        return f"{folder}/{os.path.relpath(path, root)}"
    return f"{folder}/@{path}"
