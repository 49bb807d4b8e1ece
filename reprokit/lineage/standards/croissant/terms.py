"""The words of Croissant and of its RAI extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.schema.dataset import DatasetManifest

_CR = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _CR},
}
"""The JSON-LD context that the specification asks for."""


def rai_of(manifest: DatasetManifest) -> dict[str, Any]:
    """What a manifest says in the words of RAI.

    Source: https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html
    """
    terms, filters = manifest.terms, manifest.filters
    period = terms.collection_period
    sensitive = [*terms.sensitive_attributes]
    if terms.personal_data:
        sensitive.insert(0, f"personal data: {terms.personal_data}")
    rules = [f"{rule.name} {rule.version} ({rule.action}): {rule.description or rule.kind}" for rule in filters.rules]
    lists = [f"opt-out list {proof.version} applied by {proof.key}: {proof.holds}" for proof in filters.opt_out]
    dates = [date for date in (period.start, period.end) if len(date) == 10]
    found: dict[str, Any] = {
        "dataCollection": "; ".join(terms.collection_method),
        # The specification writes Timeframe, the reference library reads TimeFrame.
        **dict.fromkeys(("dataCollectionTimeframe", "dataCollectionTimeFrame"), dates),
        "dataUseCases": terms.intended_use,
        "dataLimitations": [*terms.limitations, *(f"not for: {use}" for use in terms.prohibited_use)],
        "dataBiases": terms.biases,
        "dataSocialImpact": terms.social_impact,
        "personalSensitiveInformation": sensitive,
        "dataAnnotationProtocol": terms.annotation_protocol,
        "annotatorDemographics": [terms.annotators] if terms.annotators else [],
        "dataPreprocessingProtocol": [*terms.preprocessing_protocol, *rules, *lists],
        "dataImputationProtocol": terms.imputation,
        "dataReleaseMaintenancePlan": terms.release_plan,
    }
    return {f"rai:{name}": value for name, value in found.items() if value}
