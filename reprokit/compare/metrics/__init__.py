"""Numbers that a run reported: found in its files and its standard output, and compared within tolerances.

`extraction` reads them, `names` tells a metric from a stopwatch, `tolerance` decides what is close.
"""

from __future__ import annotations

from reprokit.compare.metrics.extraction import (
    Extraction,
    from_csv,
    from_json,
    from_jsonl,
    from_values,
)
from reprokit.compare.metrics.files import from_file
from reprokit.compare.metrics.names import is_measurement, is_metric_file
from reprokit.compare.metrics.stdout import compile_patterns, from_stdout
from reprokit.compare.metrics.tolerance import (
    DEFAULT,
    EXACT,
    Tolerance,
    close,
    compare_metrics,
    compare_series,
    relative_difference,
    tolerance_for,
)

__all__ = [
    "DEFAULT",
    "EXACT",
    "Extraction",
    "Tolerance",
    "close",
    "compare_metrics",
    "compare_series",
    "compile_patterns",
    "from_csv",
    "from_file",
    "from_json",
    "from_jsonl",
    "from_stdout",
    "from_values",
    "is_measurement",
    "is_metric_file",
    "relative_difference",
    "tolerance_for",
]
