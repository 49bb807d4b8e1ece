"""Badges in a real browser, light and dark: the text fits and has contrast; and `badge --check` from outside."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.report.badge import badge_endpoint, badge_svg, badge_text
from reprokit.schema.verdict import RunVerdict, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine

_NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((found for name in _NAMES if (found := shutil.which(name))), "")
needs_browser = pytest.mark.skipif(not BROWSER, reason="no chromium is installed (apt-get install chromium)")
SCHEMES = {"light": 1, "dark": 0}  # blink::mojom::PreferredColorScheme

# What a browser says of each text: its own width without `textLength`, the room in its box, and the colours drawn.
MEASURE = """
const report = [];
for (const svg of document.querySelectorAll("svg")) {
  const boxes = [...svg.querySelectorAll("g rect")];
  [...svg.querySelectorAll("text")].forEach((text, index) => {
    const box = boxes[index].getBBox(), given = text.getBBox();
    text.removeAttribute("textLength");
    const own = text.getBBox();
    report.push({
      text: text.textContent, own: own.width, left: given.x - box.x, given: given.width,
      right: box.x + box.width - given.x - given.width, top: own.y - box.y,
      bottom: box.y + box.height - own.y - own.height, size: parseFloat(getComputedStyle(text).fontSize),
      colour: getComputedStyle(text).fill, ground: getComputedStyle(boxes[index]).fill,
      edge: getComputedStyle(svg.querySelector(".edge")).stroke,
    });
  });
}
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.title = "done";
document.body.innerHTML = "";
document.body.append(JSON.stringify({dark, report}));
"""


def verdict(tier: str = "bitwise", **changes: Any) -> Verdict:
    fields = {
        "bundle": "sha256:" + "ab" * 32, "tier": tier, "target": "re-runnable", "met": tier != "none",
        "status": "verified", "scope": {"machine": "x86-64 AVX-512"},
        "runs": [RunVerdict(number=i, exit_status=0, duration_s=1.0, tier=tier) for i in (1, 2, 3)], **changes,
    }  # fmt: skip
    return Verdict.model_validate(fields)


VERDICTS = [
    *(verdict(tier) for tier in ("bitwise", "metric-close", "re-runnable", "none")),
    verdict(status="unverified", met=False),
    verdict(scope={"machine": "WWWWWWWW mmmmmmmm @@@@@@@@ %%%%%%%%"}),
    verdict(scope={"machine": "iiiiiiii llllllll ........ ||||||||"}),
]


def measured(badges: list[str], scheme: str, tmp_path: Path) -> list[dict[str, Any]]:
    """What the browser measured of badges on a page."""
    page = tmp_path / f"{scheme}.html"
    page.write_text(
        "<!doctype html><meta charset=utf-8><meta name=color-scheme content='light dark'><title>waiting</title>"
        f"<body>{''.join(badges)}<script>{MEASURE}</script>",
        encoding="utf-8",
    )
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
         f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", "--virtual-time-budget=5000", "--dump-dom",
         page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    body = re.search(r"<body>(\{.*\})</body>", done.stdout, re.DOTALL)
    assert body is not None, done.stdout[:2000] + done.stderr[-2000:]
    found = json.loads(body[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert found["dark"] is (scheme == "dark"), "the browser does not show the scheme that was asked for"
    return list(found["report"])


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast of two ``rgb(r, g, b)``."""

    def luminance(colour: str) -> float:
        channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def faults(texts: list[dict[str, Any]]) -> list[str]:
    """What is wrong with measured texts: too wide for their box, squeezed, too small, or too faint."""
    wrong = []
    for one in texts:
        if min(one["left"], one["right"]) < 4 or min(one["top"], one["bottom"]) < 0:
            wrong.append(f"{one['text']}: leaves its box")
        if one["own"] > one["given"] + 0.5:
            wrong.append(f"{one['text']}: {one['own']:.1f} px are squeezed into {one['given']:.1f}")
        if one["given"] > 1.35 * one["own"]:
            wrong.append(f"{one['text']}: spread from {one['own']:.1f} to {one['given']:.1f} px")
        if one["size"] < 11:
            wrong.append(f"{one['text']}: {one['size']} px are too small")
        if contrast(one["colour"], one["ground"]) < 4.5:
            wrong.append(f"{one['text']}: contrast {contrast(one['colour'], one['ground']):.2f}")
    return wrong


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_badges_are_readable_in_a_browser(scheme: str, tmp_path: Path) -> None:
    texts = measured([badge_svg(one) for one in VERDICTS], scheme, tmp_path)
    assert [one["text"] for one in texts[1::2]] == [badge_text(one)[1] for one in VERDICTS]
    assert faults(texts) == []
    edges = {one["edge"] for one in texts}
    if scheme == "dark":  # the dark label must not melt into a dark page
        assert all(contrast(edge, "rgb(13, 17, 23)") >= 3 for edge in edges), edges
    else:
        assert edges == {"none"}


