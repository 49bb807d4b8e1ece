"""Sets and reads back the switches of TensorFlow (the records are in `reprokit.policy.records`).

Nothing here may start TensorFlow's runtime: a script can choose devices and threads only as long as it has not started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_FALSE = (False, 0, "0", "off", "false", "False", "")


def read_all(tf: Any) -> dict[str, Any]:
    """Every switch as it is now. Thread counts are 0 where none was chosen."""
    readers: dict[str, Callable[[], Any]] = {
        "tensorflow.version": lambda: str(tf.__version__),
        "tensorflow.op_determinism": _op_determinism,
        "tensorflow.inter_op_threads": lambda: int(tf.config.threading.get_inter_op_parallelism_threads()),
        "tensorflow.intra_op_threads": lambda: int(tf.config.threading.get_intra_op_parallelism_threads()),
        "tensorflow.jit": lambda: str(tf.config.optimizer.get_jit()),
        "tensorflow.tensor_float_32": lambda: bool(tf.config.experimental.tensor_float_32_execution_enabled()),
        "tensorflow.run_functions_eagerly": lambda: bool(tf.config.functions_run_eagerly()),
        "tensorflow.onednn": _onednn,
    }
    values = {}
    for name, read in readers.items():
        try:
            values[name] = read()
        except Exception:  # noqa: BLE001, S112 - this version of TensorFlow lacks it
            continue
    return values


def _op_determinism() -> bool:
    """There is no public way to ask; Keras asks in the same way (``keras/src/trainers/trainer.py``)."""
    from tensorflow.python.framework.config import is_op_determinism_enabled

    return bool(is_op_determinism_enabled())


def _onednn() -> bool:
    from tensorflow.python.util import _pywrap_util_port

    return bool(_pywrap_util_port.IsMklEnabled())


def _set_op_determinism(tf: Any, value: Any) -> None:
    if value not in _FALSE:
        tf.config.experimental.enable_op_determinism()
        return
    from tensorflow.python.framework.config import disable_op_determinism

    disable_op_determinism()


_SETTERS: dict[str, Callable[[Any, Any], None]] = {
    "tensorflow.op_determinism": _set_op_determinism,
    "tensorflow.inter_op_threads": lambda tf, value: tf.config.threading.set_inter_op_parallelism_threads(int(value)),
    "tensorflow.intra_op_threads": lambda tf, value: tf.config.threading.set_intra_op_parallelism_threads(int(value)),
    "tensorflow.jit": lambda tf, value: tf.config.optimizer.set_jit(
        "autoclustering" if value == "autoclustering" else False
    ),
    "tensorflow.tensor_float_32": lambda tf, value: tf.config.experimental.enable_tensor_float_32_execution(
        value not in _FALSE
    ),
    "tensorflow.run_functions_eagerly": lambda tf, value: tf.config.run_functions_eagerly(value not in _FALSE),
}
_BEFORE = {
    "tensorflow.onednn": "it is chosen before TensorFlow is imported: set TF_ENABLE_ONEDNN_OPTS",
    "tensorflow.version": "it is what is installed",
}


def apply_all(tf: Any, switches: dict[str, Any]) -> dict[str, str]:
    """Sets switches by name; returns those that could not be set, each with the reason."""
    refused = {}
    now = read_all(tf)
    for name, value in switches.items():
        if name in now and now[name] == value:
            continue
        try:
            if name in _SETTERS:
                _SETTERS[name](tf, value)
            else:
                refused[name] = _BEFORE.get(name, "this version of reprokit does not know it")
        except Exception as error:  # noqa: BLE001 - a refusal is reported, not raised
            refused[name] = f"{type(error).__name__}: {error}"
    return refused
