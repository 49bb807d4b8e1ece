"""Remembers the modules whose outermost call was observed: they name the parameters, and hold the buffers."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.torch.names import clean
from reprokit.frameworks.torch.state import ParameterGroup

if TYPE_CHECKING:
    from reprokit.frameworks.torch.state import Blocks
    from reprokit.frameworks.torch.tensors import TensorDigester

_MOST = 16


class _Root:
    """One module, held weakly; ``number`` counts in the order of first calls."""

    def __init__(self, number: int, module: Any) -> None:
        self.number = number
        self.reference = weakref.ref(module)
        self.owners: list[tuple[Any, str]] = []
        self.group: ParameterGroup | None = None
        self.collected = False


class RootModules:
    """The modules that the script calls itself.

    A step's row holds the buffers (running means and the like: state that no optimizer has) of the modules that were
    called in that step. When a module that is no longer used dies depends on the garbage collector, so that must not
    show in the trace.
    """

    def __init__(self, recorder: Any, digester: TensorDigester) -> None:
        self._recorder = recorder
        self._digester = digester
        self._known: dict[int, _Root] = {}
        self._called: dict[int, _Root] = {}
        self._count = 0

    def note(self, module: Any) -> None:
        """A module has been called. Losses and activations, which hold no tensor, are not remembered."""
        root = self._known.get(id(module))
        if root is None or root.reference() is not module:
            if next(module.parameters(), None) is None and next(module.buffers(), None) is None:
                return
            self._known = {key: known for key, known in self._known.items() if known.reference() is not None}
            if len(self._known) >= _MOST:
                return
            root = self._known[id(module)] = _Root(self._count, module)
            self._count += 1
        self._called[root.number] = root

    def alive(self) -> list[Any]:
        """The modules that still exist."""
        return [module for root in self._known.values() if (module := root.reference()) is not None]

    def end_step(self) -> None:
        """Forgets which modules were called."""
        self._called.clear()

    def buffers(self) -> Blocks:
        """The buffers of the modules that were called in this step, by the names they have there."""
        blocks: Blocks = []
        for root in self._called.values():
            if not root.collected:
                self._collect(root)
            if root.group is not None:
                tensors = []
                for reference, name in root.owners:
                    owner = reference()
                    held = owner is not None and name in owner._buffers  # a ScriptModule's is no dict: no get()
                    tensors.append(owner._buffers[name] if held else None)
                blocks.append(root.group.block("parameters", tensors))
        return blocks

    def entries_of(self, module: Any) -> list[tuple[str, str]]:
        """Keys and names of the buffers of one of these modules; none before its first step."""
        root = self._known.get(id(module))
        return root.group.entries if root is not None and root.group is not None else []

    def _collect(self, root: _Root) -> None:
        root.collected = True
        module = root.reference()
        if module is None:
            return
        entries: list[tuple[str, str, Any]] = []
        for prefix, part in module.named_modules():
            for name, buffer in part._buffers.items():
                if buffer is not None:
                    label = clean(f"{prefix}.{name}" if prefix else name)
                    entries.append((f"buffer/{root.number}/{label}", label, buffer))
                    root.owners.append((weakref.ref(part), name))
        if entries:
            root.group = ParameterGroup(self._recorder, self._digester, entries)
