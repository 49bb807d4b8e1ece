"""JAX's keys: made, split, used up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.lint.values import Value

if TYPE_CHECKING:
    from reprokit.lint.checks.invocation import Invocation

_NOT_USES = {"PRNGKey", "key", "fold_in", "key_data", "wrap_key_data", "key_impl", "clone", "default_prng_impl",
             "split",
             "bits_impl", "threefry2x32_p", "PRNGImpl", "rngs"}  # fmt: skip


def _new(_made: Invocation) -> Value:
    return Value("key")


def _split(made: Invocation) -> Value:
    made.consume_key(made.argument("key", 0))
    return Value("keys")


def _folded(_made: Invocation) -> Value:
    return Value("key")


def _use(made: Invocation) -> None:
    head, _, last = made.name.rpartition(".")
    if head == "jax.random" and last not in _NOT_USES:
        made.consume_key(made.argument("key", 0))


CALLS = {"jax.random.PRNGKey": _new, "jax.random.key": _new, "jax.random.split": _split, "jax.random.fold_in": _folded,
         "jax.random.clone": _folded, "jax.random.wrap_key_data": _new}  # fmt: skip
HEADS = {"jax": [_use]}
