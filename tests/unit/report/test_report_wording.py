import pytest

from reprokit.report.wording import clean, divergence_sentence, relative_text, value_pair
from reprokit.schema.verdict import Divergence, MetricVerdict


def mark(text):
    return f"`{clean(text)}`"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"step": 17, "part": "parameters", "tensor": "fc1.weight", "cause": "update"},
         "steps 1-16 equal; step 17: parameters of `fc1.weight` differ (update)"),
        ({"step": 17, "part": "parameters", "tensor": "w", "recorded": 0.5, "replayed": 0.5},
         "steps 1-16 equal; step 17: parameters of `w` differ: loss recorded 0.5, replayed 0.5 as well"),
        ({"step": 1, "part": "batch", "cause": "data order"}, "step 1: the batch differs (data order)"),
        ({"step": 2, "part": "rng", "stream": "rank1"},
         "step 1 equal; step 2: the state of the random generators differs in `rank1`"),
        ({"step": 9, "part": "loss", "after_step": 5, "recorded": 0.5, "replayed": 0.25},
         "steps 1-5 equal; steps 6-8 not digested; step 9: the loss differs: recorded 0.5, replayed 0.25"),
        ({"step": 3, "part": "gradients", "after_step": 0, "tensors": ["a", "b", "c"], "op": "aten::mm"},
         "steps 1-2 not digested; step 3: gradients of `a` and of 2 more tensors differ at operation `aten::mm`"),
        ({"step": None, "part": "steps", "recorded": 20, "replayed": 19, "run": 2},
         "the number of steps differs, first in replay 2: recorded 20, replayed 19"),
        ({"step": 4, "part": "a\x1bb", "after_step": 99, "detail": "x"}, r"steps 1-3 equal; step 4: a\x1bb differs; x"),
    ],
)  # fmt: skip
def test_where_it_diverges(fields, sentence):
    assert divergence_sentence(Divergence(**fields), mark) == sentence


def test_clean_spells_out_what_cannot_be_seen():
    assert clean("a\tb\r\nc") == "a b c"
    assert clean("\x1b[2J\u200b\u202e\udcff\U000e0001") == r"\x1b[2J\u200b\u202e\xff\U000e0001"
    assert clean("x" * 400) == "x" * 299 + "…"
    assert clean("日本 é") == "日本 é"


def test_values_get_as_many_digits_as_they_need():
    assert value_pair(0.1, 0.25) == ("0.1", "0.25")
    assert value_pair(0.1, 0.1 + 1e-16) == ("0.1", "0.1000000000000001")
    assert value_pair(0.1, 0.1) == ("0.1", "0.1")
    assert value_pair(None, "NaN") == ("-", "NaN")


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        (1.0, 1.1, "0.091"),
        (0.0, 1.0, "1"),
        (float("nan"), 1.0, "-"),
        ("NaN", 1.0, "-"),
        (None, 1.0, "-"),
        (float("inf"), 1.0, "-"),
    ],
)
def test_relative_differences_as_text(a, b, text):
    assert relative_text(MetricVerdict(name="m", recorded=a, replayed=b, close=False, rule="")) == text
