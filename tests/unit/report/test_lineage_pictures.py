"""Trees and pictures of the lineage graph: what they show, and that a stranger's names cannot do anything in them."""

import re
import shutil
import subprocess
import time
from xml.etree import ElementTree as ET

import pytest

from reprokit.report.lineage_drawing import MANY, columns, drawing_of
from reprokit.report.lineage_facts import render_impact, render_store
from reprokit.report.lineage_svg import render_svg
from reprokit.report.lineage_text import render_dot, render_mermaid
from reprokit.report.lineage_tree import render_tree
from reprokit.report.screen import Screen
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage
from reprokit.schema.lineage_answers import (
    ImpactedModel,
    LineageImpact,
    LineageNode,
    LineageStore,
    LineageWalk,
)

HOSTILE = [
    "\x1b[31mred\x1b]0;title\x07",
    '"]; click n0 "javascript:alert(1)"; x["',
    "<script>alert(1)</script>",
    "</text></svg><img src=x onerror=alert(1)>",
    'a" shape=none URL="javascript:1',
    "back\\slash\\n end\\",
    "%%{init: {}}%% #quot; &amp; `code` $$x$$",
    "line\nbreak\r\u2028and\u202eturned",
    "]]>",
    "#0.1",
    "&lt;b&gt; &amp;amp;",
    "fa:fa-car and fab:fa-git",
    "日" * 40 + "W" * 40,
    "-->",
    "x" * 5000,
    "end",
]


def walk(names, files=0, direction="up"):
    """A run that used artifacts of these names, and so many files, and made a model."""
    used = [Artifact(id=f"id {name}", type=f"T{name}", name=name, uri=name, properties={"version": name})
            for name in names]  # fmt: skip
    used += [Artifact(id=f"sha256:{number:064}", type="File", name=f"{number}.png") for number in range(files)]
    run = Execution(id="urn:uuid:1", type="Run", name=names[0] if names else "train", started=1_700_000_000_000)
    model = Artifact(id="model", type="Model", name="model.pt", properties={"size": 2048})
    events = [Event(artifact=one.id, execution=run.id, type="INPUT") for one in used]
    events.append(Event(artifact="model", execution=run.id, type="OUTPUT"))
    starts = ["model"] if direction == "up" else [used[0].id]
    graph = Lineage(artifacts=[*used, model], executions=[run], events=events)
    return LineageWalk(direction=direction, asked="model.pt", starts=starts, lineage=graph)


def test_a_tree():
    assert render_tree(walk(["data.csv"]), Screen()) == (
        "Model model.pt  model  (2.0 KiB)\n"
        "└─ Run data.csv  urn:uuid:1  (2023-11-14 22:13 UTC)\n"
        "   └─ Tdata.csv data.csv  id data.csv  (version data.csv)\n"
    )
    assert render_tree(walk(["data.csv"]), Screen(ascii_only=True)).splitlines()[2].startswith("   `- Tdata.csv")


def test_what_was_shown_is_only_named_again():
    nodes = [Artifact(id=name, type="File", name=name) for name in ("a", "b", "c", "d")]
    events = []
    for run, used, made in (("r1", ["a"], ["b", "c"]), ("r2", ["b", "c"], ["d"])):
        events += [Event(artifact=one, execution=run, type="INPUT") for one in used]
        events += [Event(artifact=one, execution=run, type="OUTPUT") for one in made]
    runs = [Execution(id=run, type="Run", name=run) for run in ("r1", "r2")]
    graph = Lineage(artifacts=nodes, executions=runs, events=events)
    text = render_tree(LineageWalk(direction="up", asked="d", starts=["d"], lineage=graph), Screen())
    assert text.count("Run r1") == 2
    assert text.count("(above)") == 1
    assert text.count("File a") == 1


def test_a_circle_and_a_long_chain_end():
    nodes = [Artifact(id=f"a{i}", type="File") for i in range(3001)]
    runs = [Execution(id=f"r{i}", type="Run") for i in range(3001)]
    events = [Event(artifact=f"a{i}", execution=f"r{i}", type="INPUT") for i in range(3001)]
    events += [Event(artifact=f"a{(i + 1) % 3001}", execution=f"r{i}", type="OUTPUT") for i in range(3001)]
    graph = Lineage(artifacts=nodes, executions=runs, events=events)
    long = LineageWalk(direction="down", asked="a0", starts=["a0"], lineage=graph)
    assert "the tree is cut after 5,000 lines; --depth N shows less" in render_tree(long, Screen()).splitlines()[-1]
    assert len(columns(drawing_of(long))) == 6002
    small = LineageWalk(direction="up", asked="a", starts=["a0"], lineage=Lineage(
        artifacts=nodes[:1], executions=runs[:1],
        events=[Event(artifact="a0", execution="r0", type=kind) for kind in ("INPUT", "OUTPUT")],
    ))  # fmt: skip
    for render in (render_svg, render_dot, render_mermaid, lambda walk: render_tree(walk, Screen())):
        assert "a0" in render(small)


def test_many_files_are_counted():
    shown = walk(["data.csv"], files=1000)
    assert f"and {1000 - MANY + 1} more files" in render_tree(shown, Screen())
    boxes = drawing_of(shown).boxes.values()
    assert [box.lines for box in boxes if box.kind == "more"] == [(f"and {1000 - MANY + 1} more files",)]
    assert sum(box.kind == "file" for box in boxes) == MANY - 1
    assert "more files" not in render_tree(walk(["data.csv"], files=MANY), Screen())


