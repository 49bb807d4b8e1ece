"""A log into which the shell redirects reprokit's own output is no output of the run."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest


@pytest.mark.parametrize("how", ["> train.log 2>&1", "2>&1 | tee train.log", "--json > record.json"])
def test_a_redirection_is_no_output(reprokit, tmp_path, how):
    (tmp_path / "train.py").write_text("print('loss 1.0', flush=True)\nopen('out.txt', 'w').write('x')\n")
    command = f"{reprokit.program} record -o run.repro.tar.zst -- {sys.executable} train.py {how}"
    if "--json" in how:
        command = f"{reprokit.program} record --json -o run.repro.tar.zst -- {sys.executable} train.py > record.json"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, env=reprokit.environment(), check=True, timeout=120)
    replayed = reprokit("replay", "--json", "run.repro.tar.zst", cwd=tmp_path)
    assert replayed.status == 0, (shlex.quote(command), replayed.text)
    assert [output["path"] for output in replayed.json["outputs"]] == ["out.txt"]


def test_a_log_that_the_command_itself_redirects_is_one(reprokit, tmp_path):
    (tmp_path / "train.sh").write_text(f"{sys.executable} -c \"print('loss 1.0')\" > train.log\n")
    recorded = reprokit("record", "--json", "-o", "run.repro.tar.zst", "--", "sh", "train.sh", cwd=tmp_path)
    assert [output["path"] for output in recorded.json["outputs"]] == [str(tmp_path / "train.log")]
    assert reprokit("replay", "--json", "run.repro.tar.zst", cwd=tmp_path).json["tier"] == "bitwise"
