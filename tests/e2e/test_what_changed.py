"""`compare` names what differed before the two runs began: command, code, data. Nothing is named between equal runs."""

from __future__ import annotations

import sys

import pytest

SCRIPT = "import sys\nopen('out.txt', 'w').write(open('data.txt').read() + sys.argv[1])\n"


@pytest.fixture
def record(reprokit, tmp_path):
    def made(name, *, argument="1", script=SCRIPT, data="x"):
        (tmp_path / "run.py").write_text(script)
        (tmp_path / "data.txt").write_text(data)
        done = reprokit("record", "-o", f"{name}.repro.tar.zst", "--", sys.executable, "run.py", argument, cwd=tmp_path)
        assert done.status == 0, done.text
        return tmp_path / f"{name}.repro.tar.zst"

    return made


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"argument": "2"}, ["command: "]),
        ({"script": SCRIPT + "# more\n"}, ["code run.py differs"]),
        ({"data": "y"}, ["data data.txt differs"]),
        ({}, []),
    ],
)
def test_what_changed_is_named(reprokit, record, tmp_path, change, said):
    first, second = record("first"), record("second", **change)
    found = reprokit("compare", "--json", first, second, cwd=tmp_path).json["scope"]["changed"]
    assert len(found) == len(said), found
    assert all(text.startswith(expected) for text, expected in zip(found, said, strict=True)), found
    shown = reprokit("compare", first, second, cwd=tmp_path).text
    assert ("changed" in shown) == bool(said)
