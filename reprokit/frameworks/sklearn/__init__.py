"""scikit-learn: every fit of an estimator that the script starts itself, as a row.

- a row is an outermost ``fit``, ``partial_fit``, ``fit_transform`` or ``fit_predict`` in the main thread: what an
  estimator fits inside it (the steps of a pipeline, the folds of a search) belongs to it
- it holds the data that went in, the parameters, and what was fitted; all from the objects' own dictionaries, so that
  no property is computed and no method of the script's runs
- rows stand in a stream of their own, ``SCRIPT/fits``: a fit is no update
- worker processes of joblib are left out: which of them fits what changes from run to run. The fit that started them
  holds what came out
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.observe.start import Session


def arm(module: Any, session: Session) -> Any:
    """Observes scikit-learn in this process; called once ``import sklearn`` has finished.

    Args:
        module: the module ``sklearn``.
        session: the observers of this process.

    Returns:
        The adapter.
    """
    from reprokit.frameworks.sklearn.fits import FitObserver

    observer = FitObserver(module, session)
    observer.arm()
    return observer


def read_back(module: Any) -> dict[str, Any]:
    """scikit-learn's configuration and version, and how many threads its own OpenMP loops use.

    Args:
        module: the module ``sklearn``.

    Returns:
        Switch -> a number, a text, True, False or None.
    """
    found: dict[str, Any] = {"sklearn.version": str(module.__version__)}
    for name, value in module.get_config().items():
        found[f"sklearn.{name}"] = value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
    try:
        from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

        found["sklearn.openmp_threads"] = int(_openmp_effective_n_threads())
    except ImportError:
        pass
    return found


def apply(module: Any, switches: dict[str, Any]) -> dict[str, str]:
    """Sets switches of ``sklearn.set_config`` by name; never raises.

    Args:
        module: the module ``sklearn``.
        switches: switch -> value.

    Returns:
        Switch -> why it could not be set.
    """
    refused = {}
    for name, value in switches.items():
        option = name.removeprefix("sklearn.")
        try:
            if option not in module.get_config():
                refused[name] = f"this version of scikit-learn has no switch {name}"
            else:
                module.set_config(**{option: value})
        except Exception as error:  # noqa: BLE001 - whatever the check of the option raises is the reason
            refused[name] = f"{type(error).__name__}: {error}"
    return refused


def seed(module: Any, seed: int) -> None:
    """Nothing: scikit-learn draws from NumPy's global generator, which the policy seeds, or from ``random_state``.

    Args:
        module: the module ``sklearn``.
        seed: any integer.
    """
    del module, seed
