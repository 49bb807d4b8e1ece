"""What the reports of a test session share: one finding's sentence, and text that is cut to a size in bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.digest import sha256_bytes
from reprokit.report.wording import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.schema.session import ItemOutcome

_LONGEST = 1000


def sentence(item: ItemOutcome) -> str:
    """A failure in one line: what was asked, what was reached, where it parts."""
    if item.status == "unverified":
        answer = "unverified: nothing could be established"
    elif item.tier is not None and item.target is not None:
        answer = f"{item.tier}, target {item.target} NOT met"
    else:
        answer = "failed"
    parts = [answer, item.reason, item.divergence]
    return clean(". ".join(part.rstrip(".") for part in parts if part), _LONGEST)


def rule_of(item: ItemOutcome) -> str:
    """The code under which a finding is filed; RPK093 for a verdict below its target."""
    return item.code or "RPK093"


def place_of(item: ItemOutcome) -> tuple[str, int]:
    """File and line of a finding; line 1 for a bundle, which has no lines."""
    return item.file or item.nodeid.partition("::")[0], item.line or 1


def identity(item: ItemOutcome) -> str:
    """A stable name of a finding: the same test failing for the same reason has the same one in the next session."""
    return sha256_bytes(f"{item.nodeid}\0{rule_of(item)}".encode("utf-8", "replace")).removeprefix("sha256:")


def bounded(blocks: Sequence[str], limit: int, left_out: str) -> str:
    """Joins blocks by empty lines, and leaves out whole ones where the limit is reached.

    Args:
        blocks: pieces of text, the important ones first.
        limit: bytes of UTF-8 that the result may have.
        left_out: a sentence with ``{}`` for the number of blocks that were left out.
    """
    kept: list[str] = []
    room = limit - len(left_out.encode()) - 16
    for index, block in enumerate(blocks):
        room -= len(block.encode("utf-8", "replace")) + 2
        if room < 0:
            kept.append(left_out.format(len(blocks) - index))
            break
        kept.append(block)
    return "\n\n".join(kept) + "\n"
