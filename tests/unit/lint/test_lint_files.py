"""`reprokit lint` over files: programs of several files, files that cannot be read, notebooks, comments, versions,
corpus."""

from __future__ import annotations

import ast
import json
import re
import sysconfig
from pathlib import Path

import pytest

from reprokit.errors import UsageError
from reprokit.lint import RULES, Selection, lint_paths, lint_text
from reprokit.lint.graph import programs
from reprokit.lint.hazards.of_torch import TORCH
from reprokit.report.github import lint_commands
from reprokit.report.lint import render_lint
from reprokit.report.sarif import lint_sarif
from reprokit.verbs.lint import lint, report

TREE = Path(__file__).parents[3]
DRAW = "import numpy as np\ndef noise():\n    return np.random.rand()\n"


def write(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return str(folder)


def codes(*paths: str, **given: object) -> list[str]:
    return [found.code for found in lint_paths(paths, **given).findings]


def test_a_seed_in_one_file_counts_for_the_draws_in_another(tmp_path):
    main = "import data, seeds\nseeds.fix(0)\ndata.noise()\n"
    seeds = "import numpy as np\ndef fix(n):\n    np.random.seed(n)\n"
    assert codes(write(tmp_path, main=main, data=DRAW, seeds=seeds)) == []
    assert codes(write(tmp_path, main=main.replace("seeds.fix(0)\n", ""))) == ["RPL002"]


def test_a_file_alone_knows_what_it_imports(tmp_path):
    main = "import seeds, numpy as np\nseeds.fix(0)\nnp.random.rand()\n"
    deeper = "import numpy as np, os\ndef fix(n):\n    np.random.seed(n)\n    use(os.listdir())\n"
    write(tmp_path, main=main, seeds="from deeper import fix\n", deeper=deeper)
    assert codes(str(tmp_path / "main.py")) == []
    (tmp_path / "deeper.py").write_text("def fix(n):\n    pass\n")
    assert codes(str(tmp_path / "main.py")) == ["RPL002"]


def test_a_seed_in_another_program_does_not(tmp_path):
    write(tmp_path, data=DRAW, seeded="import numpy as np\nnp.random.seed(0)\n")
    assert codes(str(tmp_path)) == ["RPL002"]
    write(tmp_path, seeded="import data, numpy as np\nnp.random.seed(0)\n")
    assert codes(str(tmp_path)) == []


def test_a_package_with_relative_imports_and_a_conftest(tmp_path):
    package = tmp_path / "pkg"
    package.mkdir()
    write(package, __init__="", data=DRAW, train="from .data import noise\nfrom .seeds import fix\nfix()\nnoise()\n",
          seeds="import numpy as np\ndef fix():\n    np.random.seed(0)\n")  # fmt: skip
    assert codes(str(tmp_path)) == []
    tests = tmp_path / "tests"
    tests.mkdir()
    write(tests, test_a=DRAW)
    assert codes(str(tmp_path)) == ["RPL002"]
    write(
        tests,
        conftest="import numpy as np, pytest\n@pytest.fixture(autouse=True)\ndef seed():\n    np.random.seed(0)\n",
    )
    assert codes(str(tmp_path)) == []


def test_circles_of_imports_are_one_program():
    found = programs({"a": {"b"}, "b": {"a", "c"}, "c": set(), "d": {"c"}, "e": set()})
    assert found["a"] == found["b"] != found["d"]
    assert found["c"] == found["a"] | found["d"]
    assert not found["e"] & found["c"]


BAD = {
    "python2": (b"print 'x'\n", "Python 2"),
    "nul": (b"x = 1\n\0\n", "NUL"),
    "latin": (b"x = '\xe9'\n", "encoding"),
    "unknown": (b"# -*- coding: klingon -*-\n", "encoding"),
    "open": (b"def f(:\n", "syntax"),
    "deep": (b"(" * 5000 + b")" * 5000, "nested|too many"),
    "chain": (b"x = " + b"+".join([b"1"] * 30_000), "nested|recursion|^$"),
    "tabs": (b"if x:\n\ty = 1\n        z = 2\n", "tabs"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    data, reason = BAD[name]
    (tmp_path / "bad.py").write_bytes(data)
    found = lint_paths([str(tmp_path)]).findings
    assert [one.code for one in found] in (["RPL090"], []), found
    assert re.search(reason, found[0].message if found else "", re.IGNORECASE)


def test_what_else_lies_in_a_tree(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.py").symlink_to(tmp_path / "self.py")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nothing.py")
    (tmp_path / "directory.py").mkdir()
    (tmp_path / "empty.py").touch()
    (tmp_path / "bom.py").write_bytes(b"\xef\xbb\xbfimport random\r\nrandom.random()\r\n")
    (tmp_path / "latin.py").write_bytes(b"# coding: latin-1\nx = '\xe9'\n")
    (tmp_path / "big.py").write_bytes(b"x = 1\n" * 1_500_000)
    found = lint_paths([str(tmp_path)])
    assert [(Path(one.path).name, one.code) for one in found.findings] == [("big.py", "RPL090"), ("bom.py", "RPL001")]
    assert found.findings[1].line == 2
    with pytest.raises(UsageError, match="RPK131"):
        lint_paths([str(tmp_path / "directory.py")])
    with pytest.raises(UsageError, match="RPK003"):
        lint_paths([str(tmp_path / "none")])


def test_a_notebook(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["random"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import random\n", "!ls\n", "files = !ls\n"]},
        {"cell_type": "code", "source": ["%%bash\n", "this is no Python"]},
        {"cell_type": "code", "source": "x = 1\nrandom.shuffle(y)\n"},
        {"cell_type": "code", "source": ["random.random()  # noqa: RPL001"]},
    ]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}, indent=1))
    found = lint_paths([str(path)])
    assert [(one.code, one.cell, one.cell_line) for one in found.findings] == [("RPL001", 4, 2)]
    assert found.silenced == 1
    assert "shuffle" in path.read_text().splitlines()[found.findings[0].line - 1] or found.findings[0].line > 1
    assert "a.ipynb:cell 4:2:1: RPL001" in render_lint(report(found))
    path.write_text("{}")
    assert [one.code for one in lint_paths([str(path)]).findings] == ["RPL090"]


@pytest.mark.parametrize(
    ("comment", "silenced"),
    [("# noqa", True), ("# noqa: RPL001", True), ("# NOQA:E501,RPL001", True), ("# noqa: RPL0",
    True), ("# noqa: E501", False),
     ("# noqa: RPL002", False), ("# reprokit: ignore", True), ("# reprokit: ignore[RPL001]", True),
     ("# reprokit: ignore[RPL002]", False), ("# text  # noqa: RPL001", True)],
)  # fmt: skip
def test_comments(comment, silenced):
    found = lint_text(f"import random\nrandom.shuffle(\n    x\n)  {comment}\n")
    assert (found.findings == [], found.silenced) == (silenced, int(silenced))
    assert lint_text(f"import random\nrandom.shuffle(x)\n{comment}\n").findings


def test_a_comment_for_a_whole_file_and_text_that_is_none():
    assert lint_text("# reprokit: ignore-file[RPL001]\nimport random\nrandom.random()\n").findings == []
    assert lint_text("import random\nx = random.random(), '# noqa'\n").findings


def test_comments_that_silence_nothing(tmp_path):
    path = write(tmp_path, a="import random\nrandom.seed(0)\nrandom.random()  # noqa: RPL001\nx = 1  # noqa: E501\n")
    assert codes(path) == []
    assert [(one.code, one.line) for one in lint_paths([path], unused=True).findings] == [("RPL091", 3)]


def test_selection(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.reprokit.lint]\nignore = ['RPL001']\nexclude = ['old']\nper-file-ignores = {'tests/*' = ['RPL01']}\n"
    )
    text = "import random, os\nrandom.random()\nuse(os.listdir('.'))\n"
    for name in (".", "old", "tests"):
        (tmp_path / name).mkdir(exist_ok=True)
        write(tmp_path / name, a=text)
    found = lint([str(tmp_path)], start=tmp_path)
    assert [(one.code, Path(one.path).parent.name) for one in found.findings] == [("RPL011", tmp_path.name)]
    assert lint([str(tmp_path)], start=tmp_path, select=["RPL09"]).met
    with pytest.raises(UsageError, match="RPK130"):
        Selection(select=("RPL999",))


