"""`replay --env rebuilt`: the recorded packages in a fresh virtual environment, when the recorded one is gone."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

SCRIPT = """
import importlib.metadata, json, random, sys
import iniconfig
json.dump({"drawn": random.random(), "version": importlib.metadata.version("iniconfig")}, open("out.json", "w"))
"""


@pytest.mark.slow
def test_the_environment_is_built_again(reprokit, tmp_path):
    room, environment = tmp_path / "run", tmp_path / "environment"
    room.mkdir()
    (room / "use.py").write_text(SCRIPT)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=120)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "iniconfig==2.0.0"], check=True, timeout=180)
    recorded = reprokit("record", "--json", "-o", "use.repro.tar.zst", "--", str(python), "use.py", cwd=room)
    assert recorded.status == 0, recorded.text
    shutil.rmtree(environment)

    current = reprokit("replay", "--json", "use.repro.tar.zst", cwd=room)
    assert current.status in (0, 1), current.text  # this test's own interpreter and its iniconfig stand in
    assert any("stands for it" in warning["message"] for warning in current.json["warnings"]), current.text

    rebuilt = reprokit("replay", "--json", "--env", "rebuilt", "use.repro.tar.zst", cwd=room, timeout=400)
    assert rebuilt.status == 0, rebuilt.text
    assert rebuilt.json["tier"] == "bitwise"
    assert any("rebuilt" in warning["message"] for warning in rebuilt.json["warnings"])


@pytest.mark.slow
def test_a_lock_that_cannot_be_installed_is_unverified(reprokit, tmp_path):
    (tmp_path / "use.py").write_text("open('out.txt', 'w').write('x')\n")
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=120)
    python = environment / "bin" / "python"
    package = tmp_path / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text('[project]\nname = "nowhere-to-be-had"\nversion = "1.2.3"\n')
    (package / "nowhere_to_be_had.py").write_text("")
    subprocess.run([python, "-m", "pip", "install", "-q", "setuptools"], check=True, timeout=180)
    metadata = next((environment / "lib").glob("python*/site-packages")) / "nowhere_to_be_had-1.2.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: nowhere-to-be-had\nVersion: 1.2.3\n")
    done = reprokit("record", "-o", "use.repro.tar.zst", "--", str(python), "use.py", cwd=tmp_path)
    assert done.status == 0, done.text
    replayed = reprokit("replay", "--json", "--env", "rebuilt", "use.repro.tar.zst", cwd=tmp_path, timeout=400)
    assert (replayed.status, replayed.json["code"]) == (3, "RPK016"), replayed.text
