"""Standard facets of runs and jobs, from an execution's properties.

Read are ``git_commit``, ``git_remote``, ``git_branch``, ``command``, ``hash_seed``, ``error``, ``exit_status``,
``owner``, ``description``, ``framework``, ``framework_version``, ``parent_run`` and ``parent_job``, and everything that
begins with ``parameter.``, ``environment.`` or ``tag.``.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from openlineage.client import event_v2
from openlineage.client.facet_v2 import (
    documentation_job,
    environment_variables_run,
    error_message_run,
    execution_parameters_run,
    job_dependencies_run,
    job_type_job,
    ownership_job,
    parent_run,
    processing_engine_run,
    source_code_location_job,
    tags_run,
    test_run,
)

from reprokit import __version__
from reprokit.lineage.standards.naming import PRODUCER, uri_of

if TYPE_CHECKING:
    from reprokit.schema.lineage import Artifact, Execution, Properties

NAMESPACE = "reprokit"
_KNOWN_AT_THE_END = ("exit_status", "error", "bundle")


def at_start(run: Execution) -> Properties:
    """The properties that are known when a run starts."""
    return {
        name: value
        for name, value in run.properties.items()
        if not name.startswith("metric.") and name not in _KNOWN_AT_THE_END
    }


def job_of(run: Execution | None) -> Any:
    """The job that a run is one of: its name, else its type."""
    if run is None:
        return event_v2.Job(namespace=NAMESPACE, name="unknown", facets={})
    facts = run.properties
    facets: dict[str, Any] = {
        "jobType": job_type_job.JobTypeJobFacet(
            processingType="BATCH", integration="REPROKIT", jobType=run.type.upper(), producer=PRODUCER
        )
    }
    if "git_commit" in facts and "git_remote" in facts:
        facets["sourceCodeLocation"] = _source(facts)
    if "owner" in facts:
        owner = ownership_job.Owner(name=str(facts["owner"]))
        facets["ownership"] = ownership_job.OwnershipJobFacet(owners=[owner], producer=PRODUCER)
    told = facts.get("description", facts.get("command"))
    if told is not None:
        facets["documentation"] = documentation_job.DocumentationJobFacet(
            description=str(told), contentType="text/plain", producer=PRODUCER
        )
    return event_v2.Job(namespace=str(facts.get("namespace", NAMESPACE)), name=run.name or run.type, facets=facets)


def facets_of(run: Execution, kind: Any, upstream: list[tuple[str, Any]], verdicts: list[Artifact]) -> dict[str, Any]:
    """The standard facets of a run's event."""
    facts = run.properties
    # A run whose framework the graph does not know was run by the recorder, as far as anybody can say.
    known = "framework" in facts
    name, version = ("framework", "framework_version") if known else ("", "reprokit")
    facets: dict[str, Any] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            version=str(facts.get(version, "unknown")),
            name=str(facts[name]) if known else "reprokit", openlineageAdapterVersion=__version__, producer=PRODUCER,
        ),
        **_lists(facts),
    }  # fmt: skip
    if upstream:
        needs = [_dependency(found, job) for found, job in upstream]
        facets["jobDependencies"] = job_dependencies_run.JobDependenciesRunFacet(upstream=needs, producer=PRODUCER)
    if kind == event_v2.RunState.FAIL:
        status = facts.get("exit_status")
        message = str(facts.get("error", "the run failed" if status is None else f"exit status {status}"))
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=message, programmingLanguage="PYTHON", producer=PRODUCER
        )
    if verdicts:
        tests = [_test(verdict) for verdict in verdicts]
        facets["test"] = test_run.TestRunFacet(tests=tests, producer=PRODUCER)
    parent = _parent(facts)
    return facets | ({"parent": parent} if parent else {})


def _lists(facts: Properties) -> dict[str, Any]:
    """Facets that list pairs of a name and a value."""
    facets: dict[str, Any] = {}
    parameters = _pairs(facts, "parameter.")
    if "seed" in facts:
        parameters["seed"] = str(facts["seed"])
    if parameters:
        given = [execution_parameters_run.ExecutionParameter(key=key, value=text) for key, text in parameters.items()]
        facets["executionParameters"] = execution_parameters_run.ExecutionParametersRunFacet(
            parameters=given, producer=PRODUCER
        )
    variables = _pairs(facts, "environment.")
    variables |= {"PYTHONHASHSEED": str(facts["hash_seed"])} if "hash_seed" in facts else {}
    if variables:
        listed = [
            environment_variables_run.EnvironmentVariable(name=key, value=text) for key, text in variables.items()
        ]
        facets["environmentVariables"] = environment_variables_run.EnvironmentVariablesRunFacet(
            environmentVariables=listed, producer=PRODUCER
        )
    tags = _pairs(facts, "tag.")
    tags |= {key: str(facts[key]) for key in ("policy", "git_dirty", "image_digest") if key in facts}
    if tags:
        said = [tags_run.TagsRunFacetFields(key=key, value=text, source="REPROKIT") for key, text in tags.items()]
        facets["tags"] = tags_run.TagsRunFacet(tags=said, producer=PRODUCER)
    return facets


def _pairs(facts: Properties, prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): str(value) for name, value in facts.items() if name.startswith(prefix)}


def _source(facts: Properties) -> Any:
    remote, commit = str(facts["git_remote"]), str(facts["git_commit"])
    page = uri_of(remote).removesuffix(".git")
    url = f"{page}/tree/{quote(commit, safe='')}" if page.startswith(("http://", "https://")) else page
    return source_code_location_job.SourceCodeLocationJobFacet(
        type="git", url=url, repoUrl=remote, version=commit,
        branch=str(facts["git_branch"]) if "git_branch" in facts else None, producer=PRODUCER,
    )  # fmt: skip


def _dependency(found: str, job: Any) -> Any:
    return job_dependencies_run.JobDependency(
        job=job_dependencies_run.JobIdentifier(namespace=job.namespace, name=job.name),
        run=job_dependencies_run.RunIdentifier(runId=found),
        dependency_type="IMPLICIT_DEPENDENCY", sequence_trigger_rule="FINISH_TO_START",
    )  # fmt: skip


def _test(verdict: Artifact) -> Any:
    """A verdict as a test: what was asked for is expected, what came of it is actual."""
    facts = verdict.properties
    outcome = "pass" if facts.get("met") is True else "fail"
    return test_run.TestExecution(
        name=verdict.name or "replay", type="reproducibility",
        status="skip" if facts.get("status") == "unverified" else outcome, severity="error",
        description="The run was replayed and compared with what was recorded.",
        expected=str(facts.get("target", "unknown")), actual=str(facts.get("tier", "unknown")),
        params={"verdict": verdict.id},
    )  # fmt: skip


def _parent(facts: Properties) -> Any:
    try:
        found = str(uuid.UUID(str(facts.get("parent_run", ""))))
    except ValueError:
        return None
    job = parent_run.Job(namespace=NAMESPACE, name=str(facts.get("parent_job", "unknown")))
    return parent_run.ParentRunFacet(run=parent_run.Run(runId=found), job=job, producer=PRODUCER)
