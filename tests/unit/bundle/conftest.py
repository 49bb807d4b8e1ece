"""Real bundles, and bundles that no honest program would write."""

import contextlib
import io
import json
import os
import tarfile

import pytest

from reprokit.bundle import Item, Member, pack, tarlayout
from reprokit.bundle.frames import encode
from reprokit.bundle.seektable import Row, build_seal, build_table
from reprokit.digest import sha256_bytes


def canonical(members, **more):
    document = {"members": [member.to_json() for member in members], **more}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


@pytest.fixture
def held(tmp_path):
    def find():
        """The files below the test's directory that this process holds open; all others are those of other tests."""
        found = []
        for number in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                found.append(os.readlink(f"/proc/self/fd/{number}"))
        return [path for path in found if path.startswith(f"{tmp_path}/")]

    return find


@pytest.fixture
def finish():
    return canonical


@pytest.fixture
def contents():
    """One small member of each kind; small, so that every bit of the bundle can be tried."""
    return {
        "code/train.py": b"print('hello')\n" * 20,
        "data/empty": b"",
        "data/\udcff\udcfe.bin": bytes(range(256)),
        "outputs/" + "deep/" * 30 + "model": b"w" * 1000,
    }


@pytest.fixture
def bundle(tmp_path, contents):
    path = tmp_path / "small.repro.tar.zst"
    pack(path, [Item(name, data, name.endswith(".py")) for name, data in contents.items()], canonical)
    return path


@pytest.fixture
def forge(tmp_path):
    """Builds a file of frames, a manifest and a seek table, each of which a test may replace."""

    def build(frames=(), members=(), *, manifest=None, packed=None, rows=None, seal=None, table=None, after=b""):
        manifest = canonical(members) if manifest is None else manifest
        last = tarlayout.header("manifest.json", len(manifest), executable=False) + manifest
        last += bytes(-len(last) % 512) + tarlayout.END_OF_ARCHIVE
        encoded = [encode(frame) for frame in (*frames, last)]
        data = [(packed or {}).get(index, frame.data) for index, frame in enumerate(encoded)]
        listed = [Row(len(blob), frame.size, frame.checksum) for blob, frame in zip(data, encoded, strict=True)]
        for index, row in (rows or {}).items():
            listed[index] = row
        from reprokit.bundle.frames import frame_digest

        end = build_seal(map(frame_digest, data)) if seal is None else seal
        path = tmp_path / "forged.repro.tar.zst"
        path.write_bytes(b"".join(data) + end + (build_table(listed) if table is None else table) + after)
        return path

    return build


@pytest.fixture
def tar_entry():
    """One member as the standard library writes it: any type, any name."""

    def build(name, data=b"", kind=tarfile.REGTYPE, link=""):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        info.size = len(data)
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            archive.addfile(info, io.BytesIO(data))
        return file.getvalue()[: 512 + len(data) + -len(data) % 512]

    return build


@pytest.fixture
def member():
    """A manifest's entry for some content."""

    def build(name, data=b"", **more):
        return Member(name, sha256_bytes(data), len(data), **more)

    return build
