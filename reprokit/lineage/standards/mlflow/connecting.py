"""A client of a tracking server, which says soon and in our words when the server is down."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING, Any

from reprokit.errors import UnverifiedError, UsageError
from reprokit.lineage.standards.naming import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

# The library would try for some minutes; what stands in the environment already is the user's.
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


def split(place: str) -> tuple[str, str]:
    """A tracking URI and what stands after its ``#``: a run's identifier. A path is a SQLite file's."""
    uri, _, run = place.partition("#")
    if uri and "://" not in uri and uri != "databricks":
        uri = f"sqlite:///{os.path.abspath(uri)}"  # noqa: PTH100
    return uri, run


@contextlib.contextmanager
def client_of(uri: str) -> Iterator[Any]:
    """An ``mlflow.MlflowClient``; an empty URI stands for what MLflow's own settings say.

    Raises:
        UsageError: RPK184, there is no such run or place.
        UnverifiedError: RPK168, MLflow is not installed; RPK185, the server does not answer or refuses.
    """
    missing = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield _client(uri)
    except Exception as error:  # noqa: BLE001  # the library's own kinds are known only when it is installed
        raise _named(error, uri) from None
    finally:
        for name in missing:
            os.environ.pop(name, None)


def _client(uri: str) -> Any:
    for name in ("mlflow", "alembic"):  # migrations of a new database are no news
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise missing("MLflow's own client", "mlflow", error) from None
    return MlflowClient(tracking_uri=uri or None)


def _named(error: Exception, uri: str) -> Exception:
    from reprokit.errors import ReprokitError

    if isinstance(error, ReprokitError):
        return error
    kind = f"{type(error).__module__}.{type(error).__name__}"
    said = " ".join(str(error).split())[:300]
    if getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
        return UsageError("RPK184", f"{uri or 'MLflow'}: {said}")
    if kind.startswith(("mlflow.", "requests.", "urllib3.", "sqlalchemy.")) or isinstance(error, OSError):
        return UnverifiedError("RPK185", f"MLflow at {uri or 'its default place'} does not answer: {said}")
    return error


def check_there(uri: str) -> None:
    """Fails where a database file is meant that does not exist: MLflow would make it.

    Raises:
        UsageError: RPK184.
    """
    path = uri.removeprefix("sqlite:///").partition("?")[0]
    if uri.startswith("sqlite:///") and path != ":memory:" and not os.path.isfile(path):  # noqa: PTH113
        raise UsageError("RPK184", f"there is no database {path}")


def all_pages(search: Any) -> Iterator[Any]:
    """Everything that a paged search finds; ``search`` takes a page's token."""
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return
