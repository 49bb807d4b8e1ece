"""What a script can see of its compiled functions, printed."""

import copy
import functools
import inspect
import pickle
import threading

import jax
import jax.numpy as jnp


def g(a, b=2):
    "doc g"
    return a * b


h = jax.jit(g, static_argnames="b")
print(
    h.__name__,
    h.__doc__,
    h.__module__,
    h.__qualname__,
    inspect.signature(h),
    h.__wrapped__ is g,
    callable(h),
    inspect.isroutine(h),
    isinstance(h, jax.stages.Wrapped),
    isinstance(h, type(jax.jit(g))),
    repr(h)[:12],
)
print(
    h.lower(jnp.ones(3)).compile()(jnp.ones(3)), h.trace(jnp.ones(3)).jaxpr, h.eval_shape(jnp.ones(3)), h._cache_size()
)
h.clear_cache()
print(
    jax.vmap(h)(jnp.ones((2, 3))),
    jax.grad(lambda x: h(x).sum())(jnp.ones(3)),
    jax.jit(h)(1.0),
    jax.eval_shape(h, jnp.ones(3)),
    hash(h) == hash(h),
    h == h,
    {h: 1}[h],
)
for f in (lambda: pickle.loads(pickle.dumps(h)), lambda: copy.copy(h), lambda: copy.deepcopy(h)):
    try:
        print(type(f()).__name__)
    except Exception as e:
        print(type(e).__name__, str(e)[:22])


@jax.jit
def dec(x):
    return x


try:
    print("dec", pickle.loads(pickle.dumps(dec)) is dec)
except Exception as e:
    print(type(e).__name__, str(e)[:22])


@functools.partial(jax.jit, donate_argnums=0)
def don(x):
    return x + 1


print(don(jnp.ones(2)))


@jax.jit(static_argnums=0)
def fac(n, x):
    return x * n


print(fac(3, jnp.ones(2)), inspect.signature(fac))
print(jax.make_jaxpr(dec)(1.0), jax.linearize(dec, 1.0)[0], jax.checkpoint(dec)(1.0))
try:
    dec(object())
except TypeError as e:
    print(str(e)[:40])


@jax.jit
def bad(x):
    return x.reshape(7)


try:
    bad(jnp.ones(3))
except TypeError as e:
    print(str(e)[:50])
print(jax.jit(dec).lower(jnp.ones(2)).as_text()[:200])


class A:
    @jax.jit
    def m(self, x):
        return x

    @staticmethod
    @jax.jit
    def s(x):
        return x * 2


print(A.s(2.0), A().s(3.0))
t = threading.Thread(target=lambda: print(dec(4.0)))
t.start()
t.join()
f2 = jax.jit(jax.value_and_grad(lambda p: (p**2).sum()))
print(f2(jnp.ones(2)), inspect.signature(jax.grad(g)), jax.grad(g).__name__)
print(jax.hessian(lambda p: (p**3).sum())(jnp.ones(2)))
