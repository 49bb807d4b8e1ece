import math
import time

import pytest

from reprokit.compare.metrics import compile_patterns, from_stdout
from reprokit.errors import UsageError


def found(text, *patterns, **options):
    return {metric.name: metric.value for metric in from_stdout(text, patterns, **options).metrics}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss: 0.123", {"loss": 0.123}),
        ("accuracy=0.98", {"accuracy": 0.98}),
        ("val_loss 1.2e-3", {"val_loss": 0.0012}),
        ("epoch 3: acc 97.2%", {"acc": 97.2}),
        ("Test set: Average loss: 0.0567, Accuracy: 9823/10000 (98%)", {"Average_loss": 0.0567, "Accuracy": 0.9823}),
        ("step 0: train loss 4.2874, val loss 4.2823", {"train_loss": 4.2874, "val_loss": 4.2823}),
        ("iter 0: loss 4.2652, time 24.2ms, mfu -100.00%", {"loss": 4.2652}),
        ("{'loss': 0.69, 'grad_norm': 1.5, 'epoch': 1.0}", {"loss": 0.69, "grad_norm": 1.5}),
        ("32/32 - 0s - 3ms/step - accuracy: 0.98 - val_loss: 0.2", {"accuracy": 0.98, "val_loss": 0.2}),
        ("accuracy                           0.98      1000", {"accuracy": 0.98}),
        ("Epoch 1 loss=tensor(0.5, grad_fn=<X>)", {"loss": 0.5}),
        ("loss=np.float32(0.1)", {"loss": 0.1}),
        ("\x1b[32mloss\x1b[0m: \x1b[1m7\x1b[m", {"loss": 7.0}),
        ("loss: 3\rloss: 2\rloss: 1, 35.2it/s", {"loss": 1.0}),
        ("The final accuracy is 0.91.", {"final_accuracy": 0.91}),
        ("Top-1 accuracy: 75.3", {"Top-1_accuracy": 75.3}),
        ("loss: -inf", {"loss": -math.inf}),
    ],
)
def test_what_scripts_print(text, expected):
    assert found(text) == expected


def test_nan_is_a_value():
    assert math.isnan(found("loss: nan")["loss"])
    assert found("loss: nancy") == {}


@pytest.mark.parametrize(
    "text",
    ["Port: 8080 seed=3 lr: 0.1", "3 errors 2 ok", "no losses 3", "elapsed: 3.2", "loss", "", "glossy: 3", "loss:"],
)
def test_what_is_no_metric(text):
    assert found(text) == {}


def test_the_last_occurrence_counts_and_the_series_is_kept():
    result = from_stdout("loss: 3\nloss: 2\nloss: 1\n")
    assert result.metrics[0].value == 1.0
    assert result.series == {"loss": (3.0, 2.0, 1.0)}
    assert result.metrics[0].source == "stdout"


def test_own_patterns_read_any_name_and_win():
    pattern = r"(?P<name>\w+) -> (?P<value>\S+)"
    assert found("elapsed -> 3.5\nwidth -> 7%\nx -> y", pattern) == {"elapsed": 3.5, "width": 7.0}
    assert found("loss: 1\nloss -> 2", pattern) == {"loss": 2.0}
    assert found("loss: 1", pattern, defaults=False) == {}


@pytest.mark.parametrize("pattern", ["(", r"(?P<value>\d+)", r"(?P<name>\w+)", r"\d", "a{99999999999}"])
def test_bad_patterns_are_usage_errors(pattern):
    with pytest.raises(UsageError) as raised:
        compile_patterns([pattern])
    assert raised.value.code == "RPK004"


@pytest.mark.parametrize(
    "unit",
    ["a", "a ", "test ", "1", "loss ", "loss'", "\x1b[", "\x1b]", " ", "train train train loss ", "loss: 1 ", "_./-@"],
)
def test_time_grows_linearly_on_any_line(unit):
    text = "loss" + unit * (400_000 // len(unit))
    started = time.process_time()
    from_stdout(text)
    assert time.process_time() - started < 3


def test_of_a_long_text_the_end_is_read(monkeypatch):
    from reprokit.compare.metrics import stdout

    monkeypatch.setattr(stdout, "MAX_CHARACTERS", 20)
    result = from_stdout("acc: 1\n" + " " * 30 + "loss: 2")
    assert [metric.name for metric in result.metrics] == ["loss"]
    assert "only its end" in result.notes[0]
