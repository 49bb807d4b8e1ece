"""JSON Schemas of OpenLineage events, made from the client's own classes.

The distribution of the client does not ship the specification's schema files; its classes are generated from them, so
types, required fields and the facets' versions are those of the specification. What the generator leaves out is added
here from the specification's text: dates have a zone, identifiers of runs are UUIDs, URIs have a scheme, and some
texts are one of a few.
"""

import enum
import types
import typing

import attr
from openlineage.client import event_v2, facet_v2
from openlineage.client.generated import base

OPTIONAL_FIELDS = {"_deleted", "parameters", "params", "owners", "fields", "tags", "upstream", "downstream", "facets"}
ENUMS = {
    ("TestExecution", "status"): ["pass", "fail", "skip"],
    ("TestExecution", "severity"): ["error", "warn"],
    ("JobTypeJobFacet", "processingType"): ["BATCH", "STREAMING", "SERVICE"],
    ("StorageDatasetFacet", "fileFormat"): ["parquet", "orc", "avro", "json", "csv", "text", "xml"],
    ("JobDependency", "dependency_type"): ["DIRECT_INVOCATION", "IMPLICIT_DEPENDENCY"],
    ("JobDependency", "sequence_trigger_rule"): ["FINISH_TO_START", "FINISH_TO_FINISH", "START_TO_START"],
    ("LocationSubsetCondition", "type"): ["location"],
}
PATTERNS = {
    "eventTime": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$",
    "runId": r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    "producer": r"^https?://\S+$",
    "_producer": r"^https?://\S+$",
    "schemaURL": r"^https://openlineage\.io/spec/2-0-2/OpenLineage\.json#/\$defs/\w+Event$",
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:[!-~]*$",
    "url": r"^[a-z][a-z0-9+.-]*:[!-~]+$",
}
STANDARD_FACETS = {
    "run": {
        "parent": facet_v2.parent_run.ParentRunFacet,
        "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
        "environmentVariables": facet_v2.environment_variables_run.EnvironmentVariablesRunFacet,
        "executionParameters": facet_v2.execution_parameters_run.ExecutionParametersRunFacet,
        "jobDependencies": facet_v2.job_dependencies_run.JobDependenciesRunFacet,
        "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
        "tags": facet_v2.tags_run.TagsRunFacet,
        "test": facet_v2.test_run.TestRunFacet,
    },
    "job": {
        "jobType": facet_v2.job_type_job.JobTypeJobFacet,
        "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
        "ownership": facet_v2.ownership_job.OwnershipJobFacet,
        "documentation": facet_v2.documentation_job.DocumentationJobFacet,
    },
    "dataset": {
        "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
        "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
        "dataSource": facet_v2.datasource_dataset.DatasourceDatasetFacet,
        "ownership": facet_v2.ownership_dataset.OwnershipDatasetFacet,
        "documentation": facet_v2.documentation_dataset.DocumentationDatasetFacet,
        "storage": facet_v2.storage_dataset.StorageDatasetFacet,
        "tags": facet_v2.tags_dataset.TagsDatasetFacet,
    },
    "input": {"subset": facet_v2.base_subset_dataset.InputSubsetInputDatasetFacet},
    "output": {"subset": facet_v2.base_subset_dataset.OutputSubsetOutputDatasetFacet},
}
EVENTS = {"run": event_v2.RunEvent, "dataset": event_v2.DatasetEvent}


def schema_of(cls, defs):
    """A reference to the schema of one of the client's classes, which is put into ``defs``."""
    name = f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}"
    if name not in defs:
        defs[name] = {}
        namespace = {**vars(base), **vars(__import__(cls.__module__, fromlist=["x"]))}
        hints = typing.get_type_hints(cls, globalns=namespace)
        properties, required = {}, []
        for field in attr.fields(cls):
            properties[field.name] = _constrained(cls, field.name, _of_hint(hints[field.name], defs))
            if field.default is attr.NOTHING or field.name in {"_producer", "_schemaURL", "producer", "schemaURL"}:
                required.append(field.name)
        defs[name] |= {
            "type": "object", "properties": properties, "required": required, "additionalProperties": False,
        }  # fmt: skip
        if issubclass(cls, base.BaseFacet):
            properties["_schemaURL"] = {"const": cls._get_schema()}
    return {"$ref": f"#/$defs/{name}"}


def _constrained(cls, field, schema):
    if (cls.__name__, field) in ENUMS:
        return {"enum": ENUMS[cls.__name__, field]}
    return {"type": "string", "pattern": PATTERNS[field]} if field in PATTERNS else schema


def _of_hint(hint, defs):
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_of_hint(one, defs) for one in arguments if one is not type(None)]}
    if origin is list:
        return {"type": "array", "items": _of_hint(arguments[0], defs)}
    if origin is dict or hint is dict:
        return {"type": "object"}
    if isinstance(hint, str | typing.ForwardRef):
        return schema_of(getattr(facet_v2.base_subset_dataset, getattr(hint, "__forward_arg__", hint)), defs)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [one.value for one in hint]}
    if isinstance(hint, type) and attr.has(hint):
        return schema_of(hint, defs)
    return {str: {"type": "string"}, int: {"type": "integer"}, bool: {"type": "boolean"}}.get(hint, {})


def schema_of_event(kind, own):
    """The schema of ``run`` or ``dataset`` events, with the facets of the standard and ours (``own``) named."""
    defs = {}
    root = schema_of(EVENTS[kind], defs)
    for place, key, classes in (
        ("base.Run", "facets", "run"),
        ("base.Job", "facets", "job"),
        ("base.InputDataset", "facets", "dataset"),
        ("base.OutputDataset", "facets", "dataset"),
        ("base.StaticDataset", "facets", "dataset"),
        ("base.InputDataset", "inputFacets", "input"),
        ("base.OutputDataset", "outputFacets", "output"),
    ):
        if place in defs:
            named = {name: schema_of(cls, defs) for name, cls in STANDARD_FACETS[classes].items()}
            named |= {"run": {"reprokit_run": {"$ref": f"{own}#/$defs/ReprokitRunFacet"}}}.get(classes, {})
            named |= {"dataset": {"reprokit_artifact": {"$ref": f"{own}#/$defs/ReprokitArtifactDatasetFacet"}}}.get(
                classes, {}
            )
            defs[place]["properties"][key] = {"type": "object", "properties": named, "additionalProperties": False}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root, "$defs": defs}
