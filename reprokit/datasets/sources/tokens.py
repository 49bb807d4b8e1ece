"""Token files that a loader maps into memory: raw numbers (``.bin``) or NumPy's format (``.npy``).

They have no rows: where a document ends is the loader's business. What is known is the type, the number and the range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.datasets.sources import Options, damaged
from reprokit.errors import UsageError
from reprokit.schema.dataset import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1 << 20


class Tokens:
    """One file."""

    texts = False

    def __init__(self, full: str, path: str, kind: str, dtype: str) -> None:
        self.format = "tokens" if kind == "tokens" else "npy"
        self.tokens: int | None = 0
        self._path = path
        try:
            self._array: Any = self._mapped(full, kind, dtype)
        except (OSError, ValueError, EOFError) as error:
            raise damaged(path, error) from None
        self.tokens = int(self._array.size)
        self.fields: tuple[str, ...] = self._array.dtype.names or ()
        self.nans = 0
        self.low: float | int | None = None
        self.high: float | int | None = None

    def _mapped(self, full: str, kind: str, dtype: str) -> Any:
        if kind == "npy":
            return np.load(full, mmap_mode="r", allow_pickle=False)
        try:
            wanted = np.dtype(dtype)
        except (TypeError, ValueError, SyntaxError, OverflowError):
            wanted = np.dtype(object)
        if wanted.kind not in "biufc":
            raise UsageError("RPK164", f"{dtype!r} is no type of numbers, such as uint16")
        with open(full, "rb") as file:
            size = file.seek(0, 2)
        if size % wanted.itemsize:
            raise ValueError(f"{size} bytes are no whole number of {wanted.name}")
        return np.memmap(full, wanted, "r") if size else np.empty(0, wanted)

    def batches(self) -> Iterator[dict[str, list[Any]]]:
        """No rows; the range is found in one pass."""
        flat = self._array.reshape(-1)
        for at in range(0, flat.size, _PIECE):
            piece = flat[at : at + _PIECE]
            if piece.dtype.kind == "f":  # one that is no number would hide the range of the others
                numbers = piece[~np.isnan(piece)]
                self.nans += int(piece.size - numbers.size)
                piece = numbers
            if piece.dtype.kind in "iuf" and piece.size:
                low, high = piece.min().item(), piece.max().item()
                self.low = low if self.low is None else min(low, self.low)
                self.high = high if self.high is None else max(high, self.high)
        yield from ()

    def columns(self) -> list[Column]:
        """One column, of the shape below the first axis."""
        shape = "".join(f"[{size}]" for size in self._array.shape[1:])
        return [Column(name="token", type=f"{self._array.dtype.newbyteorder('=').name}{shape}", nullable=False)]


def open_table(full: str, path: str, kind: str, options: Options) -> Tokens:
    """Opens a file; raw numbers are ``uint16`` unless the options say otherwise, as GPT-2's tokens are kept."""
    return Tokens(full, path, kind, options.dtype or "uint16")
