"""A badge of a verdict: an SVG that needs no network, and the JSON that shields.io reads.

Only a verdict makes a badge, and both forms carry the sha256 of its canonical JSON, so anyone with the verdict can
check that the badge speaks of it.
"""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from reprokit.digest import sha256_bytes
from reprokit.errors import CorruptBundleError
from reprokit.report.font import text_width
from reprokit.report.wording import clean, text_of
from reprokit.schema.tiers import Status, Tier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.schema.verdict import Verdict

_LABEL = "reprokit"
_FONT_SIZE, _HEIGHT, _MARGIN = 11, 20, 6
_LONGEST_MACHINE = 48
_LONGEST_BADGE = 1 << 16
_LABEL_COLOUR = "#24292f"
# White text on each has a contrast of at least 4.5:1 (WCAG 2.2, success criterion 1.4.3).
_COLOURS = {
    "bitwise": "#1a7f37",
    "metric-close": "#0969da",
    "re-runnable": "#9a6700",
    "none": "#cf222e",
    "unverified": "#57606a",
}
# Strokes of the logo: two equal bars, the second one dashed.
_LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><metadata>{digest}</metadata>'
    '<path fill="none" stroke="#fff" stroke-width="3" d="M2 5h12M2 11h5M9 11h5"/></svg>'
)


def badge_text(verdict: Verdict) -> tuple[str, str]:
    """What a badge says.

    Returns:
        Its kind, a tier or ``unverified``, and its message: ``bitwise · 3 runs · x86-64 AVX-512``.

    Raises:
        CorruptBundleError: RPK027, the verdict claims more than its own runs show.
    """
    _check(verdict)
    if verdict.status is Status.UNVERIFIED or not verdict.runs:
        return "unverified", "unverified"
    count = len(verdict.runs)
    basis = "comparison" if verdict.other is not None else f"{count} run{'' if count == 1 else 's'}"
    machine = clean(text_of(verdict.scope.get("machine")), _LONGEST_MACHINE)
    parts = [str(verdict.tier), basis, machine.encode("ascii", "replace").decode()]
    return str(verdict.tier), " · ".join(part for part in parts if part)


