import json

import pytest

from reprokit.errors import UsageError
from reprokit.report import FORMATS, format_names, render
from reprokit.schema.verdict import Verdict


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_renders_every_verdict(name, differing, equal):
    for verdict in (differing(), equal(), differing(status="unverified")):
        text = render(verdict, name)
        assert text.endswith("\n")
        assert text != render(differing(tier="none", runs=[]), name)


def test_json_is_the_document_itself(differing):
    assert Verdict.parse(render(differing(), "json").encode(), "v") == differing()
    assert json.loads(render(differing(), "json"))["schema"] == "reprokit.verdict/1"


def test_an_unknown_format_names_the_known_ones(differing):
    with pytest.raises(UsageError) as raised:
        render(differing(), "pdf")
    assert raised.value.code == "RPK001"
    assert "markdown" in raised.value.hint


def test_renderers_of_other_packages_are_found(differing, tmp_path, monkeypatch):
    information = tmp_path / "shouting-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[reprokit.renderers]\nshout = shouting_renderer:shout\n")
    (tmp_path / "shouting_renderer.py").write_text("def shout(verdict):\n    return verdict.tier.upper()\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "shout" in format_names()
    assert render(differing(), "shout") == "RE-RUNNABLE"
