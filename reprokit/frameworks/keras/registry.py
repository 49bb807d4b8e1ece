"""The models and optimizers that the script has made, and what of them belongs into a row of the trace."""

from __future__ import annotations

import json
import weakref
from typing import TYPE_CHECKING, Any

from reprokit.trace.raw import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from reprokit.frameworks.keras.values import Values
    from reprokit.observe.recorder import Recorder

_SEED_STATE = "seed_generator_state"
HELD_BYTES = 64 << 20


def path_of(variable: Any) -> str:
    """A variable's Keras path (``dense/kernel``); a plain ``tf.Variable`` has a name only."""
    return str(getattr(variable, "path", None) or getattr(variable, "name", "variable")).removesuffix(":0")


def value_of(variable: Any) -> Any:
    """The backend's tensor in a Keras variable; a plain ``tf.Variable`` is its own."""
    return variable.value if hasattr(variable, "path") else variable


class Known:
    """A model or an optimizer, held weakly, numbered in the order in which they were made."""

    def __init__(self, number: int, what: Any) -> None:
        self.number = number
        self._reference = weakref.ref(what)
        self.seen = 0  # an optimizer's updates so far

    @property
    def alive(self) -> Any:
        """The object, or None."""
        return self._reference()


class Group:
    """Variables that are digested together, as one block a part."""

    def __init__(self, recorder: Recorder, values: Values, entries: list[tuple[str, Any]]) -> None:
        self._recorder, self._values = recorder, values
        self.references = [weakref.ref(variable) for _, variable in entries]
        self.names = [path_of(variable) for _, variable in entries]
        self._columns = tuple(
            Column(key, path_of(variable), str(getattr(variable.dtype, "name", variable.dtype)), _shape(variable))
            for key, variable in entries
        )
        self._numbers: dict[str, int] = {}

    def number(self, part: str) -> int:
        """The block's number in a part of the trace."""
        number = self._numbers.get(part)
        if number is None:
            number = self._numbers[part] = self._recorder.block(part, self._columns)
        return number

    def block(self, part: str, read: Callable[[Any], Any]) -> tuple[int, bytes, str]:
        """Digests the variables' present values."""
        digest = self._values.digest
        found = [reference() for reference in self.references]
        return self.number(part), b"".join([digest(None if v is None else read(v)) for v in found]), part

    def states(self, read: Callable[[Any], Any]) -> list[tuple[str, bytes]]:
        """Names and bytes of small variables: states of generators."""
        found = [(name, reference()) for name, reference in zip(self.names, self.references, strict=True)]
        return [(f"keras:{name}", self._values.raw(read(v))) for name, v in found if v is not None]


def _shape(variable: Any) -> str:
    return ",".join(map(str, variable.shape))


class Layout:
    """What is digested of some models and optimizers: parameters, generators' states, slots, rates, metrics."""

    def __init__(self, recorder: Recorder, values: Values, models: list[Known], optimizers: list[Known]) -> None:
        parameters, seeds, slots, rates, taken = _sorted_out(models, optimizers)
        self.parameters = Group(recorder, values, parameters) if parameters else None
        self.seeds = Group(recorder, values, seeds) if seeds else None
        self.slots = Group(recorder, values, slots) if slots else None
        self.rates = Group(recorder, values, rates) if rates else None
        self.settings = _settings(recorder, values, optimizers)
        size = sum(size_of(variable) for variable in taken)
        self.held = taken if size <= HELD_BYTES else []


def size_of(variable: Any) -> int:
    """About how many bytes a variable holds."""
    count = 4
    for extent in variable.shape:
        count *= int(extent or 1)
    return count


def _sorted_out(models: list[Known], optimizers: list[Known]) -> tuple[list[Any], ...]:
    """Parameters, seed states, slots and rates as (key, variable), and all of the variables; each of them once."""
    sorts: dict[str, list[tuple[str, Any]]] = {"parameters": [], "seeds": [], "slots": [], "rates": []}
    taken: dict[int, Any] = {}
    for sort, key, variable in (*_of_models(models), *_of_optimizers(optimizers)):
        if id(variable) not in taken:
            taken[id(variable)] = variable
            sorts[sort].append((key, variable))
    return *sorts.values(), list(taken.values())


def _of_models(models: list[Known]) -> Iterator[tuple[str, str, Any]]:
    for known in models:
        for at, variable in enumerate(_own_variables(known.alive)):
            sort = "seeds" if path_of(variable).endswith(_SEED_STATE) else "parameters"
            yield sort, f"model {known.number}/{at}", variable


def _of_optimizers(optimizers: list[Known]) -> Iterator[tuple[str, str, Any]]:
    for known in optimizers:
        optimizer = known.alive
        for at, variable in enumerate(getattr(optimizer, "_trainable_variables", ())):
            yield "parameters", f"optimizer {known.number}/trained/{at}", variable
        for at, variable in enumerate(getattr(optimizer, "_variables", ())):
            rate = variable is getattr(optimizer, "_learning_rate", None)
            yield "rates" if rate else "slots", f"optimizer {known.number}/{at}", variable


