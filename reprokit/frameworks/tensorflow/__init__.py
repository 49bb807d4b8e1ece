"""TensorFlow: seeds, switches, operations that cannot repeat, and loops that update variables by hand.

Training with Keras's models and optimizers is observed by Keras's own adapter. What is left here is what every script
has: the seeds that TensorFlow draws when the script gives none, and a loop of ``GradientTape`` and ``assign_sub``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.observe.start import Session


def arm(module: Any, session: Session) -> Any:
    """Observes TensorFlow in this process; called once ``import tensorflow`` has finished."""
    import atexit

    from reprokit.frameworks.tensorflow.ambient import arm_ambient
    from reprokit.frameworks.tensorflow.tape import TapeObserver

    asked = session.config.get("switches", {}).get("tensorflow", {})
    arm_ambient(session.ambient, determinism=bool(asked.get("tensorflow.op_determinism")))
    observer = TapeObserver(module, session)
    observer.arm()
    atexit.register(observer.close)  # before TensorFlow, imported earlier, takes itself down
    return observer


def read_back(module: Any) -> dict[str, Any]:
    """Every switch as it is now."""
    from reprokit.frameworks.tensorflow.switches import read_all

    return read_all(module)


def apply(module: Any, switches: dict[str, Any]) -> dict[str, str]:
    """Sets switches by name; never raises.

    Returns:
        Switch -> why it could not be set.
    """
    from reprokit.frameworks.tensorflow.switches import apply_all

    return apply_all(module, switches)


def seed(module: Any, seed: int) -> None:
    """Seeds TensorFlow's global seed from a seed of any size."""
    from reprokit.policy.seeds import derive32

    module.random.set_seed(derive32(seed, "tensorflow"))
