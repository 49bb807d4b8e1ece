"""Model cards and dataset cards of Hugging Face: a ``README.md`` with YAML metadata for each model and manifest.

A model's card names its data, its metrics (a `model-index`), and how it was made; the text is a start for people, who
know what a graph cannot. Source: https://huggingface.co/docs/hub/model-cards
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.digest import sha256_bytes
from reprokit.errors import UsageError
from reprokit.lineage.graph import Graph
from reprokit.lineage.merging import merge, normal
from reprokit.lineage.standards.carrying import artifacts_alone
from reprokit.lineage.standards.files import read_text, understood, write_text
from reprokit.lineage.standards.naming import missing, sha256_of
from reprokit.lineage.standards.quiet import quiet
from reprokit.schema.lineage import Artifact, Lineage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.schema.lineage import Execution

TITLE = "Hugging Face model and dataset cards"
EXTRA = "huggingface"
LOSES: tuple[str, ...] = (
    "Everything but models and dataset manifests: runs and what made what stand in the card's text, for people.",
)
ASIDE: tuple[str, ...] = ("The node in the graph, whole: the metadata's key `reprokit`.",)
UNREAD: tuple[str, ...] = ("All but name and licence.",)
_PLACES = {"Model": "models", "DatasetManifest": "datasets"}
_SOURCES = frozenset({"DatasetManifest", "OptOutList"})
# Identifiers that the Hub knows, of those in common use; others are written as `other` with a name.
_LICENCES = frozenset({
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "cc-by-3.0",
    "cc-by-4.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-3.0",
    "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0",
    "cdla-permissive-2.0", "cdla-sharing-1.0", "ecl-2.0", "epl-2.0", "eupl-1.1", "eupl-1.2", "gpl-2.0", "gpl-3.0",
    "isc", "lgpl-2.1", "lgpl-3.0", "mit", "mpl-2.0", "ms-pl", "ncsa", "odbl", "odc-by", "ofl-1.1", "osl-3.0", "pddl",
    "unlicense", "wtfpl", "zlib",
})  # fmt: skip
_SHORTER = {"odbl-1.0": "odbl", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl"}
_LONGEST_REPOSITORY = 96
_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B",
          "10B<n<100B", "100B<n<1T", "n>1T")  # fmt: skip


def carried(lineage: Lineage) -> Lineage:
    """Models and dataset manifests alone."""
    return artifacts_alone(lineage, lambda node: node.type in _PLACES)


def write(lineage: Lineage, target: str) -> list[str]:
    """Writes ``models/NAME/README.md`` and ``datasets/NAME/README.md`` below a directory.

    Raises:
        UsageError: RPK166, it cannot be written.
        UnverifiedError: RPK168, the library is missing.
    """
    _library()
    graph = Graph(normal(lineage))
    nodes = carried(graph.lineage).artifacts
    origins = _origins([node.id for node in nodes], graph)
    try:
        Path(target).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError("RPK166", f"{target} cannot be written: {error}") from None
    written = []
    for node in nodes:
        card = _model if node.type == "Model" else _dataset
        text = card(node, graph, origins.get(node.id, []))
        written.append(write_text(Path(target) / _PLACES[node.type] / slug(node) / "README.md", text))
    return written


def slug(node: Artifact) -> str:
    """The name of a repository on the Hub: 96 letters, digits, and ``-_.``; with a part of the identifier."""
    own = sha256_of(node.id) or sha256_bytes(node.id.encode()).rpartition(":")[2]
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", node.name)  # two hyphens together are not allowed
    plain = plain[: _LONGEST_REPOSITORY - len(own) - 1].strip("-_") or node.type.lower()
    return f"{plain}-{own}"


def _model(node: Artifact, graph: Graph, above: list[Artifact]) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    runs = [graph.executions[name] for name in graph.makers[node.id] if name in graph.executions]
    data = [one for one in above if one.type == "DatasetManifest"]
    bases = {slug(graph.artifacts[one]) for run in runs for one in graph.inputs[run.id] if _is_base(one, node, graph)}
    name = _line(node.name) or "model"
    results = [
        EvalResult(
            task_type=str(run.properties.get("task", "other")), dataset_type="reprokit",
            dataset_name=_line(data[0].name if data else "") or "unknown",
            metric_type=_line(key.removeprefix("metric.")) or "metric", metric_value=value,
        )
        for run in runs for key, value in run.properties.items() if key.startswith("metric.")
    ]  # fmt: skip
    metadata = ModelCardData(
        model_name=name, eval_results=results or None, tags=["reprokit", "reproducibility"],
        datasets=sorted({slug(one) for one in data}) or None, base_model=sorted(bases) or None,
        **_licence(node), **_own(node),
    )  # fmt: skip
    lines = [f"# {_text(name)}", "", _text(str(node.properties.get("description", "")))]
    lines += ["", "## How it was made", "", *_runs(runs), "", "## Data", "", *_list(data)]
    return _card(metadata.to_yaml(), lines, node)


def _is_base(identifier: str, node: Artifact, graph: Graph) -> bool:
    """Whether a run that made a model used this: another model, such as the one that was fine-tuned."""
    used = graph.artifacts.get(identifier)
    return used is not None and used.type == "Model" and identifier != node.id


def _dataset(node: Artifact, graph: Graph, above: list[Artifact]) -> str:
    from huggingface_hub import DatasetCardData

    sources = sorted({slug(one) for one in above if one.type == "DatasetManifest"})
    name = _line(node.name) or "dataset"
    metadata = DatasetCardData(
        pretty_name=name, tags=["reprokit", "reproducibility"], source_datasets=sources or None,
        size_categories=_size(node), **_licence(node), **_own(node),
    )  # fmt: skip
    facts = [f"- {key}: {_text(str(node.properties[key]))}" for key in ("rows", "files", "bytes", "snapshot")
             if key in node.properties]  # fmt: skip
    runs = [graph.executions[one] for one in graph.makers[node.id] if one in graph.executions]
    lines = [f"# {_text(name)}", "", _text(str(node.properties.get("description", ""))), "", *facts]
    lines += ["", "## How it was made", "", *_runs(runs), "", "## Made from", "", *_list(above)]
    return _card(metadata.to_yaml(), lines, node)


def _origins(nodes: list[str], graph: Graph) -> dict[str, list[Artifact]]:
    """Of each node, the manifests and lists that it was made from through any number of runs, nearest first.

    It is asked from the side of the fewer: in a long chain of models on one data set, once instead of from each model.
    """
    sources = [node.id for node in graph.artifacts.values() if node.type in _SOURCES]
    from_above = len(sources) < len(nodes)
    wanted = set(nodes if from_above else sources)
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for start in sources if from_above else nodes:
        for end, distance in graph.reached([start], "down" if from_above else "up").items():
            if end in wanted and end != start:
                node, source = (end, start) if from_above else (start, end)
                found[node].append((distance, source))
    return {node: [graph.artifacts[source] for _, source in sorted(several)] for node, several in found.items()}


def _size(node: Artifact) -> str | None:
    """The Hub's word for how many rows there are."""
    rows = node.properties.get("rows")
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 0:
        return None
    return _SIZES[min(max(len(str(rows)) - 3, 0), len(_SIZES) - 1)]