def test_columns_run_with_the_data():
    drawing = drawing_of(walk(["data.csv"]))
    placed = columns(drawing)
    assert all(placed[one] < placed[other] for one, other in drawing.arrows)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_hostile_names_stay_text(direction):
    shown = walk(HOSTILE, direction=direction)
    tree = render_tree(shown, Screen())
    assert all(line.isprintable() for line in tree.splitlines())
    assert len(tree.splitlines()) == (len(HOSTILE) + 2 if direction == "up" else 3)

    root = ET.fromstring(render_svg(shown))
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "defs", "marker", "path", "rect", "text"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in attributes if name.startswith("on") or "href" in name}
    assert any("<script>" in (element.text or "") for element in root.iter())  # it is there, as text

    for line in render_mermaid(shown).splitlines()[1:]:
        assert re.fullmatch(
            r'  n\d+(\["|\(\["|\[\("|\[\["|\{\{")([^"<>#`$\\{}]|<br/>)*("\]|"\]\)|"\)\]|"\]\]|"\}\}):::\w+'
            r"|  n\d+ --> n\d+|  classDef \w+ fill:#\w{6},stroke:#\w{6},stroke-width:\dpx,color:#1b1b1b",
            line,
        ), line
    quoted = r'"(?:[^"\\\n]|\\["\\n])*"'
    for line in render_dot(shown).splitlines()[4:-1]:
        assert re.fullmatch(
            rf"  n\d+ -> n\d+;|  n\d+ \[label={quoted}, shape=\w+, fillcolor={quoted}, color={quoted}, penwidth=\d\];",
            line,
        ), line


def test_the_check_of_mermaid_finds_a_name_that_is_not_escaped():
    """The planted fault."""
    plain = render_mermaid(walk(["x&quot;y"])).replace("&amp;quot&semi;", '"')
    assert any(line.count('"') > 2 for line in plain.splitlines())


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
def test_graphviz_reads_it():
    done = subprocess.run(["dot", "-Tsvg"], input=render_dot(walk(HOSTILE)), capture_output=True, text=True, check=True)
    assert "javascript:" not in "".join(re.findall(r"<a [^>]*>", done.stdout))


def test_facts_and_impact_are_clean_too():
    name = HOSTILE[0]
    artifact = Artifact(id=name, type=name, name=name, uri=name, properties={name: name})
    event = Event(artifact=name, execution=name, type="INPUT", path=(name,))
    node = LineageNode(artifact=artifact, events=[event] * 40, contexts=[name])
    store = LineageStore(store=name, counts={"event": 3}, types={name: 1}, waiting=2, nodes=[node])
    model = ImpactedModel(id=name, name=name, reasons=[name])
    found = LineageImpact(asked=name, opt_out=name, name=name, met=False, affected=[model], unknown=[model],
                          clear=[model], manifests=[model])  # fmt: skip
    for text in (render_store(store, Screen()), render_impact(found, Screen())):
        assert all(line.isprintable() for line in text.splitlines())
        assert "\\x1b" in text
    assert "and 10 more events" in render_store(store, Screen())


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
def test_graphviz_shows_a_name_as_it_is_and_not_the_entity_that_it_spells():
    done = subprocess.run(
        ["dot", "-Tsvg"], input=render_dot(walk(["a&lt;b&amp;c"])), capture_output=True, text=True, check=True
    )
    shown = {element.text for element in ET.fromstring(done.stdout).iter("{http://www.w3.org/2000/svg}text")}
    assert "a&lt;b&amp;c" in shown


def test_mermaid_finds_no_formula_and_no_icon_in_a_name():
    """Its entities become characters first, so these are torn apart by what nobody sees."""
    text = render_mermaid(walk(["$$x^2$$ fa:fa-car fab:fa-git sofa:fa-x"]))
    plain = text.replace("&dollar;", "$")
    assert "$$" not in plain
    assert "$\N{WORD JOINER}$x^2" in plain
    assert re.findall(r"\bfa[a-z]?:fa-", plain) == []


def test_a_box_is_as_wide_as_its_letters():
    """Letters of East Asia, and the widest of the Latin ones, are twice as wide as most."""
    widths = []
    for name in ("i" * 40, "W" * 40, "日" * 40):
        root = ET.fromstring(render_svg(walk([name])))
        boxes = [float(element.attrib["width"]) for element in root.iter() if "rx" in element.attrib]
        widths.append(max(boxes))
    assert widths[0] < 600
    assert min(widths[1:]) > 40 * 12.5 * 0.95


def test_a_long_chain_that_all_uses_one_manifest_is_drawn():
    """An arrow from the manifest to each run passes all columns between: two thousand times two thousand."""
    count = 1500
    models = [Artifact(id=f"m{i}", type="Model") for i in range(count + 1)]
    data = Artifact(id="d", type="DatasetManifest")
    runs = [Execution(id=f"r{i}", type="Run") for i in range(count)]
    events = [Event(artifact=used, execution=f"r{i}", type="INPUT") for i in range(count) for used in (f"m{i}", "d")]
    events += [Event(artifact=f"m{i + 1}", execution=f"r{i}", type="OUTPUT") for i in range(count)]
    graph = Lineage(artifacts=[*models, data], executions=runs, events=events)
    long = LineageWalk(direction="up", asked="m", starts=[f"m{count}"], lineage=graph)
    begun = time.process_time()
    root = ET.fromstring(render_svg(long))
    assert time.process_time() - begun < 20
    assert sum(element.tag.endswith("path") for element in root.iter()) == 3 * count + 1
    tree = render_tree(long, Screen())
    assert len(tree) < 2_000_000


def test_a_time_that_no_calendar_has_is_said_so():
    late = Artifact(id="late", type="Model", name="late.pt", created=2**53 - 1)
    shown = LineageWalk(direction="up", asked="late", starts=["late"], lineage=Lineage(artifacts=[late]))
    assert "after the year 9999" in render_tree(shown, Screen())
    ET.fromstring(render_svg(shown))
