"""Which models do not honour the newest version of an opt-out list: a pure rule over a graph.

People asked that their records not be used. A model honours the newest list when all that went into it does:

- a dataset manifest, when what made it applied the newest list, or when it was made of manifests alone and all of them
  honour it. A filter upstream is enough, and a later step need not apply it again.
- a model, when what trained it used manifests, and models, that all honour it.

Everything else does not: a manifest that an older version was applied to, a manifest that names no list at all, and
what was made of them, through any number of steps. Of a file that is in no manifest, of a model whose making nobody
recorded, and of what follows from itself, the graph cannot say: what was made of them is neither clear nor affected.
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.lineage.merging import described

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reprokit.lineage.graph import Graph
    from reprokit.schema.lineage import Artifact

UNCOVERED = "unmanifested"
"""The property of a run that says how many files it read that none of the manifests known then holds."""
MANIFEST, MODEL, FILE = "DatasetManifest", "Model", "File"
_MOST_REASONS = 20


@dataclass
class Impact:
    """The models by answer, the manifests that do not honour the list, and for each node the reasons."""

    affected: list[Artifact] = field(default_factory=list)
    unknown: list[Artifact] = field(default_factory=list)
    clear: list[Artifact] = field(default_factory=list)
    manifests: list[Artifact] = field(default_factory=list)
    reasons: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Facts:
    """What of a graph decides. Nodes are numbers: a store's rows, or places in a list.

    Attributes:
        kinds: types of artifacts: of all models and manifests, and of the files that something depends on.
        makers: executions by the artifact that they made.
        inputs: artifacts by the execution that used them.
        uncovered: of executions, how many files they read that are in no manifest.
        newest: the list's version that must have been applied; None where the graph has not heard of it.
        older: its other versions, for the reasons.
    """

    kinds: dict[int, str] = field(default_factory=dict)
    makers: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    inputs: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    uncovered: dict[int, int] = field(default_factory=dict)
    newest: int | None = None
    older: frozenset[int] = frozenset()

    def of_kinds(self, artifacts: Iterable[int], *kinds: str) -> list[int]:
        """Those of these types."""
        return [one for one in artifacts if self.kinds.get(one) in kinds]


def uncovered_count(value: object) -> int:
    """How many files a run's property counts; what is no number is no proof that there were none."""
    return value if isinstance(value, int) else 1


def impact(graph: Graph, newest: str, older: Sequence[str] = ()) -> Impact:
    """Judges every model of a graph in memory; a store has its own way to the same answer.

    Args:
        graph: all that is known.
        newest: identifier of the list's version that must have been applied.
        older: identifiers of its other versions, for the reasons.
    """
    numbers = {identifier: number for number, identifier in enumerate({**graph.artifacts, **graph.executions})}
    facts = Facts(
        {numbers[node.id]: node.type for node in graph.artifacts.values()},
        newest=numbers.get(newest), older=frozenset(numbers[one] for one in older if one in graph.artifacts),
    )  # fmt: skip
    for ends, found in ((graph.makers, facts.makers), (graph.inputs, facts.inputs)):
        for one, others in ends.items():
            if one in numbers:
                found[numbers[one]] = [numbers[other] for other in others if other in numbers]
    for run in graph.executions.values():
        facts.uncovered[numbers[run.id]] = uncovered_count(run.properties.get(UNCOVERED, 0))
    judging = Judging(facts)
    return told(judging, {numbers[node.id]: node for node in graph.artifacts.values()})


def told(judging: Judging, artifacts: Mapping[int, Artifact]) -> Impact:
    """The answer with its nodes.

    Args:
        judging: the answer.
        artifacts: all models and manifests, and what `Judging.named` says.
    """
    found = Impact()
    for number, artifact in sorted(artifacts.items(), key=lambda entry: entry[1].id):
        affected, unsure = number in judging.affected, number in judging.unsure
        if artifact.type == MODEL:
            (found.affected if affected else found.unknown if unsure else found.clear).append(artifact)
        elif artifact.type == MANIFEST and affected:
            found.manifests.append(artifact)
        else:
            continue
        found.reasons[artifact.id] = judging.reasons(number, artifacts)
    return found


