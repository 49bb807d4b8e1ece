"""Keras 3 on TensorFlow, PyTorch or JAX: what happens in each update of an unmodified script.

- ``fit`` and ``train_on_batch``: around ``model.train_function``, whatever is compiled inside it
- loops with ``GradientTape``: around the outermost ``tf.function``, or around ``optimizer.apply`` where nothing is
  compiled
- an update is what the optimizers' counters say it is; while it runs, the adapter of the backend is silent

In a compiled step neither gradients nor the loss of the single batch can be seen: its row is marked, and holds the loss
as Keras reports it, a mean over the epoch so far.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.observe.start import Session


def arm(module: Any, session: Session) -> Any:
    """Observes Keras in this process; called once ``import keras`` has finished."""
    import atexit

    from reprokit.frameworks.keras.hooks import install
    from reprokit.frameworks.keras.steps import KerasObserver

    observer = KerasObserver(module, session)
    install(observer)
    atexit.register(observer.close)  # before the backend, imported earlier, takes itself down
    return observer


def read_back(module: Any) -> dict[str, Any]:
    """Every switch as it is now."""
    return {
        "keras.backend": str(module.backend.backend()),
        "keras.floatx": str(module.backend.floatx()),
        "keras.image_data_format": str(module.backend.image_data_format()),
        "keras.dtype_policy": str(getattr(module.config.dtype_policy(), "name", "")),
    }


def apply(module: Any, switches: dict[str, Any]) -> dict[str, str]:
    """Sets switches by name; never raises.

    Returns:
        Switch -> why it could not be set.
    """
    setters = {
        "keras.floatx": module.config.set_floatx,
        "keras.image_data_format": module.config.set_image_data_format,
        "keras.dtype_policy": module.config.set_dtype_policy,
    }
    refused = {}
    for name, value in switches.items():
        try:
            if name == "keras.backend":
                if str(value) != module.backend.backend():
                    refused[name] = "the backend is chosen before Keras is imported: set KERAS_BACKEND"
            elif name in setters:
                setters[name](str(value))
            else:
                refused[name] = "this version of reprokit does not know it"
        except Exception as error:  # noqa: BLE001 - a value that Keras does not take
            refused[name] = f"{type(error).__name__}: {error}"
    return refused


def seed(module: Any, seed: int) -> None:
    """Seeds Keras's global seed generator from a seed of any size.

    Layers without a seed of their own draw theirs from Python's ``random``, which is not seeded here.
    """
    from keras.src.random import seed_generator

    from reprokit.policy.seeds import derive32

    original = seed_generator.global_seed_generator
    value = derive32(seed, "keras") & 0x7FFF_FFFF

    @functools.wraps(original)
    def global_seed_generator() -> Any:
        # Only now: a generator's state is a variable, and making one would start the backend before the script can
        # choose its devices and threads.
        state = seed_generator.global_state
        if state.get_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR) is None:
            state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, module.random.SeedGenerator(value))
        return original()

    seed_generator.global_seed_generator = global_seed_generator
