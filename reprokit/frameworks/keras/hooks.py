"""What stands in the place of Keras's own functions, and calls the observer before or after them.

Each stand-in bears the module and the name of what it stands for: AutoGraph passes Keras's functions over by their
module, and must go on doing so.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.keras.batches import GraphTap

if TYPE_CHECKING:
    from reprokit.frameworks.keras.steps import KerasObserver

_KEPT = "_reprokit_train_function"


def install(observer: KerasObserver) -> None:
    """Hooks the making of models and optimizers, training functions, and updates."""
    from keras.src.models.model import Model
    from keras.src.optimizers.base_optimizer import BaseOptimizer
    from keras.src.optimizers.loss_scale_optimizer import LossScaleOptimizer
    from keras.src.trainers.trainer import Trainer

    Trainer.__init__ = _init(observer, Trainer.__init__, optimizer=False)
    BaseOptimizer.__init__ = _init(observer, BaseOptimizer.__init__, optimizer=True)
    for owner in (BaseOptimizer, LossScaleOptimizer):
        owner.apply = _apply(observer, owner.apply)
    backend_trainer = next((kind for kind in Model.__mro__ if kind.__name__.endswith("Trainer")), Trainer)
    backend_trainer.train_function = _TrainFunction(observer)
    Model.__call__ = _call(observer, Model.__call__)
    if observer.backend == "tensorflow":
        _install_tensorflow(observer, backend_trainer)


def _install_tensorflow(observer: KerasObserver, trainer: Any) -> None:
    from tensorflow.python.eager.backprop import GradientTape
    from tensorflow.python.eager.polymorphic_function.polymorphic_function import Function

    Function.__call__ = _function_call(observer, Function.__call__)
    GradientTape.gradient = _gradient(observer, GradientTape.gradient)
    if hasattr(trainer, "_make_function") and hasattr(trainer, "_autoconvert_optionals"):
        trainer._make_function = _make_function(observer, trainer._make_function)
        trainer._autoconvert_optionals = _taken(observer, trainer._autoconvert_optionals)


def _init(observer: KerasObserver, original: Any, *, optimizer: bool) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(self, *args, **kwargs)
        observer.guarded(observer.registry.made, self, optimizer=optimizer)

    return __init__


class _TrainFunction:
    """``model.train_function``: kept where it was, in the model's dictionary, and handed out with its observer.

    Whoever sets it, ``make_train_function`` of Keras or of a subclass, it is observed when it is called.
    """

    def __init__(self, observer: KerasObserver) -> None:
        self._observer = observer

    def __get__(self, model: Any, owner: Any = None) -> Any:
        if model is None:
            return self
        try:
            original = model.__dict__["train_function"]
        except KeyError:
            raise AttributeError("train_function") from None
        if original is None or not callable(original):
            return original
        kept = model.__dict__.get(_KEPT)
        if kept is None or kept.__wrapped__ is not original:
            kept = model.__dict__[_KEPT] = _train(self._observer, model, original)
        return kept

    def __set__(self, model: Any, value: Any) -> None:
        kept = model.__dict__.get(_KEPT)
        model.__dict__["train_function"] = value.__wrapped__ if kept is not None and value is kept else value

    def __delete__(self, model: Any) -> None:
        model.__dict__.pop("train_function", None)


def _train(observer: KerasObserver, model: Any, original: Any) -> Any:
    def train_function(*args: Any, **kwargs: Any) -> Any:
        if not observer.outermost():
            return original(*args, **kwargs)
        return observer.around_train(model, original, args, kwargs)

    try:
        functools.update_wrapper(train_function, original)
    except (AttributeError, TypeError):
        train_function.__wrapped__ = original  # type: ignore[attr-defined]
    return train_function


def _apply(observer: KerasObserver, original: Any) -> Any:
    compiling = _compiling(observer.backend)

    @functools.wraps(original)
    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
        if compiling() or not observer.on:
            return original(self, grads, trainable_variables)
        grads = list(grads) if not isinstance(grads, (list, tuple)) else grads  # an iterator can be read once
        observer.guarded(observer.before_apply, self, grads, trainable_variables)
        if not observer.outermost():
            return original(self, grads, trainable_variables)
        return observer.around_apply(original, (self, grads, trainable_variables))

    return apply


def _compiling(backend: str) -> Any:
    """Whether the frame is being traced by ``torch.compile``, which must see none of this."""
    if backend != "torch":
        return lambda: False
    import torch

    return torch.compiler.is_dynamo_compiling


def _call(observer: KerasObserver, original: Any) -> Any:
    compiling = _compiling(observer.backend)

    @functools.wraps(original)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        if not compiling() and observer.recorder.flags and observer.outermost():
            observer.guarded(observer.eager_call, self, args, kwargs)
        return original(self, *args, **kwargs)

    return __call__


def _function_call(observer: KerasObserver, original: Any) -> Any:
    @functools.wraps(original)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        if not observer.registry.optimizers or not observer.outermost():
            return original(self, *args, **kwargs)
        return observer.around_function(self, original, args, kwargs)

    return __call__


def _gradient(observer: KerasObserver, original: Any) -> Any:
    @functools.wraps(original)
    def gradient(self: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
        if observer.on:
            observer.guarded(observer.loss, target)
        return original(self, target, *args, **kwargs)

    return gradient


def _make_function(observer: KerasObserver, original: Any) -> Any:
    @functools.wraps(original)
    def _make_function(self: Any, step_function: Any, *args: Any, **kwargs: Any) -> Any:
        trains = getattr(step_function, "__name__", "") == "train_step"
        observer.tap = GraphTap(observer.show_batch, observer.fail_tap) if trains and observer.on else None
        try:
            if observer.tap is not None:
                observer.keep_tap(self, observer.tap)
            return original(self, step_function, *args, **kwargs)
        finally:
            observer.tap = None

    return _make_function


def _taken(observer: KerasObserver, original: Any) -> Any:
    """Around the function that hands a batch to the compiled step: outside of what is compiled with XLA."""

    @functools.wraps(original)
    def _autoconvert_optionals(self: Any, step_func: Any) -> Any:
        inner, tap = original(self, step_func), observer.tap
        if tap is None:
            return inner

        @functools.wraps(inner)
        def wrapper(data: Any) -> Any:
            tap.put(data)
            return inner(data)

        return wrapper

    return _autoconvert_optionals
