"""A package of somebody else's, installed for real: its framework is recorded and replayed, and may be broken."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "example_adapter"
SCRIPT = """\
import random, toytrain
trainer = toytrain.Trainer()
for step in range(1, 6):
    batch = [(x, 2 * x + random.random()) for x in (1.0, 2.0, 3.0)]
    trainer.step(batch)
trainer.save("line.toy")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where pip has put the package, entry points and all."""
    top = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(EXAMPLE, top / "source")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-build-isolation", "--no-deps",
         "--disable-pip-version-check", "--target", str(top / "site"), str(source)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return top / "site"


@pytest.fixture
def project(installed, tmp_path):
    """A project with the package beside it, so that a test may break its own copy."""
    site = shutil.copytree(installed, tmp_path / "site")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "train.py").write_text(SCRIPT)
    return tmp_path / "project", site


def record(reprokit, project, site, script=SCRIPT, name="run"):
    (project / "train.py").write_text(script)
    bundle = project.parent / f"{name}.repro.tar.zst"
    command = ["record", "--json", "--trace", "full", "-o", bundle, "--", sys.executable, "train.py"]
    done = reprokit(*command, cwd=project, env={"PYTHONPATH": str(site)})
    assert done.status == 0, done.text
    return bundle, done.json


def replay(reprokit, bundle, site, status):
    done = reprokit("replay", "--json", bundle, cwd=bundle.parent, env={"PYTHONPATH": str(site)})
    assert done.status == status, done.text
    return done.json


@pytest.mark.slow
def test_an_adapter_and_a_comparator_are_found_and_used(reprokit, project):
    directory, site = project
    bundle, report = record(reprokit, directory, site)
    assert report["steps"] == 5
    assert "toytrain.step" in report["observers"]
    verdict = replay(reprokit, bundle, site, 0)
    assert verdict["tier"] == "bitwise", verdict["reason"]
    assert verdict["traces"][0]["steps_compared"] == 5
    (output,) = verdict["outputs"]
    assert (output["path"], output["equal"]) == ("line.toy", True)
    assert output["method"].startswith("toytrain weights")


@pytest.mark.slow
def test_a_fault_in_its_training_is_found_in_its_step(reprokit, project):
    directory, site = project
    one, _ = record(reprokit, directory, site, "import random; random.seed(0)\n" + SCRIPT, "one")
    faulty = SCRIPT.replace("    trainer.step", "    if step == 4: trainer.slope += 1e-12\n    trainer.step")
    two, _ = record(reprokit, directory, site, "import random; random.seed(0)\n" + faulty, "two")
    done = reprokit("compare", "--json", one, two, cwd=directory, env={"PYTHONPATH": str(site)})
    assert done.status == 1, done.text
    assert done.json["divergence"]["step"] == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return Observer(module, session)", '    raise RuntimeError("planted")'),
        ("recorder.end_step()", 'raise RuntimeError("planted")'),
        ('"""At exit."""', 'raise RuntimeError("planted")'),
        ("import functools", 'raise RuntimeError("planted")'),
    ],
    ids=["in arm", "in a step", "in close", "at import"],
)  # fmt: skip
def test_a_broken_adapter_is_named_and_never_counts_as_met(reprokit, project, old, new):
    """The script runs on; that its outputs are equal does not make up for steps that nobody saw."""
    directory, site = project
    plain, _ = record(reprokit, directory, site)
    adapter = site / "toytrain_reprokit" / "__init__.py"
    text = adapter.read_text()
    assert text.count(old) == 1
    adapter.write_text(text.replace(old, new))
    comparators = next(site.glob("toytrain-*.dist-info")) / "entry_points.txt"
    comparators.write_text("[reprokit.frameworks]\ntoytrain = toytrain_reprokit\n")  # the rest of it would break too
    bundle, report = record(
        reprokit, directory, site, SCRIPT.replace('trainer.save("line.toy")', "print(trainer.slope)")
    )
    assert any(warning["code"] == "RPK042" and "planted" in warning["message"] for warning in report["warnings"])
    verdict = replay(reprokit, bundle, site, 3)
    assert not verdict["met"]
    assert verdict["status"] == "unverified"
    assert verdict["tier"] != "bitwise"
    del plain


@pytest.mark.slow
def test_a_framework_that_breaks_at_import_and_one_that_is_never_used(reprokit, project):
    directory, site = project
    (site / "toytrain" / "__init__.py").write_text('raise ImportError("planted")')
    script = (
        "try:\n    import toytrain\nexcept ImportError as error:\n    print(error)\nopen('out.txt', 'w').write('1')\n"
    )
    bundle, report = record(reprokit, directory, site, script)
    assert report["steps"] == 0
    assert replay(reprokit, bundle, site, 0)["tier"] == "bitwise"
    (site / "toytrain" / "__init__.py").write_text((EXAMPLE / "src" / "toytrain" / "__init__.py").read_text())
    bundle, report = record(reprokit, directory, site, "import toytrain\nopen('out.txt', 'w').write('1')\n", "unused")
    assert "toytrain.step" not in report["observers"]
    assert replay(reprokit, bundle, site, 0)["tier"] == "bitwise"


@pytest.mark.slow
def test_a_renderer_is_found(installed):
    code = (
        "import json, sys; from reprokit.report.formats import format_names, render; "
        "from types import SimpleNamespace as S; "
        "print('toy' in format_names(), render(S(tier=S(value='bitwise')), 'toy'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(installed)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True toy says bitwise"
    assert json.dumps(done.stdout)
