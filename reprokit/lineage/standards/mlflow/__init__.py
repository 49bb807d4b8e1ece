"""MLflow 3: a run of the graph is a run there, with its parameters, metrics, datasets and models.

The run's identifier is shared: MLflow's is 32 hexadecimal digits of a UUID, ours is ``urn:uuid:`` of the same one. A
run that MLflow cannot be told the identifier of bears ours in the tag ``reprokit.execution``. Datasets are logged with
a digest of all their bytes: MLflow's own covers 10,000 rows of a table at most.
Source: https://mlflow.org/docs/latest/ml/tracking and ``mlflow.data.digest_utils``
"""

from __future__ import annotations

from reprokit.lineage.standards.mlflow.audit import Lack, audit
from reprokit.lineage.standards.mlflow.bundles import log_bundle
from reprokit.lineage.standards.mlflow.reading import read
from reprokit.lineage.standards.mlflow.saying import carried
from reprokit.lineage.standards.mlflow.writing import write

__all__ = ["EXTRA", "LOSES", "TITLE", "Lack", "audit", "carried", "log_bundle", "read", "write"]

TITLE = "MLflow 3 (tracking server or database)"
EXTRA = "mlflow"
LOSES = (
    "Artifacts that no run used or made, and events of runs that are not described.",
    "Several events between the same artifact and run: one of those that used it and one of those that made it stay.",
    "Contexts: a run belongs to one experiment, named after its first context; what is in the context is lost.",
    "The type of parameters: they are text, and text that looks like a number or a truth value becomes one.",
    "Parameters, metrics and tags whose names MLflow does not allow or reprokit's own tags bear, or that are too long.",
    "Metrics that are no finite numbers (NaN is kept); a run without a name gets its identifier as its name.",
    "Which of two runs was cached: the state CACHED becomes COMPLETE, and UNKNOWN becomes RUNNING.",
)
UNREAD = (
    "Which run is a child of which, and all but the last value of each metric.",
    "Files of runs, and logged models that they used, unless one run is named; traces, prompts, registered versions.",
)
