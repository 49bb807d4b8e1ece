"""safetensors, read without its library: a length, a JSON header, and the tensors' bytes.

Format: https://github.com/huggingface/safetensors, section "Format". Tensors must fill the rest of the file without
holes or overlaps; a file that breaks this is refused, as the library does.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from reprokit.compare.files.arrays import checked_size, dense
from reprokit.compare.files.content import Leaf, Paths, Scalar, key_part, shown
from reprokit.compare.files.dtypes import storage_dtype
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

# The library allows 100 MB; a parsed header takes about twenty times its size in memory.
_MAX_HEADER = 16 << 20
_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "I16": "int16",
    "U16": "uint16",
    "F16": "float16",
    "BF16": "bfloat16",
    "I32": "int32",
    "U32": "uint32",
    "F32": "float32",
    "C64": "complex64",
    "F64": "float64",
    "I64": "int64",
    "U64": "uint64",
}


def read_safetensors(source: Source, options: Options) -> dict[str, Leaf]:
    """One leaf for each tensor, in the order of names, and the metadata's texts under ``__metadata__/``.

    Raises:
        UnreadableError: the header is not what the format says.
    """
    del options
    length = int.from_bytes(source.head(8), "little")
    if source.size < 8 or length > min(_MAX_HEADER, source.size - 8):
        raise UnreadableError(f"its header claims {length} bytes")
    header = _header(source.head(length, 8))
    start = 8 + length
    paths, leaves, spans = Paths(), dict[str, Leaf](), list[tuple[int, int]]()
    for name in sorted(header):
        entry = header[name]
        if name == "__metadata__":
            leaves |= _metadata(entry)
            continue
        first, last, dtype, shape = _entry(name, entry)
        spans.append((first, last))
        data = source.part(start + first, last - first)
        path = paths.join("", key_part(name))
        if dtype in {"F4", "F6_E2M3", "F6_E3M2"}:  # several elements a byte: compared as packed
            leaves[path] = dense(data, storage_dtype("uint8"), (int(data.size),))
            leaves[f"{path}/<packed>"] = Scalar("str", f"{dtype}{list(shape)}")
        else:
            stored = storage_dtype(_DTYPES[dtype]).newbyteorder("<")
            leaves[path] = dense(data, stored, shape, name=_DTYPES[dtype])
    _check_spans(spans, source.size - start)
    return leaves


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("its header is not JSON") from error
    if not isinstance(header, dict):
        raise UnreadableError("its header is not a JSON object")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _metadata(entry: Any) -> dict[str, Leaf]:
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise UnreadableError("its metadata are not texts")
    return {f"__metadata__/{key_part(key)}": Scalar("str", entry[key]) for key in sorted(entry)}


def _entry(name: str, entry: Any) -> tuple[int, int, str, tuple[int, ...]]:
    """One tensor's span, element type and shape, checked."""

    def refuse() -> NoReturn:
        raise UnreadableError(f"the header's entry for {shown(name)!r} is not valid")

    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        refuse()
    dtype, shape, span = entry["dtype"], entry["shape"], entry["data_offsets"]
    packed = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
    if not isinstance(shape, list) or not isinstance(span, list) or len(span) != 2 or not isinstance(dtype, str):
        refuse()
    if any(type(n) is not int or n < 0 for n in (*shape, *span)) or (dtype not in _DTYPES and dtype not in packed):
        refuse()
    first, last = span
    bits = packed.get(dtype) or storage_dtype(_DTYPES[dtype]).itemsize * 8
    if checked_size(tuple(shape), bits) != (last - first) * 8:
        refuse()
    return first, last, dtype, tuple(shape)


def _check_spans(spans: list[tuple[int, int]], size: int) -> None:
    at = 0
    for first, last in sorted(spans):
        if first != at:
            raise UnreadableError("its tensors overlap or leave holes")
        at = last
    if at != size:
        raise UnreadableError("its tensors do not fill the file")


def _is_safetensors(source: Source) -> bool:
    length = int.from_bytes(source.head(8), "little")
    # Writers pad the header with spaces to align the tensors; JSON must begin at once.
    return 2 <= length <= source.size - 8 and source.head(1, 8) == b"{" and source.head(8)[6:] == b"\0\0"


SAFETENSORS = Comparator("safetensors", (".safetensors",), read_safetensors, _is_safetensors)
