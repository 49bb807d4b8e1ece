"""Element types by name: how each is stored, what number an element is, and how far apart two elements are.

NumPy has no bfloat16 and no 8-bit floats. Their arrays are held in an unsigned integer of the same width.

Distance in units in the last place: read as sign and magnitude, the bits of a float are ordered like the numbers
themselves, so the integers ``bits`` (sign clear) and ``-(bits without sign)`` (sign set) differ by the count of
representable steps between two numbers. Source: Bruce Dawson, "Comparing Floating Point Numbers, 2012 Edition";
GoogleTest's ``FloatingPoint<RawType>::SignAndMagnitudeToBiased`` does the same. -0.0 and 0.0 are 0 ULP apart, though
their bits differ.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import numpy as np

from reprokit.compare.files.unreadable import UnreadableError

Array = np.ndarray[Any, Any]

# name: (bits of the exponent, bits of the mantissa, bias, how infinities and NaNs are coded)
# Sources: IEEE 754; the OCP 8-bit and MX specifications; c10/util/Float8_*.h for the fnuz variants.
_SMALL_FLOATS = {
    "float8_e4m3fn": (4, 3, 7, "fn"),
    "float8_e5m2": (5, 2, 15, "ieee"),
    "float8_e4m3fnuz": (4, 3, 8, "fnuz"),
    "float8_e5m2fnuz": (5, 2, 16, "fnuz"),
}
_STORED_AS = {
    "bfloat16": "uint16",
    "complex32": "uint32",
    "float8_e8m0fnu": "uint8",
    "float4_e2m1fn_x2": "uint8",
    "qint8": "int8",
    "quint8": "uint8",
    "qint32": "int32",
    "quint4x2": "uint8",
    "quint2x4": "uint8",
    **dict.fromkeys(_SMALL_FLOATS, "uint8"),
}
_PLAIN = re.compile(r"[<>=|]?(?:[biufcSUV]\d{1,9}|\?|[bhilqBHILQefdgFDG]|[mM]8(?:\[[0-9A-Za-z/]{1,20}\])?)")


@functools.lru_cache(maxsize=256)
def storage_dtype(name: str) -> np.dtype[Any]:
    """The NumPy type that holds elements of the named type, in native byte order.

    Raises:
        UnreadableError: the name is not one of an element type that holds no Python objects.
    """
    try:
        found = np.dtype(_STORED_AS.get(name, name))
    except (TypeError, ValueError, SyntaxError) as error:
        raise UnreadableError(f"unknown element type {name[:40]!r}") from error
    if found.hasobject or found.itemsize == 0:
        raise UnreadableError(f"elements of type {name[:40]!r} cannot be compared as numbers")
    return found.newbyteorder("=")


def numpy_dtype(code: str) -> np.dtype[Any]:
    """A NumPy type from an untrusted type code such as ``<f4``.

    Raises:
        UnreadableError: it is not a plain type code, or it means Python objects.
    """
    if not _PLAIN.fullmatch(code):
        raise UnreadableError(f"element type {code[:40]!r} is not a plain type code")
    try:
        return np.dtype(code)
    except (TypeError, ValueError) as error:
        raise UnreadableError(f"unknown element type {code[:40]!r}") from error


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The name of a NumPy type without its byte order, which is a matter of packing, not of content."""
    native = dtype.newbyteorder("=")
    return str(native) if native.fields else native.name if native.kind in "biufc" else native.str.lstrip("<>=|")


def is_float(name: str) -> bool:
    """Whether elements of the named type are real or complex floats with a known bit layout."""
    return _component(name) is not None


def _component(name: str) -> str | None:
    """The real float type of which an element is made, or None for other elements."""
    real = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}.get(name, name)
    known = real in {"float16", "float32", "float64", "bfloat16", "float8_e8m0fnu"} or real in _SMALL_FLOATS
    return real if known else None


def components(name: str, values: Array) -> tuple[str, Array]:
    """Splits complex elements into their two parts.

    Args:
        name: the element type.
        values: 1-D, in the storage type of `name`.

    Returns:
        The type of one part, and a 1-D array of parts: real, imaginary, real ... Real types come back unchanged.
    """
    if name in {"complex32", "complex64", "complex128"}:
        real = str(_component(name))
        return real, values.view(real)
    return name, values


