"""What seeds PyTorch when the script does not: the default generator's first state, and ``torch.seed()``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.observe.ambient import Ambient


def note_first_seed(torch: Any, ambient: Ambient) -> None:
    """Keeps the default generator's seed for a run that begins long after the import."""
    ambient.value("torch.initial_seed", lambda: int(torch.initial_seed()).to_bytes(8, "little"), site=False)


def arm_ambient(torch: Any, ambient: Ambient) -> None:
    """Keeps (or, in a replay, sets) the default generator's state, and logs the seeds that ``torch.seed()`` draws.

    The default CPU generator is created with a seed of the operating system. Setting the *seed* that it reports, not
    only the state, keeps ``torch.initial_seed()`` and what DataLoader workers derive from it the same too.
    """
    first = int(torch.initial_seed())
    data, given = ambient.value("torch.initial_seed", lambda: first.to_bytes(8, "little"), site=False)
    if given:
        torch.default_generator.manual_seed(_signed(int.from_bytes(data, "little")))

    def seed() -> int:
        drawn, _given = ambient.value("torch.seed", lambda: original().to_bytes(8, "little"))
        value = int.from_bytes(drawn, "little")
        torch.manual_seed(_signed(value))
        return value

    original = torch.random.seed
    seed.__doc__, seed.__module__ = original.__doc__, original.__module__
    torch.random.seed = torch.seed = seed
    torch.Generator = _generator_class(torch, ambient)


def _generator_class(torch: Any, ambient: Ambient) -> Any:
    """``torch.Generator`` with a ``seed()`` that is logged.

    The class is implemented in C and cannot be changed, so a subclass stands in for it. Its metaclass keeps
    ``isinstance(x, torch.Generator)`` true for generators that PyTorch itself makes.
    """
    original = torch.Generator

    class _Kind(type(original)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: Any) -> bool:
            return issubclass(type(instance), original)

        def __subclasscheck__(cls, subclass: Any) -> bool:
            return type.__subclasscheck__(original, subclass)

    class Generator(original, metaclass=_Kind):  # type: ignore[misc,valid-type]
        __doc__, __module__, __qualname__ = original.__doc__, original.__module__, original.__qualname__

        def seed(self) -> int:
            drawn, _given = ambient.value(
                "torch.Generator.seed", lambda: (original.seed(self) % (1 << 64)).to_bytes(8, "little")
            )
            value = int.from_bytes(drawn, "little")
            self.manual_seed(_signed(value))
            return value

        def __reduce_ex__(self, protocol: Any) -> Any:
            """Pickles as the original class, so that a checkpoint is what it would have been."""
            function, arguments, *rest = super().__reduce_ex__(protocol)

            def swap(value: Any) -> Any:
                return original if value is Generator else value

            return (swap(function), tuple(map(swap, arguments)), *rest)

    return Generator


def _signed(seed: int) -> int:
    """``manual_seed`` takes negative numbers for seeds of 2**63 and above."""
    return seed - (1 << 64) if seed >= 1 << 63 else seed
