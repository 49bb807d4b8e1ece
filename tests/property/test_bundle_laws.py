"""Laws of the bundle that hold for every content, every name and every damage."""

import io
import json
import tarfile
import tempfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from reprokit.bundle import BundleReader, Item, Member, check_name, escape_name, pack, unescape_name
from reprokit.bundle.frames import decode, encode
from reprokit.bundle.names import colliding_name, name_bytes
from reprokit.bundle.tarlayout import header, header_size
from reprokit.errors import CorruptBundleError


def finish(members):
    return json.dumps({"members": [member.to_json() for member in members]}).encode()


def is_safe(name):
    try:
        check_name(name)
    except ValueError:
        return False
    return True


def packed(contents, threads=1, *, reverse=False):
    items = [Item(name, data, len(data) % 2 == 1) for name, data in contents.items()]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "b"
        pack(path, items[::-1] if reverse else items, finish, threads=threads)
        return path.read_bytes()


class Memory:
    def __init__(self, data):
        self.data, self.size = data, len(data)

    def read_at(self, offset, size):
        assert 0 <= offset <= offset + size <= self.size
        return self.data[offset : offset + size]

    def close(self):
        pass


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
raw = st.binary(min_size=1, max_size=120).map(lambda b: b.replace(b"\0", b"0").decode("utf-8", "surrogateescape"))
names = (texts | raw | st.lists(texts | raw, min_size=1, max_size=12).map("/".join)).filter(is_safe)
data = st.binary(max_size=2000) | st.builds(lambda b, n: b * n, st.binary(max_size=50), st.integers(0, 5000))
trees = st.dictionaries(names, data, max_size=6).filter(lambda tree: colliding_name(list(tree)) is None)


@settings(max_examples=60, deadline=None)
@given(trees)
def test_what_is_packed_comes_back(contents):
    blob = packed(contents)
    assert packed(contents, threads=3, reverse=True) == blob
    with BundleReader(Memory(blob)) as reader:
        reader.verify(1)
        assert {member.path: reader.read(member.path) for member in reader.members} == contents


@settings(max_examples=60, deadline=None)
@given(trees)
def test_the_standard_library_sees_the_same_files(contents):
    with zstandard.ZstdDecompressor().stream_reader(packed(contents), read_across_frames=True) as stream:
        plain = io.BytesIO(stream.read())
    with tarfile.open(fileobj=plain, encoding="utf-8", errors="surrogateescape") as tar:
        seen = {info.name: tar.extractfile(info).read() for info in tar}
    del seen["manifest.json"]
    assert seen == contents


@settings(max_examples=25, deadline=None)
@given(trees.filter(bool))
def test_extraction_writes_what_was_packed(contents):
    with tempfile.TemporaryDirectory() as directory, BundleReader(Memory(packed(contents))) as reader:
        paths = reader.extract_all(Path(directory) / "out")
        assert [path.read_bytes() for path in paths] == [contents[member.path] for member in reader.members]


SAMPLE = packed({"a/text": b"some text, " * 300, "b": bytes(range(256)) * 4, "c": b"", "d/long/" * 20 + "x": b"1"})


def refuse(blob):
    with pytest.raises(CorruptBundleError), BundleReader(Memory(bytes(blob))) as reader:
        reader.verify(1)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(SAMPLE) * 8 - 1))
def test_any_flipped_bit_is_found(bit):
    blob = bytearray(SAMPLE)
    blob[bit // 8] ^= 1 << bit % 8
    refuse(blob)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(SAMPLE) - 1))
def test_any_cut_is_found(size):
    refuse(SAMPLE[:size])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(SAMPLE)), st.integers(0, 200), st.binary(max_size=200))
@example(len(SAMPLE), 0, b"x")
@example(0, 0, SAMPLE)
def test_any_other_change_is_found(at, removed, put):
    blob = SAMPLE[:at] + put + SAMPLE[at + removed :]
    assume(blob != SAMPLE)
    refuse(blob)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_no_bundle(noise):
    refuse(noise)
    refuse(b"\x28\xb5\x2f\xfd" + noise)
    refuse(b"\x28\xb5\x2f\xfd" + noise + SAMPLE[-9:])


BIG = bytes(range(256)) * 70_000
READER = BundleReader(Memory(packed({"a": b"x", "big": BIG, "c": b"y"})))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(BIG) + 10), st.integers(0, 100_000)), max_size=5))
def test_a_member_reads_like_its_bytes(reads):
    with READER.open_member("big") as file:
        for at, size in reads:
            assert file.seek(at) == at
            assert file.read(size) == BIG[at : at + size]


@given(raw | texts | st.text(max_size=20))
def test_escaping_is_reversible_and_fits_json(name):
    try:
        name_bytes(name)
    except ValueError:
        return
    text = escape_name(name)
    assert unescape_name(text) == name
    text.encode("utf-8")


@given(st.text(max_size=30) | st.text("\\x0123456789abcdef", max_size=30))
def test_one_name_has_one_escaped_form(text):
    try:
        name = unescape_name(text)
    except ValueError:
        return
    assert escape_name(name) == text


@given(names, st.integers(0, 1 << 50))
def test_a_header_is_as_long_as_promised(name, size):
    block = header(name, size, executable=False)
    assert len(block) == header_size(name, size)
    with tarfile.open(fileobj=io.BytesIO(block + bytes(1024)), encoding="utf-8", errors="surrogateescape") as tar:
        info = tar.next()
    assert (info.name, info.size) == (name, size)


@given(data)
def test_a_frame_gives_back_its_content(content):
    frame = encode(content)
    assert decode(frame.data, frame.size, frame.checksum) == content
    assert encode(bytearray(content)) == frame


@given(names, st.integers(0, 1 << 60), st.booleans())
def test_a_member_fits_json(name, size, executable):
    member = Member(name, "sha256:" + "0" * 64, size, executable)
    assert unescape_name(json.loads(json.dumps(member.to_json(), ensure_ascii=False).encode())["path"]) == name
