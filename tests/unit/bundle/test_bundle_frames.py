import numpy as np
import pytest
import zstandard

from reprokit.bundle.frames import FRAME_BYTES, decode, encode
from reprokit.errors import CorruptBundleError

RANDOM = np.random.default_rng(0)
CONTENTS = {
    "empty": b"",
    "byte": b"x",
    "zeros": bytes(FRAME_BYTES),
    "text": b"loss = 0.25\n" * 50_000,
    "floats": RANDOM.standard_normal(1 << 18, dtype=np.float32).tobytes(),
    "noise": RANDOM.bytes(1 << 20),
    "zeros then noise": bytes(1 << 20) + RANDOM.bytes(1 << 20),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_round_trip(name):
    frame = encode(CONTENTS[name])
    assert decode(frame.data, frame.size, frame.checksum) == CONTENTS[name]


@pytest.mark.parametrize("name", CONTENTS)
def test_stock_zstd_reads_a_frame(name):
    assert zstandard.ZstdDecompressor().decompress(encode(CONTENTS[name]).data) == CONTENTS[name]


@pytest.mark.parametrize(("name", "ratio"), [("zeros", 0.001), ("text", 0.01), ("noise", 1.001), ("floats", 1.001)])
def test_sizes_are_what_the_level_rule_promises(name, ratio):
    assert len(encode(CONTENTS[name]).data) <= ratio * len(CONTENTS[name]) + 20


def test_the_sample_is_taken_from_all_over_the_frame():
    compressible = CONTENTS["noise"][: 1 << 18] + bytes(3 << 20)
    assert len(encode(compressible).data) < 0.15 * len(compressible)


def test_the_checksum_is_xxh64_of_the_content():
    import xxhash

    frame = encode(b"some content")
    assert frame.checksum == xxhash.xxh64_intdigest(b"some content") & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (zstandard.ZstdCompressor(write_checksum=False).compress(b"x" * 100), "RPK023"),
        (zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compress(b"x" * 100), "RPK022"),
        (b"\x50\x2a\x4d\x18" + bytes(20), "RPK023"),
        (b"\x28\xb5\x2f\xfd", "RPK022"),
        (b"", "RPK023"),
        (encode(b"x" * 100).data + b"y", "RPK022"),
        (encode(b"x" * 100).data + encode(b"").data, "RPK022"),
        (encode(b"x" * 100).data[:-1], "RPK022"),
        (encode(b"x" * 101).data, "RPK022"),
        (encode(b"y" * 100).data, "RPK022"),
    ],
)
def test_other_frames_are_refused(data, code):
    with pytest.raises(CorruptBundleError) as caught:
        decode(data, 100, encode(b"x" * 100).checksum)
    assert caught.value.code == code


@pytest.mark.parametrize("claim", [1 << 40, 1 << 62, (1 << 64) - 3])
def test_a_claimed_size_is_not_allocated(claim):
    header = b"\x28\xb5\x2f\xfd" + b"\xe4" + claim.to_bytes(8, "little")
    with pytest.raises(CorruptBundleError):
        decode(header + b"\x01\x00\x00" + bytes(4), 100, 0)


def test_a_huge_window_is_refused():
    # Window descriptor 0xff: 3.75 TiB; content size in 8 bytes, checksum.
    data = b"\x28\xb5\x2f\xfd" + b"\xc4\xff" + (100).to_bytes(8, "little") + b"\x23\x03\x00x" + bytes(4)
    with pytest.raises(CorruptBundleError):
        decode(data, 100, 0)


def test_a_dictionary_is_refused():
    trained = zstandard.ZstdCompressionDict(b"dictionary content " * 50, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    assert trained.dict_id() == 0
    frame = bytearray(encode(b"x" * 100).data)
    # Add a one-byte dictionary id to the header: descriptor, then the id before the content size.
    frame[4] |= 1
    frame[5:5] = b"\x07"
    with pytest.raises(CorruptBundleError) as caught:
        decode(bytes(frame), 100, 0)
    assert caught.value.code == "RPK023"
