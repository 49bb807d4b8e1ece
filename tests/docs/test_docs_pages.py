"""The documentation says what the code is: generated parts, links, the architecture, the examples."""

from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.errors import CATALOGUE
from reprokit.schema.config import Config, load_config

if TYPE_CHECKING:
    from conftest import CommandLine

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)


def _load(name: str) -> Any:
    spec = spec_from_file_location(f"docs_tool_{name}", ROOT / "docs" / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


hooks, imports = _load("hooks"), _load("imports")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_marker_has_a_generator_and_every_link_a_target(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "<!-- generated" not in hooks.on_page_markdown(text)
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith(("https://", "http://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_file_says_how_to_see_what_is_generated_and_the_built_page_does_not(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    markers = re.findall(r"^<!-- generated: \w+ -->$", text, re.MULTILINE)
    assert len(re.findall(rf"^<!-- generated: \w+ -->\n{re.escape(hooks.NOTE)}$", text, re.MULTILINE)) == len(markers)
    assert hooks.NOTE not in hooks.on_page_markdown(text)


def test_a_marker_without_a_generator_is_an_error() -> None:
    with pytest.raises(AttributeError):
        hooks.on_page_markdown("<!-- generated: nothing_of_this_name -->")


def test_reference_names_every_verb_key_and_code() -> None:
    from reprokit.cli import VERBS

    command_line = hooks.generated("command_line")
    assert [verb for verb in VERBS if f"## reprokit {verb}\n" not in command_line] == []
    configuration = hooks.generated("configuration")
    assert [key for key in Config.model_fields if f"| `{key}` |" not in configuration] == []
    codes = hooks.generated("codes")
    assert [code for code in CATALOGUE if f"### {code}: " not in codes] == []


def test_codes_that_pages_name_exist() -> None:
    named = {code for page in PAGES for code in re.findall(r"RPK\d+", page.read_text(encoding="utf-8"))}
    assert named
    assert named <= set(CATALOGUE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_that_pages_show_are_valid(page: Path, tmp_path: Path) -> None:
    for block in re.findall(r"^```toml.*?\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        (tmp_path / "pyproject.toml").write_text(block)
        load_config(tmp_path)


def test_the_architecture_page_has_every_part_and_no_import_runs_up() -> None:
    found = imports.edges()
    assert imports.violations(found) == []
    placed = {part for _name, parts in imports.FLOORS for part in parts}
    code = {part for part in found if any((ROOT / "reprokit" / part).glob("*.py")) and part != "demo"}
    assert code - placed == set()
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert {part for part in found if part in placed and f"| `{part}` |" not in page} == set()
    drawing = imports.svg(found)
    edges = [(part, other) for part in found for other in found[part] if {part, other} <= placed]
    assert len(edges) > 10
    assert [edge for edge in edges if f"<title>{edge[0]} imports {edge[1]}</title>" not in drawing] == []


def test_an_import_that_runs_up_is_noticed(tmp_path: Path) -> None:
    """The control: a ground part that imports a verb, inside a function."""
    for name, text in {
        "schema/verdict.py": "def f():\n    from reprokit.verbs.replay import replay\n",
        "verbs/replay.py": "import reprokit.schema.verdict\n",
        "capture/host.py": "from reprokit.bundle import reader\n",
        "bundle/reader.py": "",
    }.items():
        path = tmp_path / "reprokit" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    found = imports.edges(tmp_path / "reprokit")
    assert imports.violations(found) == [
        "capture imports bundle, which is beside it",
        "schema imports verbs, which is above it",
    ]


def test_the_example_comparator_works(tmp_path: Path, reprokit: CommandLine) -> None:
    text = (ROOT / "docs" / "howto" / "extend.md").read_text(encoding="utf-8")
    plugin = tmp_path / "plugin"
    info = plugin / "settings_comparator-1.dist-info"
    info.mkdir(parents=True)
    source = re.search(r'^```python title="settings_comparator.py"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)
    assert source is not None
    (plugin / "settings_comparator.py").write_text(source[1])
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: settings-comparator\nVersion: 1\n")
    entry = re.search(r'^\[project\.entry-points\."(reprokit\.comparators)"\]\n(.*?) = "(.*?)"', text, re.MULTILINE)
    assert entry is not None
    (info / "entry_points.txt").write_text(f"[{entry[1]}]\n{entry[2]} = {entry[3]}\n")
    for side, content in (("a", "rate = 1\nsteps=2\n"), ("b", "steps = 2\nrate=1\n"), ("c", "steps = 3\nrate=1\n")):
        (tmp_path / side).mkdir()
        (tmp_path / side / "run.settings").write_text(content)
    with_it = {"PYTHONPATH": str(plugin)}
    equal = reprokit("compare", "a", "b", "--json", cwd=tmp_path, env=with_it)
    assert (equal.status, equal.json["outputs"][0]["method"]) == (0, "settings: 2 values"), equal.text
    assert reprokit("compare", "a", "c", "--json", cwd=tmp_path, env=with_it).status == 1
    assert reprokit("compare", "a", "b", "--json", cwd=tmp_path).status == 1, "without the plugin, text differs"
