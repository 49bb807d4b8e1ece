"""Trains a small network with optax on a GPU, with JAX."""
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

digits = load_digits()
x, y = jnp.asarray(digits.images.reshape(-1, 64) / 16, jnp.float32), jnp.asarray(digits.target)
first, second, key = jax.random.split(jax.random.key(0), 3)
params = {"w1": jax.random.normal(first, (64, 128)) * 0.1, "w2": jax.random.normal(second, (128, 10)) * 0.1}
optimizer = optax.adam(1e-3)
opt_state = optimizer.init(params)


def loss_of(params, x, y):
    logits = jax.nn.relu(x @ params["w1"]) @ params["w2"]
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


@jax.jit
def update(params, opt_state, x, y):
    loss, grads = jax.value_and_grad(loss_of)(params, x, y)
    updates, opt_state = optimizer.update(grads, opt_state)
    return optax.apply_updates(params, updates), opt_state, loss


for step in range(1, 31):
    key, sub = jax.random.split(key)
    picked = jax.random.randint(sub, (128,), 0, len(x))
    params, opt_state, loss = update(params, opt_state, x[picked], y[picked])
print(f"loss {float(loss):.6f}")
np.savez("params.npz", **{name: np.asarray(value) for name, value in params.items()})
