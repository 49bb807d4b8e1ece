"""What seeds a generator, and what of it counts for the whole program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reprokit.lint.values import ENTROPY, Value

if TYPE_CHECKING:
    from reprokit.lint.checks.invocation import Invocation

ALL = ("random", "numpy", "torch", "tensorflow", "keras")
_ML = ("random", "numpy", "torch")
SEEDERS: dict[str, tuple[str, ...]] = {
    "random.seed": ("random",), "random.setstate": ("random",),
    "numpy.random.seed": ("numpy",), "numpy.random.set_state": ("numpy",),
    "torch.manual_seed": ("torch",), "torch.set_rng_state": ("torch",),
    "torch.seed": ("torch",),
    "torch.cuda.manual_seed": ("torch-cuda",), "torch.cuda.manual_seed_all": ("torch-cuda",),
    "tensorflow.random.set_seed": ("tensorflow",), "tensorflow.set_random_seed": ("tensorflow",),
    "tensorflow.random.set_random_seed": ("tensorflow",),
    "keras.utils.set_random_seed": ALL, "keras.random.set_random_seed": ALL,
    "lightning.seed_everything": _ML, "lightning.utilities.seed.seed_everything": _ML,
    "transformers.set_seed": ALL, "transformers.trainer_utils.set_seed": ALL,
    "transformers.enable_full_determinism": (*ALL, "torch-deterministic", "tensorflow-deterministic"),
    "transformers.Trainer": ALL, "transformers.Seq2SeqTrainer": ALL,
    "accelerate.utils.set_seed": ALL, "reprokit.deterministic": ALL, "reprokit.run": ALL,
}  # fmt: skip
"""Calls that seed, and the global generators that they seed.

`keras.utils.set_random_seed` seeds `random`, NumPy and the backends (its page); Hugging Face's `Trainer` calls
`set_seed(args.seed)` when it is made.
"""
_NAMED_LIKE_A_SEEDER = re.compile(
    r"^_?(re|pre)?(set|fix|init|initiali[sz]e|make|setup|apply|enable|manual|configure)?_?(the|all|global|random|rng|torch|numpy|np|worker)?"
    r"_?(seed|seeds|seeding|seed_all|seed_everything|seed_everywhere|random_state|determinis\w*|reproducib\w*)_?(all|everything|seeds?|for_reproducibility)?$"
)
_NOT_SEEDERS = {
    "SeedSequence",
    "get_seed",
    "initial_seed",
    "seed_worker",
    "worker_seed",
    "generate_seed",
    "random_state",
}
_OS_SEEDED = {"random.seed", "numpy.random.seed", "torch.seed"}


def _from_surroundings(value: Value | None) -> str:
    if value is None or value.kind != ENTROPY.kind:
        return ""
    return value.name or "the surroundings"


def _seed_argument(made: Invocation) -> Value | None:
    for name in ("seed", "a", "workers_seed", "x", "key", "random_state"):
        if name in made.keywords:
            return made.keywords[name]
    return made.args[0] if made.args else None


def report_entropy(made: Invocation, value: Value | None) -> bool:
    """Reports a seed that comes from the clock, a process id and the like."""
    source = _from_surroundings(value)
    if source:
        short = made.name.replace("builtins.", "")
        made.walk.report(
            "RPL007", made.node, f"the seed given to {short}() comes from {source}: it differs in each run"
        )
    return bool(source)


def _imported(made: Invocation) -> None:
    libraries = SEEDERS.get(made.name)
    if libraries is None:
        return
    argument = _seed_argument(made)
    reported = report_entropy(made, argument)
    if made.name in _OS_SEEDED and not reported and (argument is None or argument.kind == "none") and not made.hidden():
        made.walk.report(
            "RPL007", made.node, f"{made.name}() without a number takes its seed from the operating system"
        )
    made.walk.seeds(libraries, made.node)


def _any(made: Invocation) -> None:
    """Calls that are named like a seeder and whose body is not in this file, and methods that seed."""
    last = made.name.rpartition(".")[2]
    if made.name in SEEDERS or not last:
        return
    walk = made.walk
    if last in {"manual_seed", "seed_everything"} and made.receiver is not None and made.receiver.kind != "ref":
        report_entropy(made, _seed_argument(made))
        if last == "seed_everything":
            walk.seeds(_ML, made.node)
        return
    if last in _NOT_SEEDERS or not _NAMED_LIKE_A_SEEDER.match(last) or made.name.startswith(("jax.", "builtins.")):
        return
    if made.receiver is not None and made.receiver.kind in {"instance", "local", "self"}:
        if last == "seed":
            report_entropy(made, _seed_argument(made))
        return
    report_entropy(made, _seed_argument(made))
    walk.facts.unknown_seeders.append((made.name, walk.function_name))
    for library in ALL:
        walk.event("seed", library, made.node)


def _local(made: Invocation) -> None:
    """A function of this file whose name says that it seeds is given a seed from the surroundings."""
    func = made.node.func
    name = getattr(func, "id", "") or getattr(func, "attr", "")
    if "seed" in name.lower():
        made.name = name
        report_entropy(made, _seed_argument(made))


_TAKERS = ("numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.SeedSequence", "random.Random",
           "jax.random.PRNGKey", "jax.random.key", "numpy.random.PCG64", "numpy.random.Philox",
           "tensorflow.random.Generator.from_seed")  # fmt: skip


def _taker(made: Invocation) -> None:
    if made.name in _TAKERS:
        report_entropy(made, _seed_argument(made))
    for name in ("seed", "random_state", "random_seed", "global_seed"):
        value = made.keywords.get(name)
        if value is not None and made.name not in _TAKERS and made.name not in SEEDERS:
            report_entropy(made, value)


HEADS = {"": [_any, _taker], "local": [_local], **{head: [_imported] for head in
         ("random", "numpy", "torch", "tensorflow", "keras", "lightning", "transformers", "accelerate",
         "reprokit")}}  # fmt: skip
