"""A two-layer network on scikit-learn's digits, with optax."""
import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

images, labels = load_digits(return_X_y=True)
images = (images / 16).astype("float32")
rng = np.random.default_rng(3)
seed = int(rng.integers(1 << 30))
one, two = jax.random.split(jax.random.key(seed))
params = {
    "hidden": jax.random.normal(one, (64, 32)) * 0.1,
    "out": jax.random.normal(two, (32, 10)) * 0.1,
}
optimizer = optax.adam(1e-2)
state = optimizer.init(params)


def loss_of(params, x, y):
    logits = jax.nn.relu(x @ params["hidden"]) @ params["out"]
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


@partial(jax.jit, donate_argnums=(0, 1))
def update(params, state, x, y):
    loss, gradients = jax.value_and_grad(loss_of)(params, x, y)
    changes, state = optimizer.update(gradients, state, params)
    return optax.apply_updates(params, changes), state, loss


evaluate = jax.jit(loss_of)
for step in range(1, 21):
    chosen = rng.choice(len(images), 64, replace=False)
    x, y = images[chosen], labels[chosen]
    params, state, loss = update(params, state, x, y)
    if step % 5 == 0:
        print(step, float(evaluate(params, images, labels)))
np.savez("digits.npz", **params)
with open("metrics.json", "w") as file:
    json.dump({"loss": float(loss)}, file)
