"""Named, versioned sets of switches: the built-in ones, and what can be made of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError
from reprokit.policy.contradictions import contradictions
from reprokit.policy.seeds import derive32
from reprokit.policy.switches import SWITCHES, switch

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Policy:
    """A set of switches, and the seed of all generators.

    Attributes:
        name: as it is given on the command line.
        version: of a built-in policy its number; of another one a digest of what it sets.
        switches: name -> value, every value in its one spelling.
        seed: of all generators, any integer; None leaves them alone.
    """

    name: str
    version: str
    switches: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None

    def __post_init__(self) -> None:
        parsed = {name: parsed_value(name, value, self.name) for name, value in self.switches.items()}
        object.__setattr__(self, "switches", MappingProxyType(dict(sorted(parsed.items()))))
        found = contradictions(self.switches)
        if found:
            raise UsageError("RPK122", f"the policy {self.name!r} contradicts itself: {'; '.join(found)}")

    def __hash__(self) -> int:
        return hash((self.name, self.version, tuple(self.switches.items()), self.seed))

    def __reduce__(self) -> tuple[Any, ...]:  # a mappingproxy cannot be pickled
        return Policy, (self.name, self.version, dict(self.switches), self.seed)

    def with_(self, name: str, value: Any) -> Policy:
        """The same policy with one switch set to ``value``; it keeps its name, and gets a version of its own.

        Raises:
            UsageError: RPK121, there is no such switch or value; RPK122, it contradicts another one.

        >>> BUILT_IN["fast"].with_("torch.num_threads", 2).switches["torch.num_threads"]
        2
        """
        return self._altered({**self.switches, name: parsed_value(name, value, self.name)})

    def without(self, name: str) -> Policy:
        """The same policy without one switch; ``seed`` stands for the seeds. A switch that it does not set is ignored.

        Raises:
            UsageError: RPK121, there is no such switch.
        """
        if name == "seed":
            return self.with_seed(None)
        switch(name)
        return self._altered({key: value for key, value in self.switches.items() if key != name})

    def with_seed(self, seed: int | None) -> Policy:
        """The same policy with another seed. The version stays: it speaks of the switches."""
        return replace(self, seed=seed)

    def _altered(self, switches: dict[str, Any]) -> Policy:
        if switches == dict(self.switches):
            return self
        return Policy(self.name, version_of(switches), switches, self.seed)

    @property
    def text(self) -> str:
        """Name and version, as reports have it: ``deterministic/2``."""
        return f"{self.name}/{self.version}"


def parsed_value(name: str, value: Any, policy: str) -> Any:
    """The one spelling of a switch's value.

    Raises:
        UsageError: RPK121, the switch is unknown or does not take the value.
    """
    record = switch(name)
    try:
        return record.parse(value)
    except ValueError as error:
        message = f"the policy {policy!r} sets {name} to {value!r}; it takes {error}"
        raise UsageError("RPK121", message) from None


def version_of(switches: Mapping[str, Any]) -> str:
    """A version that follows from the switches alone."""
    import hashlib
    import json

    text = json.dumps(dict(sorted(switches.items())), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


_FIRST = {
    "cublas.workspace": ":4096:8",
    "torch.deterministic_algorithms": "warn",
    "torch.fill_uninitialized_memory": True,
    "torch.cudnn.benchmark": False,
    "torch.cudnn.deterministic": True,
}
_SECOND = {
    **_FIRST,
    "python.file_order": "sorted",
    "tensorflow.op_determinism": True,
    "jax.xla_flags": "--xla_gpu_deterministic_ops=true",
}
_STRICT = {
    **_SECOND,
    "torch.deterministic_algorithms": "strict",
    "torch.float32_matmul_precision": "highest",
    "tensorflow.tensor_float_32": False,
    "nccl.algo": "Ring",
    "mkl.cbwr": "AUTO",
    "system.locale": "C.UTF-8",
    "system.time_zone": "UTC",
}

BUILT_IN: Mapping[str, Policy] = MappingProxyType(
    {
        "none": Policy("none", "1"),
        "fast": Policy("fast", "1", seed=0),
        "deterministic": Policy("deterministic", "2", _SECOND, seed=0),
        "strict": Policy("strict", "1", _STRICT, seed=0),
    }
)
"""The policies that need no definition.

- ``none``: nothing is changed
- ``fast``: nothing but seeds
- ``deterministic``: everything that helps and leaves a working script working
- ``strict``: also what may stop a script (an operation without a deterministic kernel raises), slow it down, or change
  what it prints (locale, time zone)
"""

FIRST_DETERMINISTIC = Policy("deterministic", "1", _FIRST)
"""What ``deterministic`` was before policies had versions."""


def environment_of(policy: Policy) -> dict[str, str]:
    """Variables that a policy sets before the command starts, where nothing is set yet; see `settled_environment`."""
    return settled_environment(policy, {})[0]


def settled_environment(policy: Policy, environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What a policy changes in an environment.

    A value that is at least as strong as the policy's stays. One that contradicts it gives way. The hash seed follows
    from the policy's seed where nothing else sets it.

    Returns:
        Variables to set, and what each value that gave way was, as sentences.
    """
    found: dict[str, str] = {}
    gone = []
    for name, value in policy.switches.items():
        record = SWITCHES[name]
        if record.variable is None:
            continue
        before = environment.get(record.variable, "")
        if before and record.holds(value, before):
            continue
        found[record.variable] = record.text(value, before)
        if before and not _only_added(before, found[record.variable]):
            gone.append(f"{record.variable} was {before!r}; the policy {policy.name} has {record.text(value)!r}")
    if policy.seed is not None and not environment.get("PYTHONHASHSEED", "").isdigit():
        found.setdefault("PYTHONHASHSEED", str(derive32(policy.seed, "python.hash_seed")))
    return found, gone


def _only_added(before: str, after: str) -> bool:
    return set(before.split()) <= set(after.split())


def calls_of(policy: Policy) -> dict[str, dict[str, Any]]:
    """What a policy has set after import: framework -> switch -> value."""
    calls: dict[str, dict[str, Any]] = {}
    for name, value in policy.switches.items():
        if SWITCHES[name].how == "call":
            calls.setdefault(SWITCHES[name].framework, {})[name] = value
    return calls


def in_process(policy: Policy) -> dict[str, Any]:
    """What the observer sets by itself in every process: switch -> value."""
    return {name: value for name, value in policy.switches.items() if SWITCHES[name].how == "process"}


def seeds_of(policy: Policy) -> dict[str, int]:
    """The seed that each generator's owner gets: framework -> seed of any size, to be derived by who seeds it.

    A policy's seed is meant for all; a switch such as ``torch.seed`` is meant for one.
    """
    found = {}
    for record in SWITCHES.values():
        seed = policy.switches.get(record.name, policy.seed) if record.how == "seed" else None
        if seed is not None:
            found[record.framework] = int(seed)
    return found