@needs_browser
@pytest.mark.slow
def test_an_unreadable_badge_is_noticed(tmp_path: Path) -> None:
    """The controls: a box that is too narrow, and a colour that is too light."""
    good = badge_svg(VERDICTS[0])
    room = float(re.findall(r'textLength="([\d.]+)"', good)[1])
    narrow = good.replace(f'textLength="{room:.1f}"', f'textLength="{room / 2:.1f}"')
    faint = good.replace("#1a7f37", "#7fd99a")
    assert narrow != good != faint
    found = faults(measured([narrow, faint], "light", tmp_path))
    assert any("squeezed" in one for one in found), found
    assert any("contrast" in one for one in found), found


@pytest.mark.parametrize("form", ["badge.svg", "badge.json"])
def test_check_recomputes_a_badge(form: str, tmp_path: Path, reprokit: CommandLine) -> None:
    (tmp_path / "verdict.json").write_text(json.dumps(verdict().to_json()))
    (tmp_path / "other.json").write_text(json.dumps(verdict("metric-close").to_json()))
    assert reprokit("badge", "verdict.json", "-o", form, cwd=tmp_path).status == 0
    assert reprokit("badge", "--check", form, "verdict.json", cwd=tmp_path).status == 0
    other = reprokit("badge", "--check", form, "other.json", cwd=tmp_path)
    assert (other.status, b"does NOT show" in other.stdout) == (1, True)
    badge = (tmp_path / form).read_text()
    (tmp_path / form).write_text(badge.replace("3 runs", "9 runs"))
    altered = reprokit("badge", "--check", form, "verdict.json", cwd=tmp_path)
    assert (altered.status, b"was altered" in altered.stdout) == (1, True), altered.text


CORRUPT = {
    "empty": "", "cut short": badge_svg(VERDICTS[0])[:-9], "no digest": "<svg ></svg>", "an image": "\x89PNG\r\n",
    "json of another kind": "{}", "a list": "[]", "deep": "{" * 50_000,
    "two digests": badge_svg(VERDICTS[0]).replace("</svg>", f"<metadata>sha256:{'0' * 64}</metadata></svg>"),
    "huge": badge_svg(VERDICTS[0]).replace("<title>", "<title>" + "x" * 100_000),
    "endpoint without a logo": json.dumps({**badge_endpoint(VERDICTS[0]), "logoSvg": 3}),
}  # fmt: skip


@pytest.mark.parametrize("name", CORRUPT)
def test_what_is_no_badge_is_a_corrupt_file(name: str, tmp_path: Path, reprokit: CommandLine) -> None:
    (tmp_path / "verdict.json").write_text(json.dumps(VERDICTS[0].to_json()))
    (tmp_path / "badge").write_text(CORRUPT[name])
    done = reprokit("badge", "--check", "badge", "verdict.json", "--json", cwd=tmp_path)
    assert (done.status, done.json["code"]) == (4, "RPK090"), done.text
