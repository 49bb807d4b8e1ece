"""A price list as a person reads it: for a terminal, and as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.errors.counting import counted
from reprokit.report.markdown import code, escaped
from reprokit.report.screen import Page, Screen
from reprokit.report.wording import clean
from reprokit.schema.tiers import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reprokit.schema.price import Held, PriceReport, SetPrice, SwitchPrice, TierPrice

_WARNINGS = 10
_DEFAULT_SCREEN = Screen()
_STOPPED = {
    "rounds": "all rounds were run",
    "precise": "stopped early: every interval is narrow enough",
    "budget": "the budget ended",
    "interrupted": "interrupted; this is what was known by then",
}


def render_prices(report: PriceReport, screen: Screen = _DEFAULT_SCREEN) -> str:
    """Renders a price list as text ending in a newline."""
    page = Page(screen)
    unsure = report.status is Status.UNVERIFIED or report.stopped == "interrupted"
    mark, style = ("?", "unsure") if unsure else ("✓", "good") if report.met else ("✗", "bad")
    page.line(f"{mark} {headline(report)}", style)
    page.line("")
    page.fields([("bundle", report.bundle), *basis(report)])
    page.title("What each switch costs, alone")
    page.table(("switch*", "cost", "replays agree*", "with the record*"), price_rows(report))
    for name, reason in troubles(report):
        page.line(f"{name}: {reason}", indent=2)
    page.title("The cheapest set for each tier")
    for row in report.tiers:
        page.line(tier_sentence(row), indent=2)
    if report.recommended:
        page.title("To paste into pyproject.toml")
        for line in report.recommended.splitlines():
            page.command(line)
    _rest(page, report)
    return page.render()


def _rest(page: Page, report: PriceReport) -> None:
    passed_over = [row for row in report.switches if row.status == "does-not-apply"]
    if passed_over:
        page.title("Does not apply")
        for reason, names in _by_reason(passed_over):
            page.line(f"{reason}: {', '.join(names)}", indent=2)
    page.title("Holds for")
    page.fields(scope_pairs(report))
    if report.warnings:
        page.title("Warnings")
        for notice in report.warnings[:_WARNINGS]:
            page.line(f"{notice.code} {notice.message}", indent=2)


def prices_to_markdown(report: PriceReport) -> str:
    """Renders a price list as GitHub-flavoured Markdown; foreign text cannot form markup."""
    unsure = report.status is Status.UNVERIFIED or report.stopped == "interrupted"
    mark = "❔" if unsure else "✅" if report.met else "❌"
    blocks = [f"## {mark} reprokit price: {escaped(headline(report))}"]
    blocks.append("\n".join(f"- {label}: {escaped(text, 600)}" for label, text in basis(report)))
    blocks.append("### What each switch costs, alone")
    blocks.append(_table(("switch", "cost", "replays agree", "with the record"), price_rows(report)))
    blocks += [f"- {code(name)}: {escaped(reason, 600)}" for name, reason in troubles(report)]
    blocks.append("### The cheapest set for each tier")
    blocks.append("\n".join(f"- {escaped(tier_sentence(row), 600)}" for row in report.tiers))
    if report.recommended:
        blocks.append(f"```toml\n{report.recommended}```")
    passed_over = [row for row in report.switches if row.status == "does-not-apply"]
    lines = [
        f"- does not apply ({escaped(reason)}): {', '.join(map(code, names))}"
        for reason, names in _by_reason(passed_over)
    ]
    lines += [f"- {label}: {escaped(text)}" for label, text in scope_pairs(report)]
    lines += [f"- {escaped(notice.code)}: {escaped(notice.message)}" for notice in report.warnings[:_WARNINGS]]
    blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def headline(report: PriceReport) -> str:
    """How many switches were priced, and whether the target was reached."""
    tried = [row for row in report.switches if row.status != "does-not-apply"]
    text = f"{len(tried)} of {len(report.switches)} switches concern this script"
    missing = sum(row.status == "not-run" for row in tried)
    if missing:
        text += f", {missing} of them not run"
    if report.target is None:
        return text if report.status is Status.VERIFIED else f"{text}; not all could be priced"
    if report.status is Status.UNVERIFIED:
        return f"{text}; target {report.target}: UNVERIFIED"
    return f"{text}; target {report.target} {'reached' if report.met else 'NOT reached by any set'}"


def basis(report: PriceReport) -> list[tuple[str, str]]:
    """What the list rests on."""
    runs = f"{counted(len(report.runs), 'run')} in {counted(report.rounds, 'round')}, {report.elapsed_s:.0f} s"
    runs += f": {_STOPPED[report.stopped]}"
    if report.stopped == "budget" and report.run_s is not None:
        runs += f" (of {report.budget_s:g} s; a run typically takes {report.run_s:.3g} s)"
    what = f"training, first step to last ({report.steps} steps)" if report.measure == "training" else "whole process"
    spread = "" if report.baseline_spread is None else f", ±{report.baseline_spread:.1%} from round to round"
    seconds = "not measured" if report.baseline_s is None else f"{report.baseline_s:.3g} s{spread}; measured: {what}"
    return [("based on", f"{runs}; {_certainty(report)}"), ("baseline", seconds), ("policy", report.policy),
            ("order", f"seed {report.order_seed}; each round runs every set once")]  # fmt: skip


def _certainty(report: PriceReport) -> str:
    sure = f"{report.confidence:.0%} confidence"
    sets = [row.price for row in report.switches] + [report.together, *report.others]
    if not any(price is not None and (price.training or price.process) for price in sets):
        return "too few rounds for any interval"
    if report.intervals < 2:
        return f"the interval holds with {sure}"
    return f"intervals: all {report.intervals} hold together with {sure}"


def price_rows(report: PriceReport) -> list[tuple[str, ...]]:
    """A row for each switch that was tried, and one for the policy as a whole; the first is the baseline."""
    rows: list[tuple[str, ...]] = []
    if report.baseline is not None:
        rows.append(("no switch", "baseline", *_answers(report.baseline)))
    rows += [
        (f"{row.name}={_value(row.value)}", _cost_of(row, report.measure), *_answers(row.price))
        for row in report.switches
        if row.status != "does-not-apply"
    ]
    if report.together is not None and len(report.together.switches) > 1:
        name = f"together, {len(report.together.switches)} of the policy"
        rows.append((name, _text(report.together, report.measure), *_answers(report.together)))
    return rows


def troubles(report: PriceReport) -> list[tuple[str, str]]:
    """Switches that could not be priced, and why."""
    words = {"failed": "the script failed", "not-in-force": "was not in force", "not-run": "was not run"}
    found = [(row.name, f"{words[row.status]}: {row.reason}") for row in report.switches if row.status in words]
    for name, price in (("no switch", report.baseline), ("together", report.together)):
        if price is not None and price.failed:
            found.append((name, f"the script failed: {price.failed}"))
    return found


def tier_sentence(row: TierPrice) -> str:
    """What is claimed of one tier."""
    whom = "between replays" if row.against == "replays" else "with the record"
    if row.switches is None:
        answer = "UNVERIFIED" if row.status is Status.UNVERIFIED else "not reached"
        return f"{row.tier} {whom}: {answer}; {row.reason}"
    chosen = " + ".join(f"{name}={_value(value)}" for name, value in row.switches.items()) or "no switch is needed"
    cost = row.price and (row.price.training or row.price.process)
    price = f", cost {cost.text}" if cost else ""
    return f"{row.tier} {whom}: {chosen}{price}; {row.reason}"


def scope_pairs(report: PriceReport) -> list[tuple[str, str]]:
    """Where the prices hold."""
    scope = report.scope
    differs = (scope.get("fingerprint") or {}).get("differences") or []
    load = " ".join(str(one) for one in scope.get("load", ()))
    pairs = [("machine", str(scope.get("machine", ""))), ("load average", load)]
    return pairs + [("differs from the record", text) for text in differs]


def _cost_of(row: SwitchPrice, measure: str) -> str:
    if row.status == "priced" and row.price is not None:
        return _text(row.price, measure)
    return {"failed": "the script fails", "not-in-force": "not in force"}.get(row.status, "not run")


def _text(price: SetPrice, measure: str) -> str:
    cost = price.training if measure == "training" else price.process
    return cost.text if cost is not None else "too few rounds"


def _answers(price: SetPrice | None) -> tuple[str, str]:
    return (_held(price.between), _held(price.record)) if price is not None else ("-", "-")


def _held(held: Held | None) -> str:
    if held is None:
        return "-"
    agreed = f"bitwise {held.runs - held.apart}/{held.runs}"
    return f"{held.tier}, {agreed}" if held.apart else agreed


def _value(value: Any) -> str:
    return clean(str(value).lower() if isinstance(value, bool) else value, 40)


def _by_reason(rows: Iterable[SwitchPrice]) -> Iterable[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.reason, []).append(row.name)
    return found.items()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(escaped(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
