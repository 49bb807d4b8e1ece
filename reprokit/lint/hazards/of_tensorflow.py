"""TensorFlow: the determinism section of the release notes of 2.8, and RFC 20210119.

From 2.8 on `enable_op_determinism` either switches an operation to a deterministic kernel or makes it raise
`UnimplementedError` on a GPU. Before, `TF_DETERMINISTIC_OPS=1` did so for some.
"""

from __future__ import annotations

from reprokit.lint.hazards import Hazard, Status

NOTES = "https://github.com/tensorflow/tensorflow/releases/tag/v2.8.0"
RFC = "https://github.com/tensorflow/community/blob/master/rfcs/20210119-determinism.md"
_ALL = (2, 0)
_SWITCH = "Call tf.config.experimental.enable_op_determinism() after seeding."


def _alternative(name: str, condition: str, *calls: str) -> Hazard:
    """Has a deterministic kernel, which `enable_op_determinism` selects."""
    return Hazard(
        name, condition, ((_ALL, Status.ALTERNATIVE),), (f"tensorflow.{name[3:]}", *calls), remedy=_SWITCH, source=NOTES
    )


def _raises(name: str, condition: str, *calls: str, remedy: str = "") -> Hazard:
    """Has none: it raises when op determinism is on."""
    instead = remedy or "Replace it, or place it on the CPU with tf.device('/CPU:0')."
    return Hazard(
        name, condition, ((_ALL, Status.RAISES),), (f"tensorflow.{name[3:]}", *calls), remedy=instead, source=NOTES
    )


_ADDS = "sums in the order of atomic additions"

TENSORFLOW: tuple[Hazard, ...] = (
    *(_alternative(f"tf.math.{name}", _ADDS) for name in (
        "segment_sum", "segment_mean", "segment_prod", "unsorted_segment_sum", "unsorted_segment_mean",
        "unsorted_segment_prod", "unsorted_segment_sqrt_n")),
    _alternative("tf.sparse.sparse_dense_matmul", _ADDS, "tensorflow.sparse.matmul"),
    _alternative("tf.nn.ctc_loss", "in its gradient"),
    _alternative("tf.scatter_nd", "where an index occurs twice"),
    _alternative("tf.tensor_scatter_nd_add", "where an index occurs twice"),
    _alternative("tf.tensor_scatter_nd_sub", "where an index occurs twice"),
    _alternative("tf.tensor_scatter_nd_update", "where an index occurs twice"),
    _alternative("tf.image.crop_and_resize", "in its gradients"),
    _raises("tf.image.adjust_contrast", "means are summed in the order of atomic additions",
            remedy="Adjust contrast in tf.data on the CPU, or with tf.image.per_image_standardization."),
    _raises("tf.math.bincount", "with weights or many bins, in the order of atomic additions",
    "tensorflow.math.unsorted_bincount"),
    _raises("tf.nn.dilation2d", "in its gradients"),
    _raises("tf.nn.max_pool_with_argmax", "in its gradient"),
    _raises("tf.linalg.svd", "which sign a singular vector gets"),
    _raises("tf.nn.fractional_max_pool", "in its gradient"),
    _raises("tf.timestamp", "it reads the clock"),
    Hazard("tf.image.resize", "with method='nearest', in its gradient",
    ((_ALL, Status.RAISES),), ("tensorflow.image.resize",),
           arguments=(("method", ("nearest",)),), positions=(("method", 2),), source=NOTES,
           remedy="Use bilinear interpolation, or resize the data before training."),
)  # fmt: skip
"""Operations by their public name. Those whose deterministic kernel is also the default one are left out."""
