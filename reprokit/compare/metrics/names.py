"""What a name says: whether a file holds metrics, and whether a number is one or only times and sizes the machine.

A duration, a throughput or a process id differs in every run, so it says nothing about reproducibility. Names are read
word by word, as English compounds: the *last* word is what the number is. ``loss_time`` is a time, ``time_series_loss``
is a loss, ``timesteps`` is a count.
"""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What models are judged by. As the last word of a name they make it a metric, whatever stands before.
QUALITIES = _vocabulary(
    """
    acc accuracy accuracies auc auprc auroc ap map ar bleu brier bpb bpc bpd cer chrf correct correlation cost
    dice divergence elbo entropy er err error errors f1 fbeta fid fpr fnr gini hit hits iou jaccard kappa kl
    lift likelihood logloss loglik loglikelihood logprob loss losses mae mape mcc miou mrr mse msle ndcg nll
    norm objective pearson perplexity ppl precision prec psnr r2 recall regret return reward rewards rmse rmsle
    rouge score scores sensitivity spearman specificity ssim tpr tnr top1 top5 wer
    """
)

# Words behind the head noun that do not change what the number is: `loss_mean`, `time_total`, `memory_mb`.
_TRAILING = _vocabulary(
    """
    avg average mean median std var min max best last final total sum count ema epoch value val micro macro
    weighted at kb kib mb mib gb gib bytes h hr hrs hours minutes mins s sec secs second seconds ms msec us usec
    ns
    """
)

# Units of time and size: as the last word they make a name a measurement of the machine even without another clue.
_UNITS = _vocabulary("kib mb mib gb gib sec secs seconds minutes mins hours hrs ms msec us usec ns")

_MEASUREMENTS = _vocabulary(
    """
    bandwidth clock created cwd date datetime directory duration elapsed eta filename fps hostname host latency
    mem memory mfu path pid port ppid qps rss runtime speed started finished tflops throughput time times timing
    timings timestamp tps ts uptime uuid vram wall wallclock walltime wait
    """
)

# A measuring word that is only the first half of another term.
_TERMS = frozenset(
    {
        ("time", "step"), ("time", "steps"), ("time", "series"), ("memory", "bank"), ("memory", "size"),
        ("memory", "length"), ("mem", "len"), ("path", "length"), ("wall", "distance"), ("host", "count"),
    }
)  # fmt: skip
_IDENTIFIERS = frozenset({("run", "id"), ("job", "id"), ("process", "id"), ("thread", "id"), ("session", "id")})
_DEVICE_READINGS = _vocabulary("util utilization usage percent power temp temperature load")
_PER_TIME = re.compile(
    r"(?:/|_per_|\bper[ _-]?)(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|ms)\b", re.IGNORECASE
)
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")

_METRIC_FILE_WORDS = _vocabulary(
    """
    metric metrics result results eval evaluation score scores history log logs performance stats statistics
    losses summary report
    """
)
_METRIC_EXTENSIONS = frozenset({".json", ".jsonl", ".ndjson", ".csv", ".tsv"})


def words(name: str) -> list[str]:
    """Splits a name into lower-case words at punctuation and at changes of case.

    ``"evalLoss/step_1"`` gives ``["eval", "loss", "step", "1"]``; a digit stays with the letters before it (``f1``).
    """
    return [word.lower() for word in _WORD.findall(name)]


@lru_cache(maxsize=4096)
def is_measurement(name: str) -> bool:
    """Whether a name speaks of time, speed, memory, place or identity instead of the model.

    Args:
        name: dotted name of the number, for example ``"train.samples_per_second"``.

    Returns:
        True when the number is expected to differ between runs and must not decide by default.
    """
    found = words(name)
    if _PER_TIME.search(name) or (found and found[-1] in _UNITS):
        return True
    if _head(found) in QUALITIES:
        return False
    pairs = set(pairwise(found))
    if pairs & _IDENTIFIERS:
        return True
    if {"gpu", "cpu"} & set(found) and _DEVICE_READINGS & set(found):
        return True
    first_halves = {pair[0] for pair in pairs & _TERMS}
    return bool((set(found) & _MEASUREMENTS) - first_halves)


@lru_cache(maxsize=4096)
def is_quality(name: str) -> bool:
    """Whether the name's head noun is a quantity that models are judged by (``val_loss``, ``Top-1 accuracy``)."""
    return _head(words(name)) in QUALITIES


def is_metric_file(path: str, patterns: Iterable[str] = ()) -> bool:
    """Whether a file is expected to hold metrics, by its name.

    Args:
        path: path with ``/`` between its parts; only the last part is judged by its words.
        patterns: globs from the configuration, matched against the whole path and against the last part.

    Returns:
        True for JSON, JSON-lines, CSV and TSV files named after metrics, results, evaluation, scores, history or logs,
        and for every file that a pattern names.
    """
    name = PurePosixPath(path).name
    if any(fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
        return True
    stem, _, extension = name.rpartition(".")
    if f".{extension.lower()}" not in _METRIC_EXTENSIONS:
        return False
    found = [word.rstrip("0123456789") for word in words(stem)]
    return bool(set(found) & _METRIC_FILE_WORDS) or found[-2:] == ["trainer", "state"]


def _head(found: list[str]) -> str:
    """The word that says what the number is: the last one that is neither a qualifier, a unit nor a plain number."""
    for word in reversed(found):
        if not word.isdigit() and word not in _TRAILING:
            return word
    return found[-1] if found else ""
