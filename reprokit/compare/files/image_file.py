"""Images, by their decoded pixels: an encoder's settings, dates and comments do not count.

Only formats that Pillow decodes itself are opened; others would start programs (EPS starts Ghostscript).
"""

from __future__ import annotations

import math
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.arrays import native
from reprokit.compare.files.content import Leaf, Scalar, Tensor
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_MAX_PIXELS = 32 << 20
_MAX_FRAMES = 100  # a frame of a GIF needs all before it: the work is quadratic
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
_MAGICS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    """Opens the image; every complaint of the decoder becomes an `UnreadableError`."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise UnreadableError("Pillow is not installed") from error
    try:
        with warnings.catch_warnings(), source.stream() as stream:
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(stream, formats=_FORMATS) as image:
                yield image
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        OverflowError,
        TypeError,
        LookupError,
        MemoryError,
    ) as error:
        raise UnreadableError(f"its pixels cannot be decoded: {error}") from error


def read_image(source: Source, options: Options) -> dict[str, Leaf]:
    """One leaf of pixels for each frame, shaped (height, width) or (height, width, bands), and the mode.

    Pixels are decoded when the leaf is read, one frame at a time. A palette is resolved to the colours it stands for.

    Raises:
        UnreadableError: it cannot be decoded, or is larger than 32 Mi pixels or 100 frames.
    """
    del options
    leaves: dict[str, Leaf] = {}
    _check_end(source)
    with _opened(source) as image:
        frames = int(getattr(image, "n_frames", 1))
        if frames > _MAX_FRAMES:
            raise UnreadableError(f"it has {frames} frames")
        for index in range(frames):
            image.seek(index)
            mode, (width, height) = _mode(image), image.size
            if width * height > _MAX_PIXELS:
                raise UnreadableError(f"it has {width} by {height} pixels")
            probe = np.asarray(_new(mode))
            name = "pixels" if frames == 1 else f"frame {index}"
            leaves[name] = _frame(source, index, mode, str(probe.dtype), (height, width, *probe.shape[2:]))
            leaves[f"{name}/mode"] = Scalar("mode", mode)
    return leaves


def _check_end(source: Source) -> None:
    """Refuses a file that was cut off, which a decoder forgives as soon as it has all pixels.

    The ends are those of the PNG specification (an IEND chunk), GIF89a (a trailer) and JPEG (an EOI marker).
    """
    ends = {b"\x89PNG": b"IEND\xae\x42\x60\x82", b"GIF8": b"\x3b", b"\xff\xd8\xff": b"\xff\xd9"}
    head, tail = source.head(4), source.head(64, max(0, source.size - 64))
    for magic, end in ends.items():
        if head.startswith(magic) and not tail.rstrip(b"\0").endswith(end):
            raise UnreadableError("its end is missing")


def _new(mode: str) -> Any:
    from PIL import Image

    return Image.new(mode, (1, 1))


def _mode(image: Any) -> str:
    """The mode in which pixels are compared: the image's own, or the colours of its palette."""
    if image.mode in {"P", "PA"}:
        return "RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB"
    return str(image.mode)


def _frame(source: Source, index: int, mode: str, dtype: str, shape: tuple[int, ...]) -> Tensor:
    def blocks(count: int) -> Iterator[np.ndarray[Any, Any]]:
        with _opened(source) as image:
            image.seek(index)
            pixels = np.asarray(image if image.mode == mode else image.convert(mode))
            if pixels.shape != shape:
                raise UnreadableError("its pixels do not have the shape that its header says")
        line = native(pixels.reshape(-1))
        for start in range(0, line.size, count):
            yield line[start : start + count]

    stored = native(np.empty(0, dtype)).dtype
    return Tensor(stored.name, shape, blocks, math.prod(shape) * stored.itemsize)


def _is_image(source: Source) -> bool:
    head = source.head(16)
    return head.startswith(_MAGICS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


IMAGE = Comparator("image", (".bmp", ".ppm", ".pgm"), read_image, _is_image)
