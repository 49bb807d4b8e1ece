"""W3C PROV: PROV-JSON, PROV-N, RDF in TriG, and JSON-LD, through the `prov` library.

An artifact is an entity, an execution an activity, a context a collection; an event is a use or a generation. The
whole graph lies in one PROV bundle, and the document says of that bundle that reprokit made it, so the statements
have a provenance too. Turtle and N-Triples have no named graphs and lose bundles, so they are refused.
Source: https://www.w3.org/TR/prov-dm/
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from reprokit.errors import CorruptBundleError, UsageError
from reprokit.lineage.merging import normal
from reprokit.lineage.standards.files import read_text, understood, write_text
from reprokit.lineage.standards.naming import missing
from reprokit.lineage.standards.quiet import quiet

if TYPE_CHECKING:
    from reprokit.schema.lineage import Lineage

TITLE = "W3C PROV (PROV-DM, 2013)"
EXTRA = "prov"
LOSES: tuple[str, ...] = ()
ASIDE: tuple[str, ...] = (
    "Types of events other than input and output, their paths, and states: attributes of reprokit's namespace.",
    "Which run belongs to which context: an influence, since PROV groups entities only.",
)
UNREAD: tuple[str, ...] = (
    "Plans, roles, starts, ends and invalidations; delegation, influence, specialization, alternates and mentions.",
    "Of several types, labels, locations or values of one attribute all but one.",
)
FORMS: dict[str, tuple[str, dict[str, str]]] = {
    ".json": ("json", {}),
    ".provn": ("provn", {}),
    ".trig": ("rdf", {"rdf_format": "trig"}),
    ".jsonld": ("jsonld", {}),
}
"""Suffix: the library's name of the form, and its arguments."""


def carried(lineage: Lineage) -> Lineage:
    """Everything."""
    return normal(lineage)


def write(lineage: Lineage, target: str) -> list[str]:
    """Writes a document in the form that the suffix says: ``.json``, ``.provn``, ``.trig`` or ``.jsonld``.

    Raises:
        UsageError: RPK166, another suffix, or it cannot be written.
        UnverifiedError: RPK168, the library is missing.
    """
    form, arguments = _form(target)
    library()
    from reprokit.lineage.standards.prov.writing import document

    made = document(normal(lineage))
    with quiet("rdflib", "prov"):  # prov 3.2 still asks rdflib in its old way
        text: str = made.serialize(format=form, **arguments)
    return [write_text(target, text)]


def read(source: str) -> Lineage:
    """Reads a document in the form that its suffix says; PROV of others too.

    Raises:
        UsageError: RPK166, another suffix, or it cannot be read.
        UnverifiedError: RPK168, the library is missing.
        CorruptBundleError: RPK167, it is not PROV.
    """
    form, arguments = _form(source)
    text = read_text(source, "PROV")
    library()
    from reprokit.lineage.standards.prov.reading import lineage_of

    with quiet("rdflib", "prov"):
        found = _parsed(text, form, arguments, source)
        lineage: Lineage = understood(lambda: lineage_of(found), source, "PROV")
    return lineage


def library() -> Any:
    """The library's model.

    Raises:
        UnverifiedError: RPK168, it is missing.
    """
    try:
        import prov.model
    except ImportError as error:
        raise missing("PROV", EXTRA, error) from None
    return prov.model


def _form(place: str) -> tuple[str, dict[str, str]]:
    suffix = PurePath(place).suffix.lower()
    if suffix in {".ttl", ".nt"}:
        raise UsageError("RPK166", f"{place}: {suffix} has no named graphs, so PROV bundles are lost in it; use .trig")
    if suffix not in FORMS:
        raise UsageError("RPK166", f"{place}: PROV is written and read as {', '.join(FORMS)}")
    return FORMS[suffix]


def _parsed(text: str, form: str, arguments: dict[str, str], source: str) -> Any:
    model = library()
    try:
        return model.ProvDocument.deserialize(content=text, format=form, **arguments)
    except Exception as error:  # noqa: BLE001 - four parsers of three libraries, each with errors of its own
        said = str(error).partition("\n")[0][:200]
        raise CorruptBundleError("RPK167", f"{source} is not PROV: {type(error).__name__}: {said}") from None