def _own(node: Artifact) -> dict[str, Any]:
    return {"reprokit": json.dumps(node.model_dump(mode="json"), sort_keys=True)}


def _licence(node: Artifact) -> dict[str, Any]:
    name = _line(str(node.properties.get("licence", "")))
    if not name:
        return {}
    known = name.lower().removesuffix("-only").removesuffix("-or-later")
    known = _SHORTER.get(known, known)
    return {"license": known} if known in _LICENCES else {"license": "other", "license_name": name}


def _card(metadata: str, lines: list[str], node: Artifact) -> str:
    footer = f"Identifier in the lineage graph: `{_line(node.id).replace('`', '')}`"
    text = re.sub(r"\n{3,}", "\n\n", "\n".join([*lines, "", footer]))
    return f"---\n{metadata.strip()}\n---\n\n{text}\n"


def _runs(runs: Iterable[Execution]) -> list[str]:
    told = []
    for run in runs:
        facts = run.properties
        known = [f"{key.replace('_', ' ')}: `{_line(str(facts[key])).replace('`', '')}`"
                 for key in ("command", "git_commit", "seed", "policy", "image_digest") if key in facts]  # fmt: skip
        told.append(f"- {_text(run.name or run.type)}" + (f" ({', '.join(known)})" if known else ""))
    return told or ["It is not known."]


def _list(nodes: Iterable[Artifact]) -> list[str]:
    return [f"- {_text(one.name or one.type)}: `{_line(one.id).replace('`', '')}`" for one in nodes] or [
        "None is known."
    ]


def _line(text: str) -> str:
    """A text in one line, without characters that a person does not see."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _text(text: str) -> str:
    """A text that is neither HTML nor Markdown."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~-])", r"\\\1", _line(text).replace("&", "&amp;").replace("<", "&lt;"))


def read(source: str) -> Lineage:
    """Reads a card, or all cards below a directory; of those that reprokit did not write, what the metadata says.

    Raises:
        UsageError: RPK166, it cannot be read.
        UnverifiedError: RPK168, the library is missing.
        CorruptBundleError: RPK167, it is no card.
    """
    path = Path(source)
    files = sorted(path.rglob("README.md")) if path.is_dir() else [path]
    return merge(_read(file) for file in files)


def _read(path: Path) -> Lineage:
    hub = _library()
    text = read_text(path, "a card")
    with quiet("huggingface_hub"):
        metadata: dict[str, Any] = understood(lambda: _metadata(hub, text), path, "a card")
    own = metadata.get("reprokit")
    if own:
        node: Artifact = understood(lambda: Artifact.model_validate(json.loads(own)), path, "a card")
        return Lineage(artifacts=[node])
    kind = "DatasetManifest" if "pretty_name" in metadata or "task_categories" in metadata else "Model"
    name = str(metadata.get("model_name") or metadata.get("pretty_name") or path.parent.name)
    licence = metadata.get("license")
    properties: dict[str, Any] = {"licence": str(licence)} if licence else {}
    return Lineage(artifacts=[Artifact(id=f"card:{name}", type=kind, name=name, properties=properties)])


def _metadata(hub: Any, text: str) -> dict[str, Any]:
    """The metadata's values.

    Raises:
        ValueError: there is none, or it is no YAML.
    """
    import yaml

    try:
        card = hub.RepoCard(text, ignore_metadata_errors=True)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    found: dict[str, Any] = card.data.to_dict()
    if not found:
        raise ValueError("it has no metadata")
    return found


def _library() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise missing("Hugging Face cards", EXTRA, error) from None
    return huggingface_hub