def as_double(name: str, values: Array) -> Array | None:
    """The numbers that real elements stand for.

    Args:
        name: the element type, real (`components` splits complex ones).
        values: in the storage type of `name`.

    Returns:
        float64 values of the same shape (exact for every type but 64-bit integers and wider floats), or None if the
        elements are not numbers.
    """
    with np.errstate(invalid="ignore"):  # widening a signalling NaN is no fault
        if name == "bfloat16":
            return (values.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        if name not in _STORED_AS and values.dtype.kind in "biuf":
            return values.astype(np.float64)
    if name in _SMALL_FLOATS or name == "float8_e8m0fnu":
        return _decode_table(name)[values]
    if name in {"qint8", "quint8", "qint32"}:
        return values.astype(np.float64)
    return None


@functools.lru_cache(maxsize=8)
def _decode_table(name: str) -> Array:
    """The 256 values of an 8-bit float."""
    code = np.arange(256)
    if name == "float8_e8m0fnu":  # a power of two, no sign, no zero; OCP MX specification, section 5.4.1
        return np.where(code == 255, np.nan, np.ldexp(1.0, code - 127))
    exponent_bits, mantissa_bits, bias, coding = _SMALL_FLOATS[name]
    exponent = (code & 0x7F) >> mantissa_bits
    mantissa = (code & ((1 << mantissa_bits) - 1)) / (1 << mantissa_bits)
    magnitude = np.where(exponent == 0, np.ldexp(mantissa, 1 - bias), np.ldexp(1 + mantissa, exponent - bias))
    values = np.where(code & 0x80, -magnitude, magnitude)
    if coding == "fn":
        values[[0x7F, 0xFF]] = np.nan
    elif coding == "fnuz":
        values[0x80] = np.nan
    else:
        top = exponent == (1 << exponent_bits) - 1
        values = np.where(top, np.where(mantissa > 0, np.nan, np.copysign(np.inf, values)), values)
    return values


def largest_step(name: str, a: Array, b: Array) -> int:
    """The largest distance in units in the last place (see the module's docstring).

    Args:
        name: a real float type.
        a: 1-D, not empty, in the storage type of `name`, without NaN.
        b: the same.
    """
    return int(steps(name, a, b).max())


def steps(name: str, a: Array, b: Array) -> Array:
    """The distance of each pair of elements in units in the last place, as uint64; arguments as `largest_step`."""
    if name == "float8_e8m0fnu":
        return _gap(a.astype(np.int64), b.astype(np.int64))
    return _gap(_ordered(a), _ordered(b))


def _ordered(values: Array) -> Array:
    """Float bits as signed 64-bit integers in the order of the numbers."""
    width = values.dtype.itemsize * 8
    bits = values.view(f"u{values.dtype.itemsize}").astype(np.uint64)
    sign = np.uint64(1) << np.uint64(width - 1)
    magnitude = (bits & (sign - np.uint64(1))).astype(np.int64)
    return np.where(bits & sign != 0, -magnitude, magnitude)


def _gap(left: Array, right: Array) -> Array:
    """|left - right| of 64-bit integers as uint64: modular subtraction is exact, a signed one would overflow."""
    x, y = left.view(np.uint64), right.view(np.uint64)
    return np.where(left > right, x - y, y - x)


def largest_gap(name: str, a: Array, b: Array) -> float | None:
    """The largest absolute difference between elements that are numbers on both sides.

    Args:
        name: a real type.
        a: 1-D, in the storage type of `name`.
        b: the same.

    Returns:
        None if no pair is made of numbers; infinity where one side is infinite.
    """
    if a.dtype.kind in "iu" and a.dtype.itemsize == 8:
        return float(_gap(a, b).max())
    left, right = as_double(name, a), as_double(name, b)
    if left is None or right is None:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        # Equal infinities are no distance apart; inf - inf would say NaN.
        gaps = np.where(left == right, 0.0, np.abs(left - right))
    gaps = gaps[~np.isnan(gaps)]
    return float(gaps.max()) if gaps.size else None


def element_text(name: str, value: Array) -> str:
    """One element (an array of length 1, in the storage type) as text that tells it from its neighbours."""
    part, parts = components(name, value)
    if part == name and (numbers := as_double(name, value)) is not None:
        if name in _STORED_AS:
            return repr(float(numbers[0]))
        return str(value[0])
    if part != name:
        doubles = as_double(part, parts)
        assert doubles is not None
        return str(complex(doubles[0], doubles[1]))
    item = value[0]
    return repr(item.item()) if item.dtype.kind in "SU" else str(item)


def from_texts(name: str, texts: list[str]) -> Array | None:
    """The elements that hexadecimal floats or decimal integers stand for, the inverse of `as_double` but for NaN bits.

    Args:
        name: the element type; a complex one takes two texts an element.
        texts: one text a number.

    Returns:
        1-D, in the storage type; None where there is no such type of numbers here.

    Raises:
        ValueError: a text is not a number, or not one of this type.
    """
    real = _component(name)
    if real is None and storage_dtype(name).kind in "iub" and name not in _STORED_AS:
        return np.array([int(text) for text in texts], dtype=np.int64 if name == "bool" else name).astype(name)
    values = np.array([float.fromhex(text) for text in texts])
    if real == "bfloat16":
        return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    if real in _SMALL_FLOATS or real == "float8_e8m0fnu":
        codes = {float(value).hex(): code for code, value in enumerate(_decode_table(str(real)))}
        return np.array([codes[text] for text in texts], np.uint8)
    kind = real or name.replace("complex256", "float128")
    if storage_dtype(kind).kind != "f":
        return None
    found: Array = values.astype(kind)
    return found.view(storage_dtype(name)) if name.startswith("complex") else found
