import pytest

from reprokit.compare.metrics import is_measurement, is_metric_file
from reprokit.compare.metrics.names import is_quality, words

MEASUREMENTS = [
    "time", "seconds", "elapsed", "train_runtime", "eval_samples_per_second", "it/s", "tokens/sec", "memory_mb",
    "peak_memory", "loss_time", "loss_time_seconds", "timestamp", "startDate", "host.name", "pid", "output_path", "mfu",
    "gpu_util", "forward_ms", "run_id", "speed", "step_time_avg", "time_total", "wallClock", "ETA",
]  # fmt: skip
METRICS = [
    "loss", "val_loss", "accuracy", "f1", "timesteps", "time_steps", "total_timesteps", "time_series_loss",
    "memory_bank_loss", "duration_loss", "speed_mae", "precision@5", "top1_acc", "loss_mean", "estimated",
    "update_ratio",    "portfolio",
    "best_val_loss_epoch", "step", "epoch", "lr", "num_parameters", "path_length", "mAP", "confusion.0.1",
]  # fmt: skip


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_name_that_times_or_sizes_the_machine_does_not_decide(name):
    assert is_measurement(name)


@pytest.mark.parametrize("name", METRICS)
def test_a_name_that_judges_the_model_decides(name):
    assert not is_measurement(name)


def test_words_split_at_punctuation_and_case():
    assert words("evalLoss/step_1") == ["eval", "loss", "step", "1"]
    assert words("valF1.macro") == ["val", "f1", "macro"]


@pytest.mark.parametrize("name", ["val_loss", "Top-1 accuracy", "R2", "mAP@0.5", "loss_mean"])
def test_quality(name):
    assert is_quality(name)


@pytest.mark.parametrize("name", ["seed", "port", "", "lossy", "batch", "loss_time"])
def test_no_quality(name):
    assert not is_quality(name)


@pytest.mark.parametrize(
    "path",
    ["metrics.json", "out/eval_results.json", "trainer_state.json", "log-2024.jsonl", "training_log.csv", "Log1.json",
     "scores.tsv", "a/b/history.ndjson"],
)  # fmt: skip
def test_metric_files(path):
    assert is_metric_file(path)


@pytest.mark.parametrize(
    "path", ["config.json", "catalog.csv", "model.pt", "results.txt", "metrics", "logs/config.json", "blog.json"]
)
def test_other_files(path):
    assert not is_metric_file(path)


def test_a_pattern_names_any_file():
    assert is_metric_file("out/final.txt", ["*.txt"])
    assert is_metric_file("out/final.txt", ["out/*"])
    assert not is_metric_file("out/final.txt", ["in/*"])
