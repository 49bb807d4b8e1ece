import re

from reprokit.report.markdown import MAX_CHARACTERS, code, escaped, to_markdown
from reprokit.schema.verdict import MetricVerdict, OutputVerdict, ValueDifference

EVIL = "x|`y`<img src=//e>![a](http://e)@admin #12 GH-7 www.evil.com **b** $z$ \\| ~~q~~ \n# h"


def test_it_says_what_the_terminal_says(differing):
    text = to_markdown(differing(), ["run.zst"])
    for part in (
        "## ❌ reprokit: RE-RUNNABLE: target bitwise NOT met",
        "step 17: parameters of `fc1.weight` differ (update) in `rank0`",
        "| `out/model.pt` | differs | torch.save: 12 tensors |",
        "| `eval.accuracy` | 0.98 | 0.97 | 0.01 | **NOT close** |",
        "- machine: x86-64 AVX-512",
        "    reprokit replay run.zst --policy deterministic --runs 2",
        "</details>",
    ):
        assert part in text, part


def test_marks_of_the_three_answers(differing, equal):
    assert to_markdown(equal()).startswith("## ✅")
    assert to_markdown(differing(status="unverified")).startswith("## ❔")


def test_foreign_text_cannot_form_markup():
    shown = escaped(EVIL)
    assert not re.search(r"[`<>|*\[\]@$~\\]|://|www\.|GH-|#(?!\d+;)", shown)
    assert "\n" not in shown


def test_code_spans_hold_in_tables():
    assert code("fc1.weight") == "`fc1.weight`"
    for text in (EVIL, "a|b", "a`b", "a\\", "", " "):
        span = code(text)
        assert span.startswith("<code>")
        assert not re.search(r"[|`]", span)


def test_every_row_of_a_table_has_the_same_number_of_cells(differing):
    output = OutputVerdict(
        path=EVIL, equal=False, method=EVIL, note=EVIL, differences=[ValueDifference(where=EVIL, detail=EVIL)]
    )
    metric = MetricVerdict(name=EVIL, recorded=EVIL, replayed=EVIL, close=False, rule=EVIL)
    text = to_markdown(differing(outputs=[output], metrics=[metric], reason=EVIL, bundle=EVIL))
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == 3
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert "<img" not in text
    assert "](http" not in text


def test_a_renderer_of_commonmark_sees_no_link_and_no_html(differing):
    # Python-Markdown and cmark are not dependencies; the escapes are checked against the grammar instead: no
    # unescaped opener of inline structure is left outside code.
    text = to_markdown(differing(reason=EVIL, advice=EVIL))
    reason = next(line for line in text.splitlines() if line.startswith("Why"))
    assert not re.search(r"[\[\]<>*_`]", reason)


def test_the_size_is_bounded(differing):
    big = [
        OutputVerdict(
            path="&" * 9000, equal=False, method="#" * 999, differences=[ValueDifference(where="|" * 999)] * 9
        )
        for _ in range(400)
    ]
    metrics = [MetricVerdict(name="*" * 999, recorded=1.5, replayed=2, close=False, rule="[" * 999) for _ in range(400)]
    text = to_markdown(differing(outputs=big, metrics=metrics, scope={"not_compared": ["<" * 999] * 999}))
    assert len(text) <= MAX_CHARACTERS
    assert "left out for length" in text
    assert text.count("<details>") == text.count("</details>")
    assert "    reprokit replay BUNDLE --policy deterministic" in text
