"""Values that differ from run to run: the clock, process ids, entropy, addresses, hashes of strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.lint.values import Value

if TYPE_CHECKING:
    from reprokit.lint.checks.invocation import Invocation

_SOURCES = {
    "time.time": "the clock", "time.time_ns": "the clock", "time.monotonic": "the clock",
    "time.perf_counter": "the clock",
    "time.monotonic_ns": "the clock", "time.perf_counter_ns": "the clock", "datetime.datetime.now": "the clock",
    "datetime.datetime.utcnow": "the clock", "datetime.datetime.today": "the clock", "time.clock": "the clock",
    "time.process_time": "the clock", "time.localtime": "the clock", "time.gmtime": "the clock",
    "datetime.date.today": "the clock", "uuid.uuid4": "a random UUID", "uuid.uuid1": "a UUID of this host and time",
    "os.getpid": "the process id", "os.getppid": "the process id", "os.urandom": "the operating system's entropy",
    "secrets.token_bytes": "the operating system's entropy", "secrets.randbits": "the operating system's entropy",
    "secrets.randbelow": "the operating system's entropy", "secrets.token_hex": "the operating system's entropy",
    "threading.get_ident": "a thread's id", "tensorflow.timestamp": "the clock",
    "torch.seed": "a fresh seed of PyTorch",
    "random.SystemRandom": "the operating system's entropy",
}  # fmt: skip


def _source(made: Invocation) -> Value:
    return Value("entropy", name=_SOURCES[made.name])


def hashed(made: Invocation) -> Value | None:
    """What `hash()` gives: the same number in each process for a number, another one for a text."""
    function = made.walk.function
    inside = function.name if function is not None else ""
    if not made.args or made.args[0].kind in {"int", "float"} or inside in {"__hash__", "__eq__"}:
        return None
    if made.args[0].kind == "str":
        text = "hash() of a string differs between processes unless PYTHONHASHSEED is set before they start"
        made.walk.report("RPL012", made.node, text)
        return Value("entropy", name="a string's hash()")
    return Value("entropy", name="hash()")


def _order_by_address(made: Invocation) -> None:
    key = made.keywords.get("key")
    if key is not None and key.name in {"builtins.id", "builtins.hash"}:
        what = key.name[9:]
        made.walk.report("RPL012", made.node, f"ordered by {what}(), which differs between processes")


CALLS = {name: _source for name in _SOURCES if not name.startswith(("random.", "torch."))}
HEADS = {"": [_order_by_address]}
