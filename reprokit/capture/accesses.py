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
    r"/(__pycache__|\.config|\.triton|\.nv|\.keras/keras\.json|\.ipython|\.dbus"
    r"|torchinductor_[^/]*|pymp-[^/]*|torchelastic_[^/]*|\.pytest_cache|\.mypy_cache|\.git|\.cupy|\.numba_cache"
    r"|\.python_history|\.matplotlib|\.dvc/(tmp|cache/runs)|var/tmp/dvc"
    # what W&B writes of itself; the runs are outputs
    r"|wandb/debug[^/]*\.log|wandb/(offline-)?run-\d{8}_\d{6}-[^/]+/(logs|tmp))(/|$)"
)
_DATA_CACHES = re.compile(r"/\.cache/(huggingface|torch/hub|keras|kagglehub|scikit-learn|datasets|tensorflow)/")
# Where programs keep what they can make again. What the script itself keeps there decides what it computes next time,
# so its own files count, and so do arrays and tables; what libraries keep for themselves does not.
_PERSONAL = re.compile(r"/(\.cache|\.local/(state|share))(/|$)")
_LIBRARY_CACHES = re.compile(
    r"/\.cache/(huggingface|torch|torch_extensions|keras|kagglehub|scikit-learn|datasets|tensorflow|matplotlib|fontconfig"
    r"|pip|uv|wandb|jax|numba|triton|nvidia|mesa_shader_cache|ccache|pre-commit|pypoetry|pytensor|vllm|flashinfer"
    r"|black|pylint|virtualenv|nox|conda|dconf|ms-playwright)(/|$)"
    r"|/\.local/(state|share)/(jupyter|ipython|virtualenv|uv|keyrings|Trash|vim|nvim|code-server)(/|$)"
)
# What Hugging Face `datasets` made of local files or a generator, and the results of `map`; not what it downloaded.
_COMPUTED = re.compile(
    r"/\.cache/huggingface/datasets/((generator|csv|json|text|parquet|arrow|pandas|sql|spark|webdataset|xml|\w*folder)/"
    r"|.*/cache-[^/]*\.arrow$)"
)
_KEPT_DATA = re.compile(
    r"\.(csv|tsv|jsonl|npy|npz|mmap|memmap|parquet|arrow|feather|h5|hdf5|safetensors|pt|pth|ckpt|pkl|pickle|joblib|msgpack"
    r"|tfrecords?|db|sqlite3?|bin)(\.gz|\.bz2|\.xz|\.zst)?$"
)
# Memory that libraries share between processes, by the names that they give it.
_MEMORY = "/dev/shm/"  # noqa: S108 - named, not used
_SEGMENT = re.compile(rf"{_MEMORY}(joblib_|loky-|psm_|pymp-|torch_|sem\.|sm_|plasma|ray|nccl-|__KMP)")
_INSTALLED_DATA = re.compile(
    r"\.(csv|tsv|jsonl|npy|npz|parquet|arrow|feather|h5|hdf5|safetensors|pt|pth|bin|idx\d?-ubyte|txt)(\.gz|\.bz2|\.xz)?$"
)
_METADATA = re.compile(
    r"(\.dist-info|\.egg-info)/|/(site|dist)-packages/[^/]+\.pth$"
    r"|/(pyvenv\.cfg|python\d+\.zip)$|\.(so|pyd|dll|dylib)(\.[\d.]+)?$"
)
_CACHED_SOURCE = re.compile(r"^(.*/)__pycache__/([^/]+?)\.[a-z]+-\d+(\.opt-\d)?\.pyc(\.\d+)?$")
# What `python` may be: a shell script that looks for the interpreter, and reads scripts of its own to find it.
_VERSION_MANAGERS = re.compile(r"/\.?(pyenv|asdf|rbenv|nodenv)/(shims|libexec|plugins|lib|bin|version$)")
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
        return not _is_cache(path[len(places.root.rstrip("/")) :], origin)
    if _is_system(path, origin) or _SYSTEM_SHARE.match(path) or _VERSION_MANAGERS.search(path):
        return origin == "user"
    return not _is_cache(path, origin) or bool(_DATA_CACHES.search(path))


def may_be_output(path: str, places: Places, origin: str = "call") -> bool:
    """Whether a file that was written is a result, not a cache or a device.

    What a script keeps for its next run counts: a replay that found it there would not compute it.

    Args:
        path: absolute.
        places: of the run.
        origin: ``user`` where the project's own code opened it.
    """
    if any(below(path, own) for own in places.own) or path.endswith((".repro.tar.zst", ".pyc")):
        return False
    if "/.dvc/cache/" in path:  # copies, named by their digests
        return False
    if below(path, places.root):
        return not _is_cache(path[len(places.root.rstrip("/")) :], origin)
    if _is_system(path, origin) or any(below(path, prefix) for prefix in places.packages if prefix != "/usr"):
        return False
    return not _is_cache(path, origin)


def may_be_found_again(path: str, places: Places) -> bool:
    """Whether a file that a run made outside its project, and that is no result, may decide what the next one does.

    A replay must not find it. What was downloaded, or compiled, stays in sight: making it again gives the same.
    """
    if (
        below(path, places.root)
        or path.endswith(".lock")
        or any(below(path, p) for p in places.packages if p != "/usr")
    ):
        return False
    kept = _PERSONAL.search(path) and not _LIBRARY_CACHES.search(path)
    return bool(kept or "/.config/" in path or _COMPUTED.search(path))


def _is_system(path: str, origin: str) -> bool:
    """Whether a file is the machine's; what stands in shared memory may be a script's own."""
    if path.startswith(_MEMORY):
        return bool(_SEGMENT.match(path)) or not (origin == "user" or _KEPT_DATA.search(path))
    return path.startswith(_SYSTEM)


def _is_cache(path: str, origin: str) -> bool:
    if _CACHES.search(path):
        return True
    if not _PERSONAL.search(path):
        return False
    return bool(_LIBRARY_CACHES.search(path)) or not (origin == "user" or _KEPT_DATA.search(path))


def role_of(path: str, origin: str) -> str:
    """``code`` for what is imported or looks like source or configuration, else ``data``."""
    return "code" if origin == "import" or _CODE.search(path) else "data"


def member_name(path: str, root: str, folder: str) -> str:
    """Where a file goes in the bundle: ``FOLDER/relative`` inside the project, ``FOLDER/@/absolute`` outside it."""
    if below(path, root) and path != root:
        return f"{folder}/{os.path.relpath(path, root)}"
    return f"{folder}/@{path}"
