import itertools
import json
import re
import xml.etree.ElementTree as ET

import pytest

from reprokit.digest import sha256_bytes
from reprokit.errors import CorruptBundleError
from reprokit.report import badge_endpoint, badge_svg, badge_text, check_badge, render, verdict_digest
from reprokit.report.badge import _COLOURS, _LABEL_COLOUR
from reprokit.report.font import text_width
from reprokit.schema.verdict import OutputVerdict, TraceVerdict, Verdict

SVG = "{http://www.w3.org/2000/svg}"


def test_the_text_states_tier_and_scope(differing, equal):
    assert badge_text(equal()) == ("bitwise", "bitwise · 3 runs · x86-64 AVX-512")
    assert badge_text(differing())[1] == "re-runnable · 2 runs · x86-64 AVX-512"
    assert badge_text(equal(scope={}, runs=equal().runs[:1]))[1] == "bitwise · 1 run"
    assert badge_text(equal(other="sha256:1"))[1] == "bitwise · comparison · x86-64 AVX-512"


def test_an_unverified_verdict_makes_a_grey_badge_that_says_so(differing):
    verdict = differing(status="unverified")
    assert badge_text(verdict) == ("unverified", "unverified")
    assert badge_endpoint(verdict)["color"] == "#57606a"
    assert "re-runnable" not in badge_svg(verdict)


@pytest.mark.parametrize(
    "lie",
    [
        {"runs": []},
        {"status": "unverified"},
        {"outputs": [OutputVerdict(path="a", equal=False, method="bytes")]},
        {"traces": [TraceVerdict(stream="a", steps_recorded=1, steps_replayed=1, steps_compared=1, tensors_compared=1,
                                 equal=False)]},
        {"tier": "metric-close"},
    ],
)  # fmt: skip
def test_a_verdict_that_contradicts_itself_makes_no_badge(equal, lie):
    with pytest.raises(CorruptBundleError) as raised:
        badge_svg(equal(**lie))
    assert raised.value.code == "RPK027"


def test_a_tier_above_its_runs_makes_no_badge(differing):
    with pytest.raises(CorruptBundleError):
        badge_text(differing(tier="bitwise", outputs=[], traces=[]))


def test_the_svg_is_accessible_and_refers_to_nothing_outside(equal):
    root = ET.fromstring(badge_svg(equal()))
    assert root.tag == SVG + "svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.find(SVG + "title").text == "reprokit: bitwise · 3 runs · x86-64 AVX-512"
    assert "prefers-color-scheme: dark" in root.find(SVG + "style").text
    assert root.find(SVG + "metadata").text == verdict_digest(equal())
    text = badge_svg(equal()).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"href|http|url\((?!#)|@import|<script|<foreignObject", text)


def test_the_digest_is_of_the_canonical_verdict(equal):
    assert verdict_digest(equal()) == sha256_bytes(equal().canonical())


def test_text_never_overflows_in_a_real_font(equal, differing):
    pil = pytest.importorskip("PIL.ImageFont", reason="Pillow is needed to measure text in a real font")
    try:
        font = pil.truetype("DejaVuSans.ttf", 110)  # ten times the size, so that hinting does not round
    except OSError:
        pytest.skip("the font DejaVu Sans is needed to measure text")
    for verdict in (equal(), differing(), equal(scope={"machine": "WWWWmmmm@@%% iiii llll ~{}"})):
        svg = ET.fromstring(badge_svg(verdict))
        for text, room in zip(svg.findall(SVG + "text"), _rooms(svg), strict=True):
            assert font.getlength(text.text) / 10 <= float(text.get("textLength")) + 0.05
            assert float(text.get("textLength")) + 11.9 <= room


def _rooms(svg):
    rectangles = svg.find(SVG + "g").findall(SVG + "rect")
    return [float(rectangle.get("width")) for rectangle in rectangles]


def test_widths_of_known_texts():
    assert text_width("0000", 10) == pytest.approx(4 * 6.37, abs=0.02)
    assert text_width("日", 11) == 11
    assert text_width("", 11) == 0


@pytest.mark.parametrize("colour", [*_COLOURS.values(), _LABEL_COLOUR])
def test_white_text_has_contrast(colour):
    """WCAG 2.2: relative luminance, and at least 4.5 to 1 for text."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 4.5


def test_hostile_machines_stay_text(equal):
    for machine in ('"><script>alert(1)</script>', "a\x00b\x1b[0m", "]]>&lt;", "\ufffe\ufdd0", "m" * 10_000, "日本"):
        verdict = equal(scope={"machine": machine})
        svg = badge_svg(verdict)
        ET.fromstring(svg)
        assert "<script" not in svg
        assert float(re.search(r'width="([\d.]+)"', svg)[1]) < 900


def test_text_without_a_utf_8_form_is_our_error(equal):
    verdict = equal(reason="\udcff")
    with pytest.raises(CorruptBundleError):
        badge_svg(verdict)
    assert not check_badge("<svg/>", verdict)


def test_the_endpoint_has_only_keys_that_shields_knows(equal):
    """The keys of badges/shields services/endpoint-common.js, which refuses all others."""
    known = {"schemaVersion", "label", "message", "color", "labelColor", "isError", "namedLogo", "logoSvg", "logoColor",
             "logoWidth", "logoPosition", "style", "cacheSeconds"}  # fmt: skip
    endpoint = badge_endpoint(equal())
    assert set(endpoint) <= known
    assert endpoint["schemaVersion"] == 1
    assert endpoint["message"]
    assert ET.fromstring(endpoint["logoSvg"]).find(SVG + "metadata").text == verdict_digest(equal())


def test_a_badge_checks_against_its_own_verdict_only(equal, differing):
    verdicts = [equal(), differing(), differing(status="unverified"), equal(runs=equal().runs[:2])]
    for one, two in itertools.product(verdicts, verdicts):
        assert check_badge(badge_svg(one), two) is (one == two)
        assert check_badge(render(one, "badge-endpoint"), two) is (one == two)
        assert check_badge(badge_endpoint(one), two) is (one == two)


def test_any_change_to_a_badge_is_noticed(differing):
    verdict = differing()
    svg, endpoint = badge_svg(verdict), badge_endpoint(verdict)
    forged = svg.replace("re-runnable", "bitwise")
    overlaid = svg.replace("</svg>", '<text x="1">bitwise</text></svg>')
    for bad in (forged, overlaid, svg[:-9], "", "{", "[]", "{}", "null", "<svg/>", "{" * 100_000):
        assert not check_badge(bad, verdict), bad[:50]
    assert not check_badge({**endpoint, "message": "bitwise"}, verdict)
    assert not check_badge({**endpoint, "isError": True}, verdict)
    assert check_badge("\ufeff" + svg.replace("\n", "\r\n") + "\n", verdict)


def test_a_badge_survives_the_way_through_json(differing):
    again = Verdict.parse(json.dumps(differing().to_json()).encode(), "the verdict")
    assert check_badge(badge_svg(differing()), again)
