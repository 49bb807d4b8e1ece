"""One short training script an adapter, with a fault that moves one number by a little."""

from __future__ import annotations

from pathlib import Path

from reprokit.testing import Case

EXAMPLE = Path(__file__).parents[2] / "example_adapter" / "src"

TOYTRAIN = """\
import toytrain
trainer = toytrain.Trainer(rate=0.01)
for step in range(1, 5):
    fault = 0
    trainer.step([(1.0, 2.0), (2.0, 4.5), (3.0, 5.0)])
print(trainer.slope.hex(), trainer.offset.hex())
"""
TOYTRAIN_FAULT = ("fault = 0", "trainer.offset *= 1 + 2**-48 if step == 3 else 1")

TORCH = """\
import torch
torch.manual_seed(0)
model = torch.nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(1, 5):
    fault = 0
    optimizer.zero_grad()
    model(torch.randn(8, 4)).square().mean().backward()
    optimizer.step()
print([w.detach().numpy().tobytes().hex() for w in model.parameters()])
"""
TORCH_FAULT = (
    "fault = 0",
    "if step == 3: model.weight.data = torch.nextafter(model.weight.data, torch.tensor(9.0))",
)

JAX = """\
import jax, jax.numpy as jnp, numpy as np
x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
@jax.jit
def update(w, x):
    loss, gradient = jax.value_and_grad(lambda w: jnp.square(x @ w).mean())(w)
    return w - 0.1 * gradient, loss
w = jnp.ones((4, 2))
for step in range(1, 5):
    fault = 0
    w, loss = update(w, x)
print(np.asarray(w).tobytes().hex())
"""
JAX_FAULT = ("fault = 0", "w = w.at[0, 0].set(jnp.nextafter(w[0, 0], 9.0)) if step == 3 else w")

KERAS = """\
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
y = x.sum(1)
fault = 0
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0)
print([w.tobytes().hex() for w in model.get_weights()])
"""
KERAS_FAULT = ("fault = 0", "y[17] += np.float32(2.0**-10)")

TENSORFLOW = """\
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
x = tf.reshape(tf.range(32, dtype=tf.float32), (8, 4)) / 32
w = tf.Variable(tf.ones((4, 2)))
@tf.function
def update(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(x @ w))
    w.assign_sub(0.1 * tape.gradient(loss, w))
    return loss
for step in range(1, 5):
    fault = 0
    update(x)
print(w.numpy().tobytes().hex())
"""
TENSORFLOW_FAULT = ("fault = 0", "w.assign(w * (1 + 2.0**-20 if step == 3 else 1.0))")

SKLEARN = """\
import numpy as np
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.preprocessing import StandardScaler
x = np.random.default_rng(0).normal(size=(40, 3))
scaled = StandardScaler().fit_transform(x)
fault = 0
first = LinearRegression().fit(scaled, x[:, 0])
second = Ridge(alpha=0.5).fit(scaled, x[:, 1])
print(first.coef_.tobytes().hex(), second.coef_.tobytes().hex())
"""
SKLEARN_FAULT = ("fault = 0", "scaled[0, 0] += 2.0**-40")

XGBOOST = """\
import hashlib, numpy as np, xgboost
x = np.random.default_rng(0).normal(size=(60, 3))
y = x[:, 0] * 2
model = xgboost.Booster({"nthread": 1, "base_score": 0.0}, [data := xgboost.DMatrix(x, y)])
for step in range(4):
    fault = 0
    model.update(data, step)
print(hashlib.sha256(model.save_raw()).hexdigest())
"""
XGBOOST_FAULT = ("fault = 0", "data.set_label(np.nextafter(y.astype('f4'), np.float32(9))) if step == 2 else 0")

LIGHTGBM = """\
import hashlib, lightgbm, numpy as np
x = np.random.default_rng(0).normal(size=(200, 3))
y = x[:, 0] * 2
model = lightgbm.Booster({"num_threads": 1, "verbose": -1, "objective": "mse"}, lightgbm.Dataset(x, y))
for step in range(4):
    rate = 0.1
    model.reset_parameter({"learning_rate": rate})
    model.update()
print(hashlib.sha256(model.model_to_string().encode()).hexdigest())
"""
LIGHTGBM_FAULT = ("rate = 0.1", "rate = np.nextafter(0.1, 9) if step == 2 else 0.1")

FAST = {
    "toytrain": Case(
        "toytrain", "toytrain_reprokit", TOYTRAIN, 4, TOYTRAIN_FAULT, 3, path=(str(EXAMPLE),)
    ),
}  # fmt: skip
HEAVY = {
    "torch": Case("torch", "reprokit.frameworks.torch", TORCH, 4, TORCH_FAULT, 3),
    "jax": Case("jax", "reprokit.frameworks.jax", JAX, 4, JAX_FAULT, 3),
    "keras": Case("keras", "reprokit.frameworks.keras", KERAS, 4, KERAS_FAULT, 3),
    "tensorflow": Case("tensorflow", "reprokit.frameworks.tensorflow", TENSORFLOW, 4, TENSORFLOW_FAULT, 3),
    "sklearn": Case("sklearn", "reprokit.frameworks.sklearn", SKLEARN, 3, SKLEARN_FAULT, 2, stream="/fits"),
    "xgboost": Case("xgboost", "reprokit.frameworks.xgboost", XGBOOST, 4, XGBOOST_FAULT, 3, stream="/xgboost"),
    "lightgbm": Case("lightgbm", "reprokit.frameworks.lightgbm", LIGHTGBM, 4, LIGHTGBM_FAULT, 3, stream="/lightgbm"),
}  # fmt: skip
