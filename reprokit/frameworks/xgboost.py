"""XGBoost: every round of boosting, through ``Booster.update`` and ``Booster.boost``; see `reprokit.frameworks.rounds`.

The trees of one round are a slice of the model (https://xgboost.readthedocs.io/en/stable/python/model.html), a copy. A
linear booster has no slices and DART changes the weights of earlier trees: their whole model is digested each time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.rounds import RoundObserver

if TYPE_CHECKING:
    from reprokit.observe.start import Session


class _XGBoost:
    name = "xgboost"

    def data(self, booster: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, bytes]]:
        """Shape and labels of the training data. The data itself may lie on a device or in an iterator."""
        del booster
        matrix: Any = args[0] if args else kwargs["dtrain"]
        shape = f"{matrix.num_row()},{matrix.num_col()},{matrix.num_nonmissing()}"
        return [("shape", shape.encode()), ("label", matrix.get_label().tobytes())]

    def settings(self, booster: Any) -> str:
        """The configuration, which is JSON."""
        return str(booster.save_config())

    def last_round(self, booster: Any) -> bytes:
        """The last slice of the model, as JSON."""
        kind = json.loads(booster.save_config())["learner"]["learner_train_param"]["booster"]
        rounds = booster.num_boosted_rounds()
        model = booster[rounds - 1 : rounds] if kind == "gbtree" and rounds else booster
        return bytes(model.save_raw("json"))

    def whole(self, booster: Any) -> bytes:
        """The model, as JSON."""
        return bytes(booster.save_raw("json"))


def arm(module: Any, session: Session) -> Any:
    """Observes XGBoost in this process; called once ``import xgboost`` has finished.

    Args:
        module: the module ``xgboost``.
        session: the observers of this process.

    Returns:
        The adapter.
    """
    observer = RoundObserver(_XGBoost(), session)
    observer.arm(module.Booster, ("update", "boost"))
    return observer


def read_back(module: Any) -> dict[str, Any]:
    """XGBoost's global configuration and version.

    Args:
        module: the module ``xgboost``.

    Returns:
        Switch -> a number, a text, True, False or None.
    """
    found = {f"xgboost.{name}": value for name, value in module.get_config().items()}
    plain = {n: v if isinstance(v, (bool, int, float, str, type(None))) else str(v) for n, v in found.items()}
    return {"xgboost.version": str(module.__version__), **plain}


def apply(module: Any, switches: dict[str, Any]) -> dict[str, str]:
    """Sets switches of ``xgboost.set_config`` by name; never raises.

    Args:
        module: the module ``xgboost``.
        switches: switch -> value.

    Returns:
        Switch -> why it could not be set.
    """
    refused = {}
    for name, value in switches.items():
        option = name.removeprefix("xgboost.")
        try:
            if option not in module.get_config():
                refused[name] = f"this version of XGBoost has no switch {name}"
            else:
                module.set_config(**{option: value})
        except Exception as error:  # noqa: BLE001 - whatever the check of the option raises is the reason
            refused[name] = f"{type(error).__name__}: {error}"
    return refused


def seed(module: Any, seed: int) -> None:
    """Nothing: a booster's ``seed`` is a parameter, 0 by default.

    Args:
        module: the module ``xgboost``.
        seed: any integer.
    """
    del module, seed
