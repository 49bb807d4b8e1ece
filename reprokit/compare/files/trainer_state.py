"""What Hugging Face's ``Trainer`` writes beside a checkpoint: its state, and the results of training and evaluation.

How long an evaluation took is no content: it differs in every run, and nothing is computed from it.
Source: ``speed_metrics`` in transformers/trainer_utils.py, Transformers 4.0 to 5.23.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reprokit.compare.files.content import Scalar
from reprokit.compare.files.json_file import read_json
from reprokit.compare.files.registry import Comparator

if TYPE_CHECKING:
    from reprokit.compare.files.content import Leaf, Options
    from reprokit.compare.files.source import Source

_LARGEST = 64 << 20
_NAME = re.compile(r"(?:.*/)?(?:trainer_state|\w+_results)\.json")
# In the file's one object or in an entry of its log; the prefix names what was timed: train, eval, test.
_SPEED = re.compile(r"(?P<timed>(?:log_history/\d+/)?\w+)_(?:runtime|(?:samples|steps|tokens)_per_second)")


def read_trainer_state(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads the document as JSON, without the times and speeds that `speed_metrics` put there together."""
    leaves = read_json(source, options)
    return {path: leaf for path, leaf in leaves.items() if not _is_speed(path, leaf, leaves)}


def _is_speed(path: str, leaf: Leaf, leaves: dict[str, Leaf]) -> bool:
    """A number under one of the names; a runtime without a speed beside it is somebody else's."""
    found = _SPEED.fullmatch(path)
    if found is None or not isinstance(leaf, Scalar) or leaf.number is None:
        return False
    return {f"{found['timed']}_runtime", f"{found['timed']}_samples_per_second"} <= leaves.keys()


def _is_trainer_state(source: Source) -> bool:
    return (
        _NAME.fullmatch(source.name) is not None
        and source.size <= _LARGEST
        and b'_samples_per_second"' in source.data.tobytes()
    )


STATE = Comparator("trainer state", (), read_trainer_state, _is_trainer_state, fallback="json")
