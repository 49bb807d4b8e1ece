"""A small convolutional net on scikit-learn's digits with Flax: dropout, a TrainState, a checkpoint in msgpack."""
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from flax import serialization
from flax.training.train_state import TrainState
from sklearn.datasets import load_digits


class Net(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = nn.relu(nn.Conv(8, (3, 3))(x)).reshape((len(x), -1))
        x = nn.Dropout(0.2, deterministic=not train)(nn.relu(nn.Dense(32)(x)))
        return nn.Dense(10)(x)


images, labels = load_digits(return_X_y=True)
images = (images / 16).astype("float32").reshape(-1, 8, 8, 1)
rng = np.random.default_rng(4)
key = jax.random.key(4)
net = Net()
variables = net.init(key, images[:1], train=False)
state = TrainState.create(apply_fn=net.apply, params=variables["params"], tx=optax.sgd(0.1, momentum=0.9))


@jax.jit
def update(state, x, y, key):
    def loss_of(params):
        logits = state.apply_fn({"params": params}, x, train=True, rngs={"dropout": key})
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    loss, gradients = jax.value_and_grad(loss_of)(state.params)
    return state.apply_gradients(grads=gradients), loss


for step in range(1, 16):
    chosen = rng.choice(len(images), 64, replace=False)
    x, y = jnp.asarray(images[chosen]), jnp.asarray(labels[chosen])
    state, loss = update(state, x, y, jax.random.fold_in(key, step))
with open("model.msgpack", "wb") as file:
    file.write(serialization.to_bytes(state.params))
with open("metrics.json", "w") as file:
    json.dump({"loss": float(loss)}, file)
