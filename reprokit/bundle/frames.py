"""One zstd frame: how it is compressed, and how an untrusted one is decompressed.

The settings are pinned and depend on the frame's own bytes alone, so that neither the number of threads nor the
neighbours change a bundle's bytes. Facts about the format: RFC 8878.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reprokit.errors import CorruptBundleError

if TYPE_CHECKING:
    from typing_extensions import Buffer

FRAME_BYTES = 4 << 20
"""How much of a large member one frame holds: what reading one byte of it costs."""

SHARED_BYTES = 1 << 20
"""How much small members share one frame; a member with more starts a frame of its own."""

MAX_FRAME_BYTES = 16 << 20
"""The largest frame that a reader takes, the manifest's apart: bounds memory, whatever a file claims."""

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_CHECKSUM_BYTES = 4
_SAMPLE = 32 << 10
_WHOLE_SAMPLE = 4 * _SAMPLE

# Float weights shrink by about 8 to 11 %, all of it by entropy coding at under 1 GB/s; at a negative level zstd leaves
# literals alone and writes them at several GB/s. Below a saving of an eighth, time is worth more than space.
_HARDLY = (7, 8)
_MODERATELY = (1, 2)
_STORE, _FAST, _DEFAULT = -1, 1, 3


class Encoded(NamedTuple):
    """A compressed frame with what the seek table and the seal say about it."""

    data: bytes
    size: int
    """Uncompressed, in bytes."""
    checksum: int
    """The low 32 bits of the content's XXH64 (seed 0)."""
    digest: bytes
    """xxh3-64 of the compressed bytes."""


def encode(content: Buffer) -> Encoded:
    """Compresses bytes to one frame with its size and a checksum. Releases the GIL; may run in any thread."""
    import zstandard

    view = memoryview(content)
    compressor = zstandard.ZstdCompressor(level=_level(view), write_checksum=True, write_content_size=True)
    data = compressor.compress(view)
    # The seek table wants the very checksum that ends a zstd frame (RFC 8878, 3.1.1).
    return Encoded(data, view.nbytes, int.from_bytes(data[-_CHECKSUM_BYTES:], "little"), frame_digest(data))


def decode(data: bytes, size: int, checksum: int) -> bytes:
    """Decompresses one frame that was claimed to hold `size` bytes.

    The claim in the seek table and the one in the frame must agree before memory is allocated, so neither can ask for
    more than the caller allowed. Decompressing in one piece needs no window.

    Raises:
        CorruptBundleError: RPK023, it is something else than one frame of the kind that `encode` writes; RPK022, a
            checksum does not match or the data are invalid.
    """
    import zstandard

    _check_frame_header(data, size)
    try:
        content = zstandard.ZstdDecompressor().decompress(data, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CorruptBundleError("RPK022", f"a compressed frame is damaged: {error}") from error
    if len(content) != size or int.from_bytes(data[-_CHECKSUM_BYTES:], "little") != checksum:
        raise CorruptBundleError("RPK022", "a compressed frame is not the one that the seek table describes")
    return content


def frame_digest(data: bytes) -> bytes:
    """xxh3-64 of compressed bytes: 8 bytes. Finds accidents only; intent is for sha256 and signatures."""
    import xxhash

    return xxhash.xxh3_64_digest(data)


def _check_frame_header(data: bytes, size: int) -> None:
    import zstandard

    if data[:4] != ZSTD_MAGIC:
        raise CorruptBundleError("RPK023", "there is something else than a zstd frame between the frames")
    try:
        found = zstandard.get_frame_parameters(data)
    except zstandard.ZstdError as error:
        raise CorruptBundleError("RPK022", f"a frame header is damaged: {error}") from error
    if found.content_size != size:
        raise CorruptBundleError("RPK022", f"a frame claims {found.content_size} bytes and the seek table {size}")
    if not found.has_checksum or found.dict_id or found.window_size > max(size, MAX_FRAME_BYTES):
        raise CorruptBundleError("RPK023", "a frame without checksum, with a dictionary or with an oversized window")


def _level(view: memoryview) -> int:
    import zstandard

    sample = _sample(view)
    packed = len(zstandard.ZstdCompressor(level=_FAST).compress(sample))
    if packed * _HARDLY[1] > len(sample) * _HARDLY[0]:
        return _STORE
    if packed * _MODERATELY[1] > len(sample) * _MODERATELY[0]:
        return _FAST
    return _DEFAULT


def _sample(view: memoryview) -> bytes:
    if view.nbytes <= _WHOLE_SAMPLE:
        return bytes(view)
    # From four places: a frame may begin with a header, or with a tensor of zeros, unlike the rest.
    step = (view.nbytes - _SAMPLE) // 3
    return b"".join(view[at : at + _SAMPLE] for at in range(0, 3 * step + 1, step))
