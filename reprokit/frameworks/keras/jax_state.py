"""While ``fit`` runs on JAX, the model's variables are empty: their values travel through the training function."""

from __future__ import annotations

from typing import Any

from reprokit.frameworks.keras.registry import value_of


class JaxState:
    """Reads variables: from the state that a step was given or returned, else from the variables themselves."""

    def __init__(self) -> None:
        self._values: dict[int, Any] = {}
        self._model: Any = None
        self._variables: list[list[Any]] = []

    def take(self, model: Any, state: Any) -> None:
        """From now on the values of ``model`` are those in ``state``, the four lists of Keras's JAX trainer."""
        self._values = {}
        if not isinstance(state, (list, tuple)):
            return
        sizes = [len(part) if isinstance(part, (list, tuple)) else 0 for part in state]
        if self._model is not model or sizes != [len(part) for part in self._variables]:
            self._model, self._variables = model, self._variables_of(model)
        for variables, values in zip(self._variables, state, strict=False):
            if isinstance(values, (list, tuple)) and len(values) == len(variables):
                self._values |= {id(variable): value for variable, value in zip(variables, values, strict=True)}

    def drop(self) -> None:
        """The variables hold their values themselves."""
        self._values = {}
        self._model = None

    def read(self, variable: Any) -> Any:
        """The present value of a variable."""
        found = self._values.get(id(variable))
        return value_of(variable) if found is None else found

    def _variables_of(self, model: Any) -> list[list[Any]]:
        optimizer = getattr(model, "optimizer", None)
        trained = optimizer.variables if optimizer is not None else []
        lists = (model.trainable_variables, model.non_trainable_variables, trained, model.metrics_variables)
        return [list(variables) for variables in lists]
