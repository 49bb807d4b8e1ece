"""A bundle is an ordinary `.tar.zst` for programs that know nothing of bundles."""

import os
import shutil
import subprocess

import pytest

from reprokit.bundle import Item, pack

pytestmark = pytest.mark.skipif(
    not (shutil.which("tar") and shutil.which("zstd")), reason="the programs tar and zstd are missing"
)

LONG = {"deep/" * 40 + "file": b"1", "\udcff" * 120: b"2", "é" * 90 + "/" + "x" * 100 + "/y": b"3"}


@pytest.fixture
def several(tmp_path, finish, contents):
    given = {**contents, **LONG, "large": os.urandom(5 << 20), "back\\slash": b"4"}
    path = tmp_path / "several.repro.tar.zst"
    pack(path, [Item(name, data, name.endswith(".py")) for name, data in given.items()], finish)
    return path, given


def run(*command, **options):
    return subprocess.run(command, capture_output=True, check=True, **options)


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_tar_lists_it(several, locale):
    path, given = several
    found = run("tar", "--zstd", "--quoting-style=literal", "-tf", path, env={**os.environ, "LC_ALL": locale})
    assert found.stdout.split(b"\n")[:-1] == [*sorted(map(os.fsencode, given)), b"manifest.json"]


def test_tar_extracts_it(several, tmp_path):
    path, given = several
    out = tmp_path / "out"
    out.mkdir()
    run("tar", "--zstd", "-xf", path, "-C", out)
    assert {name: (out / name).read_bytes() for name in given} == given
    assert (out / "code/train.py").stat().st_mode & 0o777 == 0o755


def test_zstd_tests_it(several):
    run("zstd", "-tq", several[0])


def test_tar_finds_the_format_by_itself(several):
    run("tar", "-tf", several[0])