def _own_variables(model: Any) -> list[Any]:
    """A model's variables, without those of its metrics."""
    if model is None:
        return []
    metrics = {id(variable) for variable in getattr(model, "metrics_variables", ())}
    return [variable for variable in model.variables if id(variable) not in metrics]


def _settings(recorder: Recorder, values: Values, optimizers: list[Known]) -> tuple[int, bytes, str] | None:
    """The optimizers' settings (momenta, decays, schedules) as digests; the learning rate is a variable of its own."""
    columns, digests = [], []
    for known in optimizers:
        optimizer = known.alive
        try:
            config = dict(optimizer.get_config())
            if isinstance(config.get("learning_rate"), (int, float)):
                config.pop("learning_rate")
            text = json.dumps(config, sort_keys=True, default=lambda value: type(value).__name__)
        except Exception:  # noqa: BLE001, S112 - an optimizer of the user's own that cannot say
            continue
        name = str(getattr(optimizer, "name", "optimizer"))
        columns.append(Column(f"optimizer {known.number}/settings", f"settings of {name}"))
        digests.append(values.hash.digest(values.hash.prepare(b"settings|"), text.encode()))
    return (recorder.block("lr", tuple(columns)), b"".join(digests), "lr") if columns else None


class Registry:
    """Models and optimizers, and their layouts."""

    def __init__(self, recorder: Recorder, values: Values) -> None:
        self._recorder, self._values = recorder, values
        self.models: list[Known] = []
        self.optimizers: list[Known] = []
        self._made = [0, 0]
        self._layouts: dict[Any, Layout] = {}

    def forget(self) -> None:
        """A new trace: what exists stays known, and its columns are declared anew."""
        self._layouts = {}

    @property
    def made_models(self) -> int:
        """How many models have been made so far."""
        return self._made[0]

    def made(self, what: Any, *, optimizer: bool) -> None:
        """The script has made a model or an optimizer."""
        known = self.optimizers if optimizer else self.models
        if any(one.alive is what for one in known):
            return
        known[:] = [one for one in known if one.alive is not None]
        known.append(Known(self._made[optimizer], what))
        self._made[optimizer] += 1

    def count(self, read: Callable[[Any], Any]) -> list[tuple[Known, int]]:
        """The optimizers that have updated since the last call, and how often.

        Called before and after each update: a counter that was restored from a checkpoint between two updates, or set
        back, counts none.
        """
        moved = []
        for known in self.optimizers:
            optimizer = known.alive
            number = self._values.number(read(optimizer._iterations)) if optimizer is not None else None
            if number is None:
                continue
            # With ``gradient_accumulation_steps`` only every n-th call is an update.
            updates = int(number[0]) // (getattr(optimizer, "gradient_accumulation_steps", None) or 1)
            if updates > known.seen:
                moved.append((known, updates - known.seen))
            known.seen = updates
        return moved

    def moved(self, read: Callable[[Any], Any]) -> tuple[list[Known], int]:
        """The optimizers that have updated since the last call, and how many updates they made together."""
        moved = self.count(read)
        return [known for known, _ in moved], sum(updates for _, updates in moved)

    def layout(self, models: Iterable[Known], optimizers: Iterable[Known]) -> Layout:
        """What is digested of these; made once for each set of them."""
        models, optimizers = list(models), list(optimizers)
        sizes = [len(getattr(known.alive, "_variables", ())) for known in optimizers]
        key = (
            *(known.number for known in models),
            "|",
            *zip((known.number for known in optimizers), sizes, strict=True),
        )
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) > 64:
                self._layouts.clear()
            layout = self._layouts[key] = Layout(self._recorder, self._values, models, optimizers)
        return layout

    def models_of(self, optimizers: list[Known]) -> list[Known]:
        """Models that hold a variable which one of the optimizers trains; larger ones first, since they hold others."""
        trained = {id(v) for known in optimizers for v in getattr(known.alive, "_trainable_variables", ())}
        return self._by_size(lambda variables: any(id(variable) in trained for variable in variables))

    def all_models(self) -> list[Known]:
        """All models that exist and have variables."""
        return self._by_size(bool)

    def _by_size(self, wanted: Callable[[list[Any]], bool]) -> list[Known]:
        found = []
        for known in self.models:
            model = known.alive
            try:
                variables = list(model.variables) if model is not None else []
            except Exception:  # noqa: BLE001, S112 - half built
                continue
            if variables and wanted(variables):
                found.append((-len(variables), known.number, known))
        return [known for _, _, known in sorted(found)]

    def known_model(self, model: Any) -> Known:
        """The entry of a model, made here when its making was not seen."""
        self.made(model, optimizer=False)
        return next(known for known in self.models if known.alive is model)
