"""JAX: what goes into and comes out of the updates of an unmodified training script.

- calls: the outermost call of a function made by ``jax.jit``; of one made by ``jax.grad`` or ``jax.value_and_grad``
  where the script does not compile it; ``optax.apply_updates`` where it runs outside compiled code
- which of these calls is an update, and where it ends: see `steps`
- what happens inside a compiled call is not seen: a row holds its inputs and its outputs
- arrays are read through their buffer. A NumPy view would take the buffer hostage: a later donation of it would copy
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.observe.start import Session


def arm(module: Any, session: Session) -> Any:
    """Observes JAX in this process; called once ``import jax`` has finished.

    Args:
        module: the module ``jax``.
        session: the observers of this process.

    Returns:
        The adapter.
    """
    from reprokit.frameworks.jax.steps import JaxObserver

    observer = JaxObserver(module, session)
    observer.arm()
    return observer


def read_back(module: Any) -> dict[str, Any]:
    """Every switch as it is now: JAX's configuration, ``XLA_FLAGS`` and the devices.

    Args:
        module: the module ``jax``.

    Returns:
        Switch -> a number, a text, True, False or None.
    """
    from reprokit.frameworks.jax.switches import read_all

    return read_all(module)


def apply(module: Any, switches: dict[str, Any]) -> dict[str, str]:
    """Sets switches by name; never raises.

    Args:
        module: the module ``jax``.
        switches: switch -> value.

    Returns:
        Switch -> why it could not be set.
    """
    from reprokit.frameworks.jax.switches import apply_all

    return apply_all(module, switches)


def seed(module: Any, seed: int) -> None:
    """Nothing: JAX has no global generator. Every draw takes a key, and the script makes its keys itself.

    Args:
        module: the module ``jax``.
        seed: any integer.
    """
    del module, seed
