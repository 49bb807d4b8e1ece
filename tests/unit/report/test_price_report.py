"""A price list on a terminal and as Markdown."""

import re

import pytest

from reprokit.report.prices import prices_to_markdown, render_prices
from reprokit.report.screen import Screen
from reprokit.schema.manifest import Notice
from reprokit.schema.price import Cost, Held, PriceReport, SetPrice, SwitchPrice, TierPrice

EVIL = "x|`y`<img src=//e>\x1b[31m@admin"


def report(**changes):
    dear = Cost(ratio=1.2, low=1.1, high=1.3, pairs=5, measurable=True, text="+20.0 % (+10.0 to +30.0)")
    held = Held(tier="bitwise", runs=6, undetected_rate=0.39)
    split = Held(tier="metric-close", runs=6, apart=4)
    algorithms = SetPrice(
        switches={"torch.deterministic_algorithms": "warn"}, runs=6, training=dear, between=held, record=split
    )
    values = {
        "bundle": "sha256:" + "ab" * 32, "policy": "deterministic/2", "target": "bitwise", "stopped": "rounds",
        "rounds": 5, "order_seed": 0, "budget_s": 900, "elapsed_s": 61.2, "confidence": 0.95, "intervals": 2,
        "measure": "training", "steps": 40, "baseline_s": 1.25,
        "baseline": SetPrice(switches={}, runs=6, between=split, record=split),
        "baseline_spread": 0.021,
        "switches": [
            SwitchPrice(name="torch.deterministic_algorithms", value="warn", status="priced", price=algorithms),
            SwitchPrice(name="torch.num_threads", value=1, status="failed", reason=f"RuntimeError: {EVIL}"),
            SwitchPrice(name="cublas.workspace", value=":4096:8", status="does-not-apply", reason="no CUDA device"),
        ],
        "tiers": [
            TierPrice(tier="bitwise", against="replays", status="verified", price=algorithms,
                      switches={"torch.deterministic_algorithms": "warn"}, reason="6 runs agreed with each other"),
            TierPrice(tier="bitwise", against="record", status="verified", reason="3 sets were run and none held it"),
            TierPrice(tier="metric-close", against="record", status="unverified", reason="the budget ended"),
        ],
        "recommended": '[tool.reprokit.policy.priced]\n"torch.deterministic_algorithms" = "warn"\n',
        "scope": {"machine": "x86-64", "load": [0.5], "fingerprint": {"differences": ["torch: 2.12 -> 2.13"]}},
        "warnings": [Notice(code="RPK050", message=EVIL)],
    }  # fmt: skip
    return PriceReport(**{**values, **changes})


SAID = (
    "2 of 3 switches concern this script; target bitwise reached",
    "1.25 s, ±2.1% from round to round; measured: training, first step to last (40 steps)",
    "+20.0 % (+10.0 to +30.0)",
    "bitwise 6/6",
    "metric-close, bitwise 2/6",
    "the script fails",
    "bitwise with the record: not reached; 3 sets were run and none held it",
    "metric-close with the record: UNVERIFIED; the budget ended",
    "no CUDA device",
    "torch: 2.12 -> 2.13",
)


def plain(text):
    """Without what keeps foreign text from forming markup."""
    return re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), text)


def test_both_say_the_same():
    terminal, markdown = render_prices(report(), Screen(width=200)), plain(prices_to_markdown(report()))
    for part in SAID:
        assert part in terminal, part
        assert part in markdown, part


def test_a_budget_that_was_too_short_is_told_in_the_first_lines():
    missing = [
        SwitchPrice(name=name, value=1, status="not-run", reason="the budget ended before its first run")
        for name in ("torch.num_threads", "numpy.seed")
    ]
    short = report(switches=missing, stopped="budget", rounds=1, intervals=0, run_s=15.04, budget_s=60, runs=[])
    shown = " ".join(render_prices(short, Screen(width=200)).split())
    assert "2 of 2 switches concern this script, 2 of them not run; target bitwise reached" in shown
    assert "0 runs in 1 round, 61 s: the budget ended (of 60 s; a run typically takes 15 s)" in shown
    assert "too few rounds for any interval" in shown
    assert "hold together" not in shown


@pytest.mark.parametrize(("number", "said"), [(1, "the interval holds with 95%"), (2, "all 2 hold together with 95%")])
def test_how_sure_the_intervals_are(number, said):
    assert said in render_prices(report(intervals=number), Screen(width=200))


def test_the_policy_stands_as_it_is_to_be_pasted():
    assert '  "torch.deterministic_algorithms" = "warn"\n' in render_prices(report())
    assert (
        '```toml\n[tool.reprokit.policy.priced]\n"torch.deterministic_algorithms" = "warn"\n```'
        in prices_to_markdown(report())
    )


def test_narrow_terminals_keep_every_column():
    shown = render_prices(report(), Screen(width=80))
    assert "with the record" in " ".join(shown.split())
    assert "+20.0 % (+10.0 to +30.0)" in shown
    assert all(len(line) <= 80 for line in shown.splitlines() if not line.startswith("  "))


def test_marks_of_the_answers():
    assert render_prices(report()).startswith("✓")
    assert render_prices(report(met=False)).startswith(
        "✗ 2 of 3 switches concern this script; target bitwise NOT reached"
    )
    assert render_prices(report(met=False, status="unverified")).startswith("?")
    assert "interrupted" in render_prices(report(stopped="interrupted"))
    assert prices_to_markdown(report(met=False)).startswith("## ❌")
    assert prices_to_markdown(report(stopped="interrupted")).startswith("## ❔")


def test_foreign_text_forms_neither_markup_nor_escapes():
    assert "\x1b" not in render_prices(report())
    shown = prices_to_markdown(report())
    assert "<img" not in shown
    assert "@admin" not in shown
    assert "\x1b" not in shown


def test_the_document_is_read_back():
    document = report()
    assert PriceReport.parse(document.canonical(), "it") == document
