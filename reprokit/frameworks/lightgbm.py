"""LightGBM: every round of boosting, through ``Booster.update``; see `reprokit.frameworks.rounds`.

The trees of one round are its text in the model's own format
(https://lightgbm.readthedocs.io/en/stable/pythonapi/lightgbm.Booster.html). DART changes the weights of earlier trees:
there the whole model is digested each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.frameworks.rounds import RoundObserver

if TYPE_CHECKING:
    from reprokit.observe.start import Session

_END = "end of trees"


class _LightGBM:
    name = "lightgbm"

    def data(self, booster: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, bytes]]:
        """Shape and labels of the training data. LightGBM frees the data itself once it is binned."""
        del args, kwargs
        train = getattr(booster, "train_set", None)
        if train is None:
            return []
        label = train.get_label()
        shape = f"{train.num_data()},{train.num_feature()}"
        return [("shape", shape.encode()), *([] if label is None else [("label", label.tobytes())])]

    def settings(self, booster: Any) -> str:
        """The parameters that the script gave."""
        plain = (bool, int, float, str, type(None))
        return repr(sorted((str(k), repr(v)) for k, v in booster.params.items() if isinstance(v, plain)))

    def last_round(self, booster: Any) -> bytes:
        """The last round's trees, as text."""
        kinds = {str(booster.params.get(name, "")) for name in ("boosting", "boosting_type", "boost")}
        at = booster.current_iteration() - 1
        if "dart" in kinds or at < 0:
            text = booster.model_to_string(num_iteration=-1)
        else:
            text = booster.model_to_string(num_iteration=1, start_iteration=at)
        return str(text).partition(_END)[0].encode()

    def whole(self, booster: Any) -> bytes:
        """All trees, as text."""
        return str(booster.model_to_string(num_iteration=-1)).partition(_END)[0].encode()


def arm(module: Any, session: Session) -> Any:
    """Observes LightGBM in this process; called once ``import lightgbm`` has finished.

    Args:
        module: the module ``lightgbm``.
        session: the observers of this process.

    Returns:
        The adapter.
    """
    observer = RoundObserver(_LightGBM(), session)
    observer.arm(module.Booster, ("update",))
    return observer


def read_back(module: Any) -> dict[str, Any]:
    """LightGBM's version. Everything else, the number of threads too, is a parameter of each booster.

    Args:
        module: the module ``lightgbm``.

    Returns:
        Switch -> a text.
    """
    return {"lightgbm.version": str(module.__version__)}


def apply(module: Any, switches: dict[str, Any]) -> dict[str, str]:
    """LightGBM has no switches; never raises.

    Args:
        module: the module ``lightgbm``.
        switches: switch -> value.

    Returns:
        Switch -> why it could not be set.
    """
    del module
    return dict.fromkeys(switches, "LightGBM has no global switches: its parameters are each booster's")


def seed(module: Any, seed: int) -> None:
    """Nothing: a booster's seeds are its parameters, with fixed defaults.

    Args:
        module: the module ``lightgbm``.
        seed: any integer.
    """
    del module, seed
