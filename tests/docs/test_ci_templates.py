"""The templates for other people's CI: valid by their schemas, no input inside a script, and their commands run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import CommandLine

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "replay" / "action.yml"
GITLAB = ROOT / "templates" / "gitlab" / "replay.yml"
CRON = ROOT / "templates" / "cron" / "replay.sh"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PLANTED = {
    "github-actions": ("using: ", "usingg: "),
    "gitlab-ci": ("image: python:3.12", "image: 3"),
    "github-workflows": ("runs-on: ", "runs-onn: "),
}
BUNDLE = ROOT / "bundles" / "v1" / "numpy.repro.tar.zst"


def load(text: str) -> Any:
    """YAML as plain values."""
    yaml = pytest.importorskip("ruamel.yaml", reason="check-jsonschema brings ruamel.yaml")
    return yaml.YAML(typ="safe", pure=True).load(text)


def schema_faults(path: Path, schema: str) -> str:
    """What the schema that SchemaStore publishes says against a file; check-jsonschema ships these schemas."""
    pytest.importorskip("check_jsonschema")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


def examples(language: str, sign: str) -> list[str]:
    """The fenced blocks of the CI page that hold ``sign``."""
    page = (ROOT / "docs" / "howto" / "ci.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}[^\n]*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if re.search(sign, block, re.MULTILINE)]


@pytest.mark.parametrize(
    ("path", "schema"),
    [(ACTION, "github-actions"), (GITLAB, "gitlab-ci"), *((path, "github-workflows") for path in WORKFLOWS)],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_a_template_is_valid_by_its_schema(path: Path, schema: str, tmp_path: Path) -> None:
    assert schema_faults(path, schema) == ""
    broken = tmp_path / "broken.yml"  # the control: one key misspelt, or of another type
    broken.write_text(path.read_text().replace(*PLANTED[schema]))
    assert schema_faults(broken, schema) != ""


def test_the_examples_of_the_page_are_valid(tmp_path: Path) -> None:
    found = examples("yaml", "^jobs:")
    assert found
    for block in found:
        (tmp_path / "workflow.yml").write_text(block)
        assert schema_faults(tmp_path / "workflow.yml", "github-workflows") == ""
        for job in load(block)["jobs"].values():
            for step in job["steps"]:
                if "actions/replay" in step.get("uses", ""):
                    assert set(step.get("with", {})) <= set(load(ACTION.read_text())["inputs"])


def scripts(value: Any) -> list[str]:
    """Every script in a workflow or an action."""
    if isinstance(value, dict):
        own = [value["run"]] if isinstance(value.get("run"), str) else []
        return own + [one for item in value.values() for one in scripts(item)]
    return [one for item in value for one in scripts(item)] if isinstance(value, list) else []


def test_no_script_holds_an_expression() -> None:
    """An expression in a script is pasted as text, so an input could hold commands; the environment cannot."""
    for path in (ACTION, *WORKFLOWS):
        found = scripts(load(path.read_text()))
        assert found
        assert [script for script in found if "${{" in script] == []
    for block in examples("yaml", "^jobs:"):
        assert [script for script in scripts(load(block)) if "${{" in script] == []
    assert scripts({"a": [{"run": "echo ${{ inputs.x }}"}]}) == ["echo ${{ inputs.x }}"], "the control"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of someone else, with a bundle."""
    (tmp_path / "project" / "bundles").mkdir(parents=True)
    shutil.copyfile(BUNDLE, tmp_path / "project" / "bundles" / "numpy.repro.tar.zst")
    return tmp_path / "project"


