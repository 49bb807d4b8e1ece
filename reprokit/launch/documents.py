"""What a bundle holds beside the run's own files and its traces: logs, entropy, packages, the state of git."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.bundle.writer import Item
from reprokit.capture.accesses import below
from reprokit.capture.git import git_state, lacking
from reprokit.capture.packages import lock, packages
from reprokit.capture.secrets import scrub_bytes
from reprokit.errors import ReprokitError
from reprokit.launch.texts import raw_of, text_of
from reprokit.schema.manifest import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.capture.git import GitState
    from reprokit.launch.plan import Plan
    from reprokit.observe.reading import ObservedProcess
    from reprokit.schema.manifest import InputFile


class Documents:
    """Everything in a bundle that is neither the run's own file nor a trace: logs, entropy, packages, diff."""

    def __init__(self, plan: Plan, processes: list[ObservedProcess], inputs: Sequence[InputFile] = ()) -> None:
        self.items: list[Item] = []
        self.warnings: list[Notice] = []
        self.git: dict[str, Any] | None = None
        self.packages: dict[str, Any] = {}
        self._logs(plan.directory / "logs")
        self.items += [Item(f"ambient/{path.name}", path) for path in sorted((plan.directory / "ambient").iterdir())]
        self._add_git(plan.root, [raw_of(entry.path) for entry in inputs if entry.role == "code" and not entry.listed])
        executables = [process.executable for process in processes if process.executable]
        if executables:
            self._add_packages(executables[0])

    def _logs(self, directory: Path) -> None:
        for log in sorted(directory.iterdir()):
            data, count = scrub_bytes(log.read_bytes())
            self.items.append(Item(f"logs/{log.name}", data))
            if count:
                message = f"{count} values in logs/{log.name} looked like credentials and were left out"
                self.warnings.append(Notice(code="RPK045", message=message))

    def _add_git(self, root: Path, code: Sequence[str]) -> None:
        state = git_state(root)
        if state is None:
            self.warnings.append(Notice(code="RPK049", message=f"{text_of(str(root))} is not a git checkout"))
            return
        if state.problem:
            self.warnings.append(Notice(code="RPK049", message=f"git could not be asked: {state.problem}"))
        if state.diff:
            self.items.append(Item("code.diff", state.diff))
        facts = asdict(state)
        facts.pop("diff")
        facts["lacking"] = _lacking(state, code)
        self.git = {key: plain(value) for key, value in facts.items()}

    def _add_packages(self, executable: str) -> None:
        try:
            found = packages(executable)
        except ReprokitError as error:
            self.warnings.append(Notice(code="RPK011", message=error.message))
            return
        self.items.append(Item("requirements.lock", lock(found).encode()))
        self.packages = {key: plain(value) for key, value in asdict(found).items()}


def _lacking(state: GitState, code: Sequence[str]) -> tuple[str, ...] | None:
    """The code files in the checkout that git does not track; None where it cannot say."""
    inside = [os.path.relpath(path, state.top) for path in code if below(path, str(state.top))]
    return None if state.problem else lacking(state.top, inside)


def plain(value: Any) -> Any:
    """Values of a dataclass as JSON has them."""
    if isinstance(value, (str, Path)):
        return text_of(str(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value
