"""Any path, argument or value goes into a manifest and comes back the same."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit.launch.texts import raw_of, text_of


@given(st.binary().map(os.fsdecode))
def test_what_the_system_gives_comes_back(raw):
    text = text_of(raw)
    assert raw_of(text) == raw
    json.dumps(text, ensure_ascii=False).encode()  # JSON can say it


@given(st.text(alphabet="\\xa1f\udcff"), st.text(alphabet="\\xa1f\udcff"))
def test_different_texts_stay_different(one, other):
    assert (text_of(one) == text_of(other)) == (one == other)


@pytest.mark.parametrize("plain", ["a\\d+", "--pattern=\\w", "C:\\temp", "\\"])
def test_a_backslash_stays_readable(plain):
    assert text_of(plain) == plain


def test_a_text_that_was_never_written_is_refused():
    with pytest.raises(ValueError, match="escaped"):
        raw_of("\\x41")