def shell(
    program: list[str], project: Path, reprokit: CommandLine, **environment: str | None
) -> subprocess.CompletedProcess[str]:
    """Runs a script with this Python first on the path, and no plugin but ours and xdist."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p reprokit.pytest_plugin -p xdist.plugin"}
    return subprocess.run(
        program, cwd=project, env=reprokit.environment(PATH=path, **plugins, **environment),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def run_action(project: Path, reprokit: CommandLine, **given: str) -> subprocess.CompletedProcess[str]:
    """Runs the action's own scripts as GitHub does: inputs into the environment, steps by their conditions."""
    action = load(ACTION.read_text())
    assert set(given) <= set(action["inputs"])
    inputs = {name: given.get(name, one["default"]) for name, one in action["inputs"].items()}
    done = None
    for step in action["runs"]["steps"]:
        condition = re.fullmatch(r"inputs\.(\w+) != ''", step.get("if", "inputs.bundles != ''"))
        assert condition is not None
        if not inputs[condition[1]] or "run" not in step:
            continue
        environment = {
            name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], value)
            for name, value in step["env"].items()
        }
        assert not any("${{" in value for value in environment.values())
        script = project.parent / "step.sh"
        script.write_text(step["run"])
        summary = {"GITHUB_STEP_SUMMARY": str(project.parent / "summary.md")}
        shells = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = shell(shells, project, reprokit, **environment, **summary)
        if done.returncode:
            break
    assert done is not None
    return done


def test_the_action_replays(project: Path, reprokit: CommandLine) -> None:
    refused = run_action(project, reprokit)
    assert refused.returncode == 1
    assert "RPK026" in refused.stdout, "a fresh runner recorded nothing, and trust is never implied"
    assert "::error file=bundles/numpy.repro.tar.zst" in refused.stdout
    done = run_action(project, reprokit, trust="true", workers="2", due="7")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("report.json", "report.sarif", "junit.xml"):
        assert (project / "reprokit-reports" / name).stat().st_size > 0
    assert re.search("✅ reprokit: 1 (bitwise|metric-close)", (project.parent / "summary.md").read_text())
    again = run_action(project, reprokit, trust="true", due="7")
    assert (again.returncode, "1 bundle not due" in again.stdout) == (0, True), again.stdout


def test_an_input_of_the_action_is_never_run(project: Path, reprokit: CommandLine) -> None:
    hostile = 'x"; touch owned; $(touch owned) `touch owned` #'
    for name in ("bundles", "workers", "due", "trust", "reports"):
        run_action(project, reprokit, **{name: hostile})
    assert list(project.rglob("owned")) == []


def test_the_gitlab_job_replays(project: Path, reprokit: CommandLine) -> None:
    template = load(GITLAB.read_text())
    job = template["replay-bundles"]
    script = "\n".join(job["script"])
    refused = shell(["sh", "-ec", script], project, reprokit, **template["variables"])
    assert (refused.returncode, "RPK026" in refused.stdout) == (1, True), refused.stdout + refused.stderr
    given = {**template["variables"], "REPRO_TRUST": "true", "REPRO_WORKERS": "2", "REPRO_DUE": "7"}
    done = shell(["sh", "-ec", script], project, reprokit, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in (*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()):
        assert (project / path).is_file(), path
    assert (project / ".reprokit" / "replays.json").is_file(), "what is cached"


def test_the_cron_script_is_silent_while_all_is_well(project: Path, reprokit: CommandLine) -> None:
    (project / "pytest.ini").write_text("[pytest]\nrepro_trust = true\n")
    given = {"REPRO_PROJECT": str(project)}
    for _ in range(2):  # the second time, nothing is due
        done = shell(["sh", str(CRON)], project.parent, reprokit, **given)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (project / "pytest.ini").unlink()
    (project / ".reprokit" / "replays.json").unlink()
    refused = shell(["sh", str(CRON)], project.parent, reprokit, **given)
    assert (refused.returncode, "RPK026" in refused.stdout) == (1, True)
    with (project / ".reprokit" / "cron.lock").open("w") as held:
        import fcntl

        fcntl.flock(held, fcntl.LOCK_EX)
        busy = shell(["sh", str(CRON)], project.parent, reprokit, **given)
    assert (busy.returncode, "still running" in busy.stderr) == (1, True)
