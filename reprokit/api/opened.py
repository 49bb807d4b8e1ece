"""`reprokit.open`: a bundle's documents, traces and tensors, read when they are asked for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from reprokit.bundle.names import unescape_name
from reprokit.compare.files import read_content
from reprokit.compare.files.content import Tensor
from reprokit.errors import UsageError
from reprokit.launch.opening import open_bundle
from reprokit.launch.texts import raw_of
from reprokit.launch.tracing import folder_of
from reprokit.trace.columns import STEPS, Trace

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np

    from reprokit.schema.manifest import InputFile, OutputFile

_SHOWN = 20


def open(path: str | os.PathLike[str]) -> Bundle:  # noqa: A001 - the API's name
    """Opens a bundle. Nothing in it is run or unpickled, and nothing but its manifest is read yet.

    Args:
        path: the file.

    Returns:
        The bundle: a context manager, or close it with ``close()``.

    Raises:
        UsageError: RPK003, there is no such file.
        CorruptBundleError: it is no bundle, damaged, unsafe or newer.

    >>> import reprokit
    >>> with reprokit.run(params={"rate": 0.1}, output="opened.repro.tar.zst") as run:
    ...     run.metric("accuracy", 0.98)
    >>> with reprokit.open("opened.repro.tar.zst") as bundle:
    ...     bundle.params, bundle.metrics
    ({'rate': 0.1}, {'accuracy': 0.98})
    """
    return Bundle(Path(os.fspath(path)))


class Bundle:
    """An open bundle; made by `reprokit.open`.

    Attributes:
        path: the file.
        manifest: everything that is known of the run.
        id: ``sha256:HEX`` of the manifest's canonical bytes.

    >>> import reprokit
    >>> with reprokit.run(output="shown.repro.tar.zst") as run:
    ...     pass
    >>> reprokit.open("shown.repro.tar.zst").outputs
    {}
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open = ExitStack()
        self._reader, self.manifest, self.id = self._open.enter_context(open_bundle(path))
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_closed"):
            self.close()

    def close(self) -> None:
        """Closes the file; a second call does nothing. The manifest stays readable."""
        self._closed = True
        self._open.close()

    @property
    def params(self) -> dict[str, Any]:
        """The run's parameters, as it reported them."""
        return dict(self.manifest.run.params)

    @property
    def metrics(self) -> dict[str, float | str]:
        """Metric -> its last value; NaN and infinities are text. See ``manifest.metrics`` for steps and sources."""
        return {metric.name: metric.value for metric in self.manifest.metrics}

    @property
    def inputs(self) -> dict[str, InputFile]:
        """Path, relative to the project where it lies inside -> what is known of the file."""
        return {self._key(entry.path): entry for entry in self.manifest.inputs}

    @property
    def outputs(self) -> dict[str, OutputFile]:
        """Path, relative to the project where it lies inside -> what is known of the file."""
        return {self._key(entry.path): entry for entry in self.manifest.outputs}

    @property
    def members(self) -> list[str]:
        """The names of all files in the bundle, ``manifest.json`` left out."""
        return [member.path for member in self._reader.members]

    @property
    def streams(self) -> list[str]:
        """The processes that were observed, by name."""
        return [stream.name for stream in self.manifest.streams]

    @cached_property
    def steps(self) -> np.ndarray[Any, Any]:
        """The steps of the main process: records of ``step``, ``flags``, ``loss`` and ``rate``; empty without a trace.

        The main process is rank 0, or the first that made steps.
        """
        import numpy as np

        traced = [stream for stream in self.manifest.streams if stream.steps]
        main = next((stream for stream in traced if stream.rank == 0), traced[0] if traced else None)
        if main is None:
            return np.empty(0, dtype=STEPS)
        found: np.ndarray[Any, Any] = self.trace(main.name).updates
        return found

    def trace(self, stream: str | None = None) -> Trace:
        """The step trace of one process: its parts, columns and digests, read when asked.

        Args:
            stream: one of `streams`; the first that was traced by default.

        Raises:
            UsageError: RPK003, that process was not traced, or the bundle is closed.
            CorruptBundleError: the trace is damaged.
        """
        self._check_open()
        held = set(self.members)
        traced = [name for name in self.streams if f"trace/{folder_of(name)}/index.json" in held]
        name = stream if stream is not None else (traced[0] if traced else "")
        if name not in traced:
            known = ", ".join(traced) or "no process was"
            raise UsageError("RPK003", f"{self.path.name} holds no trace of {name or 'any process'}; traced: {known}")
        folder = f"trace/{folder_of(name)}"
        return Trace(lambda file: self._reader.open_member(f"{folder}/{file}"))

    def read(self, member: str) -> bytes:
        """The content of one file, checked against its digest.

        Args:
            member: one of `members`, or the path of an output or input as `outputs` and `inputs` name it.

        Raises:
            UsageError: RPK003, there is no such file, or the bundle is closed.
            CorruptBundleError: RPK022 or RPK023, it is damaged.
        """
        return self._reader.read(self._member(member))

    def tensors(self, member: str) -> Tensors:
        """The arrays of one file: safetensors, npz, npy, HDF5, ``torch.save``; nothing is unpickled.

        Args:
            member: as for `read`.

        Returns:
            Name -> array; each is read when it is looked up. bfloat16 comes as uint16, fp8 as uint8.

        Raises:
            UsageError: RPK003, there is no such file, or the bundle is closed.
            UnreadableError: RPK051, the file is not what its name or content say.
        """
        name = self._member(member)
        room = self._open.enter_context(tempfile.TemporaryDirectory(prefix="reprokit-open-"))
        target = Path(room) / Path(name).name
        self._reader.extract(name, target)
        leaves = read_content(target, name).leaves
        return Tensors({path: leaf for path, leaf in leaves.items() if isinstance(leaf, Tensor)})

    def _key(self, path: str) -> str:
        root = self.manifest.run.root.rstrip("/") + "/"
        return path.removeprefix(root)

    def _member(self, name: str) -> str:
        self._check_open()
        if name in self.members:
            return name
        entries: list[OutputFile | InputFile] = [*self.manifest.outputs, *self.manifest.inputs]
        for entry in entries:
            if name in (entry.path, self._key(entry.path)):
                if entry.member is None:
                    raise UsageError("RPK003", f"{name} is not in {self.path.name}: only its digest is kept")
                return unescape_name(entry.member)
        raise UsageError("RPK003", f"{self.path.name} has no member {name!a}")

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError("RPK003", f"{self.path.name} has been closed")

    def _facts(self) -> list[tuple[str, str]]:
        run = self.manifest.run
        status = f"{run.exit_status}" + (" (failed)" if run.exit_status else "")
        command = "made in a notebook or at a prompt" if run.interactive else " ".join(map(raw_shown, run.command))
        facts = [("run", run.name), ("command", command), ("id", self.id), ("recorded", run.started)]
        facts += [("exit status", status), ("steps", str(len(self.steps)) if not self._closed else "closed")]
        facts += [(f"param {name}", repr(value)) for name, value in list(run.params.items())[:_SHOWN]]
        facts += [(f"metric {name}", str(value)) for name, value in list(self.metrics.items())[:_SHOWN]]
        facts += [("input", name) for name in list(self.inputs)[:_SHOWN]]
        return facts + [("output", name) for name in list(self.outputs)[:_SHOWN]]

    def __repr__(self) -> str:
        run = self.manifest.run
        counts = f"{len(self.manifest.inputs)} inputs, {len(self.manifest.outputs)} outputs"
        state = f"failed with status {run.exit_status}, " if run.exit_status else ""
        return f"<reprokit.Bundle {run.name!r}: {state}{counts}, {self.id[:19]}>"

    def _repr_html_(self) -> str:
        """A table for notebooks. Everything in it comes from the bundle, and is escaped."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'><code>{escape(text)}</code></td></tr>"
            for name, text in self._facts()
        )
        return f"<table><caption>reprokit bundle {escape(self.path.name)}</caption>{rows}</table>"


def raw_shown(text: str) -> str:
    """An argument as it was typed, where that can be shown."""
    return raw_of(text).encode("utf-8", "backslashreplace").decode()


class Tensors(Mapping[str, "np.ndarray[Any, Any]"]):
    """The arrays of one file by name. Each look-up reads the array anew."""

    def __init__(self, leaves: Mapping[str, Tensor]) -> None:
        self._leaves = leaves

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        return self._leaves[name].array()

    def __iter__(self) -> Iterator[str]:
        return iter(self._leaves)

    def __len__(self) -> int:
        return len(self._leaves)

    def __repr__(self) -> str:
        shown = ", ".join(f"{n}: {t.dtype}{list(t.shape)}" for n, t in list(self._leaves.items())[:_SHOWN])
        return f"<{len(self)} tensors: {shown}>"
