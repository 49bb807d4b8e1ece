"""Every rule of `reprokit lint`: what it must find (`found.txt`), and near misses that it must leave alone
(`clean.txt`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.lint import RULES, lint_text

HERE = Path(__file__).parent
VERSIONS = {"torch": "2.13", "tensorflow": "2.21"}


def programs(name: str) -> list[tuple[str, str]]:
    """The programs of a file: what follows `===`, and the text below it."""
    blocks = (HERE / name).read_text().split("===")[1:]
    return [(head.strip(), text) for head, _, text in (block.partition("\n") for block in blocks)]


FOUND = programs("found.txt")


@pytest.mark.parametrize(("code", "text"), [pytest.param(*one, id=f"{one[0]}-{n}") for n, one in enumerate(FOUND)])
def test_what_a_rule_finds(code: str, text: str) -> None:
    assert code in [found.code for found in lint_text(text, versions=VERSIONS).findings]


@pytest.mark.parametrize(
    "text", [pytest.param(text, id=str(n)) for n, (_head, text) in enumerate(programs("clean.txt"))]
)
def test_near_misses_are_left_alone(text: str) -> None:
    found = lint_text(text, versions=VERSIONS).findings
    assert [f"{one.code} {one.line} {one.message}" for one in found] == []


def test_every_rule_is_tried() -> None:
    assert {code for code, _text in FOUND} | {"RPL091"} == set(RULES)
