"""What a run that MLflow tracked lacks, so that nobody could run it again and get the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError
from reprokit.lineage.standards.mlflow.bundles import FOLDER
from reprokit.lineage.standards.mlflow.connecting import check_there, client_of, split
from reprokit.lineage.standards.mlflow.reading import _listed

if TYPE_CHECKING:
    from collections.abc import Iterator

_PINNED = ("requirements.txt", "conda.yaml", "python_env.yaml", "pylock.toml", "uv.lock", "poetry.lock")


@dataclass(frozen=True)
class Lack:
    """One thing that a run should have said.

    Attributes:
        name: what it is, in a word or two: ``commit``, ``seed`` …
        why: what is missing, in a sentence.
        remedy: what to do at the next run.
    """

    name: str
    why: str
    remedy: str


def audit(source: str) -> list[Lack]:
    """Looks at one run.

    Args:
        source: ``URI#RUN``.

    Raises:
        UsageError: RPK184, no run was named, or there is none. UnverifiedError: RPK168 or RPK185.
    """
    uri, run_id = split(source)
    check_there(uri)
    if not run_id:
        raise UsageError("RPK184", f"{source}: name the run to look at, as URI#RUN")
    with client_of(uri) as client:
        run = client.get_run(run_id)
        if "reprokit.bundle" in run.data.tags and any(True for _ in _listed(client, run_id, FOLDER)):
            return list(_of_data(run))
        files = [one.path for one in _listed(client, run_id, "")]
        outputs = run.outputs.model_outputs if run.outputs else []
        for one in outputs:
            files += [f"models/{one.path}" for one in client.list_logged_model_artifacts(one.model_id)]
    return [*_of_code(run), *_of_data(run), *_of_randomness(run), *_of_results(run, files)]


def _of_code(run: Any) -> Iterator[Lack]:
    tags = run.data.tags
    if not tags.get("mlflow.source.git.commit"):
        yield Lack("commit", "which commit ran is not known", "run it from a git checkout, with GitPython installed")
    elif not tags.get("mlflow.source.git.repoURL"):
        yield Lack("remote", "which repository the commit is in is not known", "set the tag mlflow.source.git.repoURL")
    if "mlflow.source.git.dirty" not in tags and "mlflow.source.git.diff" not in tags:
        why = "whether the files were those of the commit is not known"
        yield Lack("dirty", why, "record the run: `reprokit record --mlflow-run RUN -- COMMAND`")
    elif str(tags.get("mlflow.source.git.dirty", "")).lower() == "true" and "mlflow.source.git.diff" not in tags:
        yield Lack("dirty", "files differed from the commit, and the difference is not kept", "commit before a run")
    if not run.data.params:
        yield Lack("parameters", "no parameter was logged", "log them with mlflow.log_params")


def _of_data(run: Any) -> Iterator[Lack]:
    inputs = run.inputs.dataset_inputs if run.inputs else []
    if not inputs:
        yield Lack("dataset", "no dataset was logged", "log them with mlflow.log_input, or record the run")
    if any(one.dataset.source_type == "reprokit" for one in inputs):
        return  # the files are known by all their bytes
    for one in inputs:
        name = one.dataset.name
        yield Lack(
            "dataset digest",
            f"the digest of {name} covers 10,000 rows at most, so other data may have the same one",
            "record the run, or log the dataset with a manifest's digest",
        )


def _of_randomness(run: Any) -> Iterator[Lack]:
    if not any(re.search(r"(^|[^a-z])(seed|random_state)", name, re.IGNORECASE) for name in run.data.params):
        yield Lack(
            "seed", "no parameter is called a seed", "log the seed, or record the run: its random states are kept"
        )
    tags = run.data.tags
    if not tags.get("mlflow.docker.image.id") and not tags.get("mlflow.docker.image.uri"):
        yield Lack("image", "which container image or machine it ran in is not known", "record the run")


def _of_results(run: Any, files: list[str]) -> Iterator[Lack]:
    if not any(path.rpartition("/")[2] in _PINNED for path in files):
        yield Lack("packages", "no list of packages was logged", "log a lock file, or a model with its requirements")
    if not (run.outputs and run.outputs.model_outputs) and not files:
        yield Lack("outputs", "no model and no file was logged", "log the model with mlflow.log_artifact")
    if not run.data.metrics:
        yield Lack("metrics", "no metric was logged, so a replay has nothing to be compared with", "log them")
    if run.info.status != "FINISHED":
        yield Lack("end", f"the run's state is {run.info.status}", "end it, so that it is known to be whole")
    yield Lack("trace", "no bundle: the run cannot be replayed step by step",
               "record it: `reprokit record --mlflow-run RUN -- COMMAND`")  # fmt: skip
