"""Says on each execution which links it has, so that one that was cut or turned elsewhere is missed.

A link that nobody knows of cannot be missed: cut the one to a run with a dirty tree, and the graph looks clean. So what
makes a part of the graph writes down how many artifacts each execution used and made, and a digest of which. Links to
dataset manifests are sealed apart, since a manifest may be found later to hold a file that was read. An opt-out list
is a file like any other: a run may have read it before a manifest said what it is.
Other links may come later, too; then as many as came may be cut unnoticed, and no more. The execution's own bundle is
left out: the part of the graph that lies inside the bundle cannot name it, and the property ``bundle`` says what it is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.digest import sha256_bytes

if TYPE_CHECKING:
    from reprokit.schema.lineage import Execution, Lineage, Properties

USED, MADE, DESCRIBED, SEAL = "linked_inputs", "linked_outputs", "linked_manifests", "links"
"""The properties of an execution that hold the numbers of its links, and the digest of which they are."""
MANIFESTS = "manifest_links"
"""The property that says which manifests they are: their number, then a digest. Of two the greater stays in a merge, so
the number comes first, with zeros in front: it then is that of the larger set."""
_DESCRIPTION = "DatasetManifest"


@dataclass
class Links:
    """The artifacts that an execution is linked to: used, made, and used as a description of data."""

    used: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    described: set[str] = field(default_factory=set)

    def seal(self) -> Properties:
        """The properties that say so; a digest of the lines ``used ID`` and ``made ID``, sorted."""
        lines = [*(f"used {one}\n" for one in self.used), *(f"made {one}\n" for one in self.made)]
        found: Properties = {
            USED: len(self.used), MADE: len(self.made), SEAL: sha256_bytes("".join(sorted(lines)).encode()),
        }  # fmt: skip
        if self.described:
            found |= {DESCRIBED: len(self.described), MANIFESTS: self.manifests()}
        return found

    def manifests(self) -> str:
        """Which descriptions of data there are: their number with six digits, and a digest of them, sorted."""
        lines = "".join(sorted(f"{one}\n" for one in self.described))
        return f"{len(self.described):06d} {sha256_bytes(lines.encode())}"


def sealed(lineage: Lineage) -> Lineage:
    """The same graph, with its links written down on all executions."""
    known = links(lineage)
    executions = [
        node.model_copy(update={"properties": {**node.properties, **known[node.id].seal()}})
        for node in lineage.executions
    ]
    return lineage.model_copy(update={"executions": executions})


def links(lineage: Lineage) -> dict[str, Links]:
    """The links of each execution."""
    bundles = {node.id: node.properties.get("bundle") for node in lineage.executions}
    later = {node.id for node in lineage.artifacts if node.type == _DESCRIPTION}
    found: dict[str, Links] = defaultdict(Links)
    for event in lineage.events:
        here = found[event.execution]
        if event.is_input:
            (here.described if event.artifact in later else here.used).add(event.artifact)
        elif event.artifact != bundles.get(event.execution):
            here.made.add(event.artifact)
    return found


def grown(node: Execution, there: Links) -> bool:
    """Whether an execution has links that it did not have when it was sealed."""
    sides = ((USED, there.used), (MADE, there.made))
    return any(isinstance(stated := node.properties.get(name), int) and len(now) > stated for name, now in sides)


def broken(node: Execution, there: Links) -> str:
    """How an execution's links differ from those that it was sealed with; empty where none of them is missed."""
    sides = (
        (USED, "used {} artifact{}", there.used),
        (MADE, "made {} artifact{}", there.made),
        (DESCRIBED, "used {} description{} of data", there.described),
    )
    said = [
        f"{text.format(stated, '' if stated == 1 else 's')} and is linked to {len(now)}"
        for name, text, now in sides
        if isinstance(stated := node.properties.get(name), int) and len(now) < stated
    ]
    if said:
        return " and ".join(said)
    now = there.seal()
    same = all(node.properties.get(name) == now[name] for name in (USED, MADE))
    if same and node.properties.get(SEAL) != now[SEAL]:
        return "is linked to other artifacts than it used and made"
    described = str(node.properties.get(MANIFESTS, ""))  # a run that was sealed by an older version has none
    if described[:6] == there.manifests()[:6] and described != there.manifests():
        return "is linked to other descriptions of data than it used"
    return ""
