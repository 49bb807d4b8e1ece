"""``MLmodel``, MLflow's description of a saved model: its lines, without identifiers, the place and the time.

Source: mlflow/models/model.py, ``Model.to_dict``, MLflow 2.0 to 3.17.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.text_file import read_text

if TYPE_CHECKING:
    from reprokit.compare.files.content import Leaf, Options
    from reprokit.compare.files.source import Source

# Keys of the outermost table, so at the beginning of a line.
_NOISE = r"^(artifact_path: .*[0-9a-f]{32}|(model_id|model_uuid|run_id|utc_time_created): )"
_LARGEST = 16 << 20


def read_model(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads a description line by line."""
    return read_text(source, replace(options, ignore_patterns=(*options.ignore_patterns, _NOISE)))


def _is_model(source: Source) -> bool:
    return (
        source.name.rpartition("/")[2] == "MLmodel"
        and source.size <= _LARGEST
        and b"\nutc_time_created: " in source.data.tobytes()
    )


MODEL = Comparator("MLflow model", (), read_model, _is_model, fallback="text")
