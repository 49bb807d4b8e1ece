"""Ties a bundle to the run that MLflow tracked: its identifier as a tag, the file as an artifact, inputs by digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.lineage.standards.mlflow.connecting import check_there, client_of, split
from reprokit.lineage.standards.mlflow.saying import joins
from reprokit.lineage.standards.mlflow.writing import log_joins

if TYPE_CHECKING:
    from reprokit.schema.lineage import Lineage

FOLDER = "reprokit"
_MOST_INPUTS = 1000


def log_bundle(place: str, bundle: str, bundle_id: str, lineage: Lineage) -> None:
    """Logs a bundle with a run of MLflow's own.

    Args:
        place: ``URI#RUN``, or ``#RUN`` for the server of MLflow's own settings.
        bundle: the file's path.
        bundle_id: ``sha256:…``.
        lineage: the graph of the recorded run; what it used and made is logged by its digests.

    Raises:
        UsageError: RPK184, there is no such run. UnverifiedError: RPK168 or RPK185.
    """
    uri, run_id = split(place)
    check_there(uri)
    with client_of(uri) as client:
        client.get_run(run_id)
        several = [(run_id, node, event) for _, node, event in joins(lineage)]
        used = [one for one in several if one[2].is_input]
        if len(used) > _MOST_INPUTS:  # a folder of pictures: the bundle has them all, and its manifests stand for them
            kept = [one for one in several if not one[2].is_input or one[1].type != "File"]
            client.set_tag(run_id, "reprokit.inputs_left_out", str(len(several) - len(kept)))
            several = kept
        log_joins(client, several)
        client.log_artifact(run_id, bundle, FOLDER)
        client.set_tag(run_id, "reprokit.bundle", bundle_id)  # last: a run that bears it has its bundle
