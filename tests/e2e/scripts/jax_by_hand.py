"""Gradients that are applied outside compiled code, and steps that the script marks itself."""
import jax
import jax.numpy as jnp
import numpy as np

import reprokit

rng = np.random.default_rng(5)
x = rng.normal(size=(32, 4)).astype("float32")
gradient_of = jax.value_and_grad(lambda w, x: jnp.square(jnp.tanh(x @ w) - 1).mean())
w = jnp.asarray(rng.normal(size=(4, 2)).astype("float32"))
key = jax.random.key(int(rng.integers(99)))
with reprokit.run() as run:
    for step in range(1, 9):
        key, noise = jax.random.split(key)
        batch = x + 0.1 * jax.random.normal(noise, x.shape)
        loss, gradient = gradient_of(w, batch)
        w = w - 0.1 * gradient
        run.step(loss=loss, batch=batch, params={"w": w}, key=key)
np.save("w.npy", w)
