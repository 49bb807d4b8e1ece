import platform
import shutil
import subprocess
import sys
import zipfile

import pytest

from reprokit.capture.packages import lock, packages
from reprokit.capture.rebuild import rebuild
from reprokit.errors import UnverifiedError

HERE = platform.python_version()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A directory of wheels as the only source, by the user's own configuration of pip."""
    place = tmp_path / "wheels"
    place.mkdir()
    for version in ("1.0", "2.0"):
        _wheel(place, "tinypin", version, requires="Requires-Dist: does-not-exist-anywhere\n")
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place))
    return place


def _wheel(place, name, version, requires=""):
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(place / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_an_exact_version_without_its_dependencies(index, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "foreign"))
    python = rebuild("# CPython\n\ntinypin==1.0\n# x==1 (editable: file:///x)\n", HERE, tmp_path / "new", timeout=120)
    told = subprocess.check_output([python, "-c", "import tinypin, sys; print(tinypin.VERSION, sys.prefix)"], text=True)
    assert told.split() == ["1.0", str(tmp_path / "new")]
    assert "tinypin==1.0" in lock(packages(str(python))).splitlines()


def test_a_version_that_is_not_to_be_had(index, tmp_path):
    with pytest.raises(UnverifiedError, match=r"tinypin==9\.9") as caught:
        rebuild("tinypin==9.9\n", HERE, tmp_path / "new", timeout=120)
    assert caught.value.code == "RPK016"


@pytest.mark.parametrize(
    "line",
    [
        "--index-url http://evil",
        "-r /etc/passwd",
        "-e .",
        "tinypin",
        "tinypin>=1",
        "tinypin==1.0 --global-option=x",
        "tinypin @ file:///tmp/x",
        "tinypin @ http://plain/x.whl",
        "./local.whl",
        "tinypin==1.0 ; python_version > '3'",
        "tinypin==1.0\\",
        "tinypin==1.*",
    ],
)
def test_only_exact_pins_are_taken(tmp_path, line):
    with pytest.raises(UnverifiedError, match="not an exact pin"):
        rebuild(f"a==1\n{line}\n", HERE, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("version", ["", "three", "3", "3.11.7; rm -rf /", "--help"])
def test_versions_that_are_none(tmp_path, version):
    with pytest.raises(UnverifiedError, match="no Python version"):
        rebuild("", version, tmp_path / "new")


def test_a_python_that_is_not_here(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # keeps uv, which could fetch one, out of it
    with pytest.raises(UnverifiedError, match=r"Python 3\.99"):
        rebuild("", "3.99.1", tmp_path / "new")


def test_a_target_that_is_in_use(tmp_path):
    (tmp_path / "file").write_text("keep")
    with pytest.raises(UnverifiedError, match="not an empty directory"):
        rebuild("", HERE, tmp_path)
    assert (tmp_path / "file").read_text() == "keep"


def test_too_little_time(index, tmp_path):
    with pytest.raises(UnverifiedError, match="too long"):
        rebuild("tinypin==1.0\n", HERE, tmp_path / "new", timeout=0.05)


def test_the_installers_words_are_scrubbed(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:hunter2@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(UnverifiedError) as caught:
        rebuild("tinypin==1.0\n", HERE, tmp_path / "new", timeout=120)
    assert "hunter2" not in str(caught.value)


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
def test_uv_builds_it_where_pip_is_not_configured(index, tmp_path, monkeypatch):
    monkeypatch.setattr("reprokit.capture.rebuild._pip_is_configured", lambda: False)
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    python = rebuild("tinypin==2.0\n", HERE, tmp_path / "new", timeout=120)
    assert subprocess.check_output([python, "-c", "import tinypin; print(tinypin.VERSION)"], text=True) == "2.0\n"
    assert sys.version_info[:2] == tuple(int(part) for part in packages(str(python)).python_version.split(".")[:2])
