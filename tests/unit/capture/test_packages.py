import dataclasses
import json
import os
import subprocess
import sys

import pytest

from reprokit.capture.packages import Difference, Distribution, Packages, differences, lock, missing, packages
from reprokit.errors import UnverifiedError


def _packages(*items, version="3.11.7"):
    return Packages("python", version, "CPython", "b", "cpython-311", True, items)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An empty virtual environment whose metadata the tests write."""
    place = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    return place / "bin/python", site


def _install(site, name, version, direct=None):
    place = site / f"{name}-{version}.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if direct is not None:
        (place / "direct_url.json").write_text(direct if isinstance(direct, str) else json.dumps(direct))


def test_this_interpreter():
    here = packages(sys.executable)
    versions = {item.key: item.version for item in here.distributions}
    import numpy as np

    assert versions["numpy"] == np.__version__
    assert here.python_version == ".".join(map(str, sys.version_info[:3]))
    assert [item.key for item in here.distributions] == sorted(versions)
    assert len(versions) == len(here.distributions)


def test_sources_are_kept_and_credentials_are_not(environment):
    python, site = environment
    vcs = {"url": "https://user:hunter2@example.org/x.git", "vcs_info": {"vcs": "git", "commit_id": "c" * 40}}
    _install(site, "Plain_One", "1.0+cpu")
    _install(site, "vcs", "2", vcs)
    _install(site, "editable", "3", {"url": "file:///src/x", "dir_info": {"editable": True}})
    _install(site, "archive", "4", {"url": "https://e.org/a.whl", "archive_info": {"hashes": {"sha256": "d" * 64}}})
    _install(site, "odd", "5", "not json")
    (site / "broken-1.dist-info").mkdir()
    found = packages(str(python))
    assert found.distributions == (
        Distribution("archive", "4", f"https://e.org/a.whl#sha256={'d' * 64}"),
        Distribution("editable", "3", "file:///src/x", editable=True),
        Distribution("odd", "5"),
        Distribution("Plain_One", "1.0+cpu"),
        Distribution("vcs", "2", f"git+https://example.org/x.git@{'c' * 40}"),
    )
    assert found.broken == ("broken-1.dist-info",)


def test_the_users_own_site_packages_count(environment, tmp_path, monkeypatch):
    base = os.path.realpath(sys.executable)
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path))
    monkeypatch.delenv("PYTHONNOUSERSITE", raising=False)
    site = tmp_path / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    site.mkdir(parents=True)
    _install(site, "mine", "9")
    assert "mine" in {item.key for item in packages(base).distributions}
    assert "mine" not in {item.key for item in packages(str(environment[0])).distributions}


def test_pythonpath_cannot_shadow_the_question(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert packages(sys.executable).distributions


@pytest.mark.parametrize("script", ["exit 0", "echo hello", "echo '{}'", "echo '[1]'", "exit 3", "sleep 30"])
def test_what_is_no_python(tmp_path, script):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(UnverifiedError) as caught:
        packages(str(program), timeout=0.5)
    assert caught.value.code == "RPK011"


def test_what_does_not_exist(tmp_path):
    with pytest.raises(UnverifiedError, match="cannot be started"):
        packages(str(tmp_path / "absent"))


def test_the_lock_is_exact_and_ordered():
    commit = "c" * 40
    text = lock(
        _packages(
            Distribution("a", "1"),
            Distribution("b", "2", "file:///src/b", editable=True),
            Distribution("c", "3", "file:///src/c.whl"),
            Distribution("d", "4", f"git+https://e.org/d@{commit}"),
            Distribution("torch", "2.13.0+cpu"),
        )
    )
    assert text.splitlines() == [
        "# CPython 3.11.7",
        "a==1",
        "# b==2 (editable: file:///src/b)",
        "# c==3 (local: file:///src/c.whl)",
        f"d @ git+https://e.org/d@{commit}",
        "torch==2.13.0+cpu",
    ]


@pytest.mark.parametrize(
    "version", ["1\n--index-url http://evil", "1 --pre", "", "1;x", "1\r-r /etc/passwd", "1\u2028-e ."]
)
def test_metadata_cannot_smuggle_options_into_the_lock(version):
    lines = lock(_packages(Distribution("a", version))).splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("# not a valid pin")


def test_missing_and_different():
    recorded = _packages(Distribution("Ruamel.Yaml", "1"), Distribution("b", "2"), Distribution("c", "3"))
    current = _packages(
        Distribution("ruamel_yaml", "1"), Distribution("b", "2.1"), Distribution("d", "4"), version="3.12.0"
    )
    assert missing(recorded, current) == ("c==3",)
    assert differences(recorded, current) == (
        Difference("python", "CPython 3.11.7 cpython-311", "CPython 3.12.0 cpython-311"),
        Difference("b", "2", "2.1"),
        Difference("c", "3", None),
        Difference("d", None, "4"),
    )
    assert differences(recorded, recorded) == ()


def test_two_commits_of_one_version_differ():
    a = _packages(Distribution("x", "1", "git+https://e.org/x@" + "a" * 40))
    b = dataclasses.replace(a, distributions=(Distribution("x", "1", "git+https://e.org/x@" + "b" * 40),))
    assert [item.name for item in differences(a, b)] == ["x"]