def test_versions_decide():
    text = "import torch\nfrom torch import nn\ntorch.use_deterministic_algorithms(True)\nnn.ReplicationPad2d(1)\n"
    assert [one.code for one in lint_text(text, versions={"torch": "2.1"}).findings] == ["RPL041"]
    assert lint_text(text, versions={"torch": "2.2.0+cpu"}).findings == []
    scatter = "import torch\nx.scatter_reduce_(0, i, s, reduce='sum')\n"
    assert lint_text(scatter, versions={"torch": "2.0"}).findings == []
    assert lint_text(scatter, versions={"torch": "2.1"}).findings


@pytest.mark.slow
@pytest.mark.torch
def test_the_table_holds_every_operation_that_the_installed_version_documents():
    import torch

    documented = set(re.findall(r"\* :(?:class|func):`(torch\.[\w.]+)`", torch.use_deterministic_algorithms.__doc__))
    assert len(documented) > 40
    elsewhere = {"torch.Tensor.__getitem__", "torch.Tensor.resize_", "torch.nn.NLLLoss"}  # see the table's own comments
    named = {hazard.name for hazard in TORCH} | {call for hazard in TORCH for call in hazard.calls}
    named |= {f"torch.Tensor.{method}" for hazard in TORCH for method in hazard.methods}
    assert documented - named <= elsewhere


