"""Loops as people write them with JAX: ``python training.py MODE``. The last line is a digest of the final state."""

import hashlib
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

MODE = sys.argv[1]
if MODE == "x64":
    jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(64, 8)).astype("float32"), rng.normal(size=(64, 2)).astype("float32")
DTYPE = {"bf16": jnp.bfloat16, "x64": jnp.float64}.get(MODE, jnp.float32)
FAULT = len(sys.argv) > 2


def fault(tree, step):
    """Moves one number to the next representable one before step 4."""
    if not FAULT or step != 4:
        return tree
    leaves, structure = jax.tree.flatten(tree)
    at = next(i for i, leaf in enumerate(leaves) if leaf.ndim == 2)
    first = (0,) * leaves[at].ndim
    leaves[at] = leaves[at].at[first].set(jnp.nextafter(leaves[at][first], jnp.asarray(9, leaves[at].dtype)))
    return jax.tree.unflatten(structure, leaves)


def loss_of(w, x, y):
    return jnp.square(jnp.tanh(x.astype(DTYPE) @ w["a"]) @ w["b"] - y).mean()


tx = optax.adam(0.01)
w = {"a": jnp.full((8, 4), 0.1, DTYPE), "b": jnp.full((4, 2), 0.2, DTYPE)}
opt_state = tx.init(w)


def update(w, opt_state, x, y):
    loss, g = jax.value_and_grad(loss_of)(w, x, y)
    changes, opt_state = tx.update(g, opt_state, w)
    return optax.apply_updates(w, changes), opt_state, loss


if MODE in ("update", "bf16", "x64", "evaluation"):
    step_of, evaluate = jax.jit(update), jax.jit(loss_of)
    key = jax.random.key(0)
    split, average = jax.jit(jax.random.split), jax.jit(lambda e, w: jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, e, w))
    ema = w
    for i in range(1, 6):
        w = fault(w, i)
        if MODE == "evaluation":
            key, noise = split(key)
        w, opt_state, loss = step_of(w, opt_state, X, Y)
        if MODE == "evaluation":
            evaluate(w, X, Y)
            ema = average(ema, w)
elif MODE == "donated":
    step_of = partial(jax.jit, donate_argnums=(0, 1))(update)
    reused = []
    for i in range(1, 6):
        w = fault(w, i)
        before = w["b"].unsafe_buffer_pointer()
        w, opt_state, loss = step_of(w, opt_state, X, Y)
        reused.append(w["b"].unsafe_buffer_pointer() == before)
    print("reused", all(reused))
elif MODE == "apply":
    gradient_of = jax.jit(jax.value_and_grad(loss_of))

    @jax.jit
    def apply(w, opt_state, g):
        changes, opt_state = tx.update(g, opt_state, w)
        return optax.apply_updates(w, changes), opt_state

    for i in range(1, 6):
        w = fault(w, i)
        loss, g = gradient_of(w, X, Y)
        w, opt_state = apply(w, opt_state, g)
elif MODE == "optax":
    gradient_of = jax.jit(jax.value_and_grad(loss_of))
    for i in range(1, 6):
        w = fault(w, i)
        loss, g = gradient_of(w, X, Y)
        changes, opt_state = tx.update(g, opt_state, w)
        w = optax.apply_updates(w, changes)
elif MODE in ("eager", "by hand"):
    gradient_of = jax.value_and_grad(loss_of)
    if MODE == "by hand":
        gradient_of = jax.jit(gradient_of)
    for i in range(1, 6):
        w = fault(w, i)
        loss, g = gradient_of(w, X, Y)
        w = jax.tree.map(lambda w, g: w - 0.1 * g, w, g)
elif MODE == "accumulated":
    gradient_of = jax.jit(jax.value_and_grad(loss_of))
    for i in range(1, 6):
        w = fault(w, i)
        halves = [gradient_of(w, X[j::2], Y[j::2])[1] for j in range(2)]
        changes, opt_state = tx.update(jax.tree.map(jnp.add, *halves), opt_state, w)
        w = optax.apply_updates(w, changes)
elif MODE == "scan":

    @jax.jit
    def train(w, opt_state, xs, ys):
        def body(carry, batch):
            w, opt_state, loss = update(*carry, *batch)
            return (w, opt_state), loss

        return jax.lax.scan(body, (w, opt_state), (xs, ys))

    for i in range(1, 6):
        w = fault(w, i)
        (w, opt_state), losses = train(w, opt_state, X.reshape(4, 16, 8), Y.reshape(4, 16, 2))
elif MODE == "k-means":

    @jax.jit
    def move(centres, x):
        nearest = jnp.argmin(jnp.square(x[:, None] - centres[None]).sum(-1), 1)
        chosen = jax.nn.one_hot(nearest, 4)
        return chosen.T @ x / jnp.maximum(chosen.sum(0), 1)[:, None]

    w = jnp.asarray(X[:4])
    for i in range(1, 6):
        w = move(fault(w, i), X)
elif MODE == "two models":
    down, up = (
        jax.jit(jax.grad(lambda a, b, x: (x @ a @ b).mean())),
        jax.jit(jax.grad(lambda b, a, x: -(x @ a @ b).mean())),
    )
    apply = jax.jit(lambda p, g: p - 0.1 * g)
    a, b = w["a"], w["b"]
    for _ in range(3):
        a = apply(a, down(a, b, X))
        b = apply(b, up(b, a, X))
    w = (a, b)
elif MODE == "linen":
    import flax.linen as nn
    from flax.training.train_state import TrainState

    model = nn.Sequential([nn.Dense(4), nn.relu, nn.Dense(2)])
    state = TrainState.create(apply_fn=model.apply, params=model.init(jax.random.key(0), X)["params"], tx=tx)

    @jax.jit
    def step_of(state, x, y):
        loss, g = jax.value_and_grad(lambda p: jnp.square(state.apply_fn({"params": p}, x) - y).mean())(state.params)
        return state.apply_gradients(grads=g), {"loss": loss}

    for i in range(1, 6):
        state = state.replace(params=fault(state.params, i))
        state, metrics = step_of(state, X, Y)
    w = state.params
elif MODE == "nnx":
    from flax import nnx

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.one, self.drop = nnx.Linear(8, 4, rngs=rngs), nnx.Dropout(0.1, rngs=rngs)
            self.two = nnx.Linear(4, 2, rngs=rngs)

        def __call__(self, x):
            return self.two(self.drop(nnx.relu(self.one(x))))

    model = Model(nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, tx, wrt=nnx.Param)

    @nnx.jit
    def step_of(model, optimizer, x, y):
        loss, g = nnx.value_and_grad(lambda m: jnp.square(m(x) - y).mean())(model)
        optimizer.update(model, g)
        return loss

    for i in range(1, 6):
        nnx.update(model, fault(nnx.state(model, nnx.Param), i))
        loss = step_of(model, optimizer, X, Y)
    w = nnx.state(model, nnx.Param)
elif MODE == "disabled":
    with jax.disable_jit():
        for i in range(1, 6):
            w = fault(w, i)
            w, opt_state, loss = jax.jit(update)(w, opt_state, X, Y)
else:
    raise SystemExit(MODE)
print(hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(w))).hexdigest())