class Judging:
    """Two answers spread from where they are certain: `affected` and `unsure` map a node to its source or its cause."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.sources: dict[int, list[int]] = {}
        self.affected: dict[int, int | str] = {}
        self.unsure: dict[int, int | str] = {}
        for artifact in facts.kinds:
            self._begin(artifact)
        self._spread(self.affected)
        self._spread(self.unsure)
        for artifact in self._ungrounded():
            self.unsure.setdefault(artifact, "follows from itself")

    def _begin(self, artifact: int) -> None:
        """What a node says by itself, and the nodes that the rest depends on."""
        facts, makers = self.facts, self.facts.makers.get(artifact, [])
        sources: list[int] = []
        if facts.kinds[artifact] == MANIFEST:
            for maker in makers:
                used = facts.inputs.get(maker, [])
                if facts.newest is None or facts.newest not in used:
                    upstream = facts.of_kinds(used, MANIFEST)
                    sources += upstream
                    if not upstream:
                        self.affected[artifact] = ""
            if not makers:
                self.affected[artifact] = ""
        else:
            for maker in makers:
                told_by = self._told_by(maker)
                sources += told_by
                count = facts.uncovered.get(maker, 0)
                if count and not self._tells_all(told_by, count):
                    read = "1 file that is" if count == 1 else f"{count:,} files that are"
                    self.unsure[artifact] = f"was made by a run that read {read} in no dataset manifest"
                elif not told_by:
                    self.unsure[artifact] = "was made by a run of which no data are known"
            if not makers:
                self.unsure[artifact] = "has no known maker, and no dataset manifest speaks for it"
        self.sources[artifact] = list(dict.fromkeys(sources))

    def _told_by(self, execution: int) -> list[int]:
        """What of an execution's inputs tells which records went in; files tell where no manifest speaks for them."""
        used = self.facts.inputs.get(execution, [])
        manifests = self.facts.of_kinds(used, MANIFEST)
        return manifests + self.facts.of_kinds(used, MODEL, *([] if manifests else [FILE]))

    def _tells_all(self, told_by: list[int], count: int) -> bool:
        """Whether files that are in no manifest are known one by one, so that what made each of them answers for it.

        Beside a manifest nobody can say which of the files it holds, so that then they are not looked at.
        """
        return not self.facts.of_kinds(told_by, MANIFEST) and len(told_by) >= count

    def _older_lists(self, manifest: int) -> list[int]:
        if self.facts.kinds[manifest] != MANIFEST:  # a run may read a list as it reads any file
            return []
        makers, inputs = self.facts.makers.get(manifest, []), self.facts.inputs
        return sorted({one for maker in makers for one in inputs.get(maker, [])} & self.facts.older)

    def _spread(self, answers: dict[int, int | str]) -> None:
        followers: dict[int, list[int]] = defaultdict(list)
        for artifact, sources in self.sources.items():
            for source in sources:
                followers[source].append(artifact)
        waiting = deque(answers)
        while waiting:
            source = waiting.popleft()
            for artifact in followers[source]:
                if artifact not in answers:
                    answers[artifact] = source
                    waiting.append(artifact)

    def _ungrounded(self) -> set[int]:
        """What never comes down to something certain: circles, and what was made of them."""
        grounded: set[int] = set()
        followers: dict[int, list[int]] = defaultdict(list)
        missing = {artifact: len(sources) for artifact, sources in self.sources.items()}
        for artifact, sources in self.sources.items():
            for source in sources:
                followers[source].append(artifact)
        waiting = deque(artifact for artifact, count in missing.items() if not count)
        while waiting:
            artifact = waiting.popleft()
            grounded.add(artifact)
            for follower in followers[artifact]:
                missing[follower] -= 1
                if not missing[follower]:
                    waiting.append(follower)
        return self.sources.keys() - grounded

    def _trail(self, artifact: int) -> list[int]:
        """From a node to where its answer comes from."""
        answers = self.affected if artifact in self.affected else self.unsure
        trail = [artifact]
        while len(trail) <= _MOST_REASONS and isinstance(cause := answers.get(trail[-1]), int):
            if answers is self.affected and self._older_lists(trail[-1]):
                break
            trail.append(cause)
        return trail

    def named(self) -> set[int]:
        """The nodes that `reasons` names, for those that it is asked for."""
        judged = [one for one, kind in self.facts.kinds.items() if kind in (MODEL, MANIFEST)]
        trails = {one for artifact in judged for one in self._trail(artifact)}
        return trails.union(*(self._older_lists(one) for one in trails))

    def reasons(self, artifact: int, nodes: Mapping[int, Artifact]) -> list[str]:
        """From a node to where its answer comes from, a sentence a step."""
        answers = self.affected if artifact in self.affected else self.unsure
        if artifact not in answers:
            return []
        trail = self._trail(artifact)
        said = [f"{described(nodes[one])} was made of {described(nodes[next_one])}"
                for one, next_one in itertools.pairwise(trail)]  # fmt: skip
        last, cause = trail[-1], answers[trail[-1]]
        if answers is self.affected and (isinstance(cause, str) or self._older_lists(last)):
            said.append(f"{described(nodes[last])} {self._which_list(last, nodes)}")
        elif isinstance(cause, str):
            said.append(f"{described(nodes[last])} {cause}")
        return said[:_MOST_REASONS]

    def _which_list(self, manifest: int, nodes: Mapping[int, Artifact]) -> str:
        """What a manifest that does not name the newest list names."""
        before = self._older_lists(manifest)
        if not before:
            return "names no version of the list"
        return "names another version of the list: " + ", ".join(sorted(_versioned(nodes[one]) for one in before))


def _versioned(artifact: Artifact) -> str:
    version = artifact.properties.get("version")
    return described(artifact) + (f", version {version}" if version is not None else "")