def test_reports(tmp_path):
    text = "import random\nrandom.shuffle(x)\nimport torch\ntorch.backends.cuda.matmul.allow_tf32 = True\n"
    found = report(lint_paths([write(tmp_path, a=text)]))
    assert not found.met
    sarif = lint_sarif(found)["runs"][0]
    assert [one["level"] for one in sarif["results"]] == ["warning", "note"]
    assert sarif["tool"]["driver"]["rules"][sarif["results"][0]["ruleIndex"]]["id"] == "RPL001"
    assert [line.split(" ")[0] for line in lint_commands(found)] == ["::warning", "::notice"]
    assert render_lint(found).endswith("1 finding and 1 note in 1 file, 4 lines\n")
    many = report(lint_text("import random\n" + "random.random()\n" * 30, "a.py"))
    assert len(lint_commands(many)) == 10


def test_the_schema_of_sarif():
    import pydantic_sarif

    text = "import random\nrandom.shuffle(x)\n"
    document = json.dumps(lint_sarif(report(lint_text(text, "a b.py"))))
    assert pydantic_sarif.__name__
    assert (
        json.loads(document)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        == "a%20b.py"
    )


def test_processes_find_the_same(tmp_path):
    write(tmp_path, **{f"m{n}": DRAW + "import os\nuse(os.listdir())\n" for n in range(30)})
    assert lint_paths([str(tmp_path)], processes=1) == lint_paths([str(tmp_path)], processes=2)


def test_our_own_seeded_scripts_are_clean():
    scripts = sorted((TREE / "tests/e2e/scripts").glob("*.py"))
    planted = {"scatter_table.py", "tf_augmented.py"}  # repeated places, and a race for draws, on purpose
    seeded = [str(path) for path in scripts if "seed" in path.read_text() and path.name not in planted]
    assert len(seeded) > 8
    found = lint_paths(seeded).findings
    assert [f"{one.path}:{one.line} {one.code} {one.message}" for one in found if one.level != "note"] == []
    assert codes(str(TREE / "tests/e2e/scripts/scatter_table.py")) == ["RPL040"]
    assert "RPL051" in codes(str(TREE / "tests/e2e/scripts/tf_augmented.py"))


def test_every_message_and_remedy_is_a_sentence():
    for code, rule in RULES.items():
        assert rule.why.endswith(".")
        assert rule.remedy.endswith("."), code
        assert rule.source.startswith("https://")


@pytest.mark.slow
def test_a_corpus_is_read_without_an_error():
    """The standard library and what is installed: every file is read or named, and none is dropped."""
    tops = [sysconfig.get_path("stdlib")]
    for top in tops:
        found = lint_paths([top])
        assert found.files > 1000
        unread = {one.path for one in found.findings if one.code == "RPL090"}
        for path in sorted(unread):
            with pytest.raises((SyntaxError, ValueError, RecursionError, MemoryError)):
                ast.parse(Path(path).read_bytes())