def badge_svg(verdict: Verdict) -> str:
    """The badge as an SVG image of 20 pixels height.

    It refers to nothing outside, follows the reader's light or dark scheme, names itself to screen readers, and holds
    the verdict's digest in its ``metadata`` element.

    Raises:
        CorruptBundleError: RPK027, the verdict claims more than its own runs show.
    """
    kind, message = badge_text(verdict)
    left, right = (text_width(text, _FONT_SIZE) for text in (_LABEL, message))
    split = left + 2 * _MARGIN
    width = split + right + 2 * _MARGIN
    title = escape(f"{_LABEL}: {message}", {'"': "&quot;"})
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width:.1f}" height="{_HEIGHT}" \
viewBox="0 0 {width:.1f} {_HEIGHT}" role="img" aria-label="{title}">
<title>{title}</title>
<metadata>{verdict_digest(verdict)}</metadata>
<style>
.edge {{ fill: none; stroke: none }}
text {{ fill: #fff; font: {_FONT_SIZE}px Verdana, "DejaVu Sans", Geneva, sans-serif }}
@media (prefers-color-scheme: dark) {{ .edge {{ stroke: #8b949e }} }}
</style>
<clipPath id="round"><rect width="{width:.1f}" height="{_HEIGHT}" rx="3"/></clipPath>
<g clip-path="url(#round)">
<rect width="{split:.1f}" height="{_HEIGHT}" fill="{_LABEL_COLOUR}"/>
<rect x="{split:.1f}" width="{width - split:.1f}" height="{_HEIGHT}" fill="{_COLOURS[kind]}"/>
</g>
<rect class="edge" x="0.5" y="0.5" width="{width - 1:.1f}" height="{_HEIGHT - 1}" rx="2.5"/>
<text x="{_MARGIN}" y="14" textLength="{left:.1f}" lengthAdjust="spacingAndGlyphs">{_LABEL}</text>
<text x="{split + _MARGIN:.1f}" y="14" textLength="{right:.1f}" lengthAdjust="spacingAndGlyphs">{escape(message)}</text>
</svg>
"""


def badge_endpoint(verdict: Verdict) -> dict[str, Any]:
    """The badge as shields.io's endpoint JSON, ``schemaVersion`` 1 (https://shields.io/badges/endpoint-badge).

    Shields refuses keys that its schema does not know (services/endpoint-common.js, ``allowAndStripUnknownKeys:
    false``), so the verdict's digest stands in the ``metadata`` element of the logo, which is ours to draw.

    Raises:
        CorruptBundleError: RPK027, the verdict claims more than its own runs show.
    """
    kind, message = badge_text(verdict)
    return {
        "schemaVersion": 1,
        "label": _LABEL,
        "message": message,
        "color": _COLOURS[kind],
        "labelColor": _LABEL_COLOUR,
        "logoSvg": _LOGO.format(digest=verdict_digest(verdict)),
    }


def verdict_digest(verdict: Verdict) -> str:
    """The sha256 of the verdict's canonical JSON (RFC 8785), as ``sha256:HEX``.

    Raises:
        CorruptBundleError: RPK027, the verdict holds text that has no UTF-8 form and so no canonical JSON.
    """
    try:
        return sha256_bytes(verdict.canonical())
    except ValueError as error:  # rfc8785.CanonicalizationError
        raise CorruptBundleError("RPK027", f"the verdict has no canonical JSON: {error}") from None


def carried_digest(badge: str) -> str:
    """The digest of a verdict that a badge carries, as ``sha256:HEX``; the rest of the badge is not looked at.

    Raises:
        CorruptBundleError: RPK090, it is neither a whole SVG nor whole endpoint JSON, or carries no digest.
    """
    text = badge.strip("\ufeff \t\r\n")
    if len(text) > _LONGEST_BADGE:
        raise CorruptBundleError("RPK090", f"{len(text)} characters are no badge, which has at most {_LONGEST_BADGE}")
    if text.startswith("{"):
        try:
            drawing = json.loads(text)["logoSvg"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CorruptBundleError("RPK090", f"it is no endpoint JSON with a logo of ours: {error!r}") from None
    else:
        drawing = text
    if not str(drawing).startswith("<svg ") or not str(drawing).endswith("</svg>"):
        raise CorruptBundleError("RPK090", "it is no whole SVG: it must begin with <svg and end with </svg>")
    found = re.findall(r"<metadata>(sha256:[0-9a-f]{64})</metadata>", str(drawing))
    if len(found) != 1:
        raise CorruptBundleError("RPK090", f"it carries {len(found)} digests of a verdict, and not one")
    return str(found[0])


def check_badge(badge: str | Mapping[str, Any], verdict: Verdict) -> bool:
    """Whether a badge is exactly the one that a verdict makes: its digest, its words and its colours.

    Comparing the whole badge leaves no room for another text laid over the true one.

    Args:
        badge: an SVG, endpoint JSON as text, or endpoint JSON parsed. Line ends and outer blanks do not matter.
        verdict: what the badge is said to show.

    Returns:
        False for anything else, also for a verdict that makes no badge.
    """
    try:
        if isinstance(badge, str) and not badge.lstrip("\ufeff \t\r\n").startswith("{"):
            return _same(badge, badge_svg(verdict))
        found = json.loads(badge.lstrip("\ufeff")) if isinstance(badge, str) else dict(badge)
        return bool(found == badge_endpoint(verdict))
    except (ValueError, RecursionError, CorruptBundleError):
        return False


def _same(found: str, made: str) -> bool:
    one, other = ("\n".join(text.lstrip("\ufeff").split("\r\n")).strip() for text in (found, made))
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _check(verdict: Verdict) -> None:
    """Refuses a document whose answer is not the one that its own runs give."""
    lowest = min((run.tier for run in verdict.runs), key=lambda tier: tier.rank, default=Tier.NONE)
    claims = {
        f"tier {verdict.tier} above its runs' {lowest}": verdict.tier.rank > lowest.rank,
        "a met target and status unverified": verdict.met and verdict.status is Status.UNVERIFIED,
        f"target {verdict.target} met by {verdict.tier}": verdict.met and not verdict.tier.reaches(verdict.target),
        "a met target without runs": verdict.met and not verdict.runs,
        "bitwise with a differing output": verdict.tier is Tier.BITWISE and not all(o.equal for o in verdict.outputs),
        "bitwise with a diverging trace": verdict.tier is Tier.BITWISE
        and not all(trace.equal for trace in verdict.traces),
    }
    broken = [claim for claim, holds in claims.items() if holds]
    if broken:
        raise CorruptBundleError("RPK027", f"the verdict contradicts itself: {broken[0]}")
