"""The bundle's manifest: ``reprokit.manifest/1``. Everything that is known of a run, and what the bundle holds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from reprokit.schema.base import Document, Model


class Notice(Model):
    """A warning: a code of the catalogue and one sentence."""

    code: str
    message: str


class MemberEntry(Model):
    """One file of the bundle; ``size`` in bytes, ``sha256`` as ``sha256:HEX`` over its uncompressed content."""

    path: str
    sha256: str
    size: int = Field(ge=0)
    executable: bool = False


class InputFile(Model):
    """A file that the run read.

    ``path`` is absolute, as on the recording machine. ``member`` is its copy in the bundle, or None when the file is
    referenced by digest and location. ``seen_by`` names the observers that saw it.
    """

    path: str
    sha256: str
    size: int
    role: Literal["code", "data"]
    member: str | None = None
    executable: bool = False
    seen_by: list[str] = []
    changed: bool = False
    sha256_after: str | None = None
    writable: bool = Field(default=False, description="the run also opened it for writing")
    listed: bool = Field(default=False, description="its name was listed and its content never read")
    also_data: bool = Field(default=False, description="code that may be data, too: a dataset manifest lists it")

    @property
    def is_data(self) -> bool:
        """Whether what the run made may hold something of its content."""
        return self.role == "data" or self.also_data


class OutputFile(Model):
    """A file that the run wrote and left behind; ``path`` is absolute, as on the recording machine."""

    path: str
    sha256: str
    size: int
    member: str | None = None
    seen_by: list[str] = []
    declared: bool = False


class TraceSummary(Model):
    """One process that was observed, its trace, and what in it was not seen.

    ``steps`` counts optimizer updates; ``delimited_by`` says what separated them: ``optimizer``, ``backward``,
    ``explicit`` or ``none``.
    """

    name: str
    rank: int | None = None
    world_size: int | None = Field(default=None, description="number of ranks, where there is a process group")
    role: str = ""
    parent: str | None = None
    arguments: list[str] = []
    framework: str | None = None
    steps: int = 0
    delimited_by: str = "none"
    level: str = "budget"
    digest: str | None = None
    parts: list[str] = []
    observers: list[str] = []
    disabled: list[str] = []
    complete: bool = True
    members: list[str] = []
    final_loss: float | str | None = None
    switches: dict[str, Any] = Field(default={}, description="every switch as it was after the first step")
    switches_at_start: dict[str, Any] = Field(default={}, description="as it was when its framework was imported")
    switches_at_exit: dict[str, Any] = {}
    switches_between: dict[str, list[Any]] = Field(default={}, description="other values, at later steps")
    switches_refused: dict[str, str] = Field(default={}, description="switches that could not be set, and why")
    policy_problems: list[list[str]] = Field(
        default=[], description="operations without a deterministic kernel: switch, operation, place"
    )
    thread_pools: list[dict[str, Any]] = Field(default=[], description="BLAS and OpenMP libraries, kernels, threads")
    observer_seconds: float | None = Field(default=None, description="time spent on digests inside the process")


class Window(Model):
    """One ``reprokit.run`` among those of a process: the process's stream, and which it is, counted from 1."""

    process: str
    number: int = Field(ge=1)


class RunConfig(Model):
    """How the command was run. Times are UTC in ISO 8601; ``duration_s`` in seconds."""

    id: str | None = Field(default=None, description="`urn:uuid:…`, given at its start; older bundles have none")
    name: str
    command: list[str]
    redacted_arguments: list[int] = []
    working_directory: str
    root: str
    executable: str
    started: str
    duration_s: float
    exit_status: int
    signal: int | None = None
    incomplete: bool = False
    environment: dict[str, str] = {}
    withheld_environment: list[str] = []
    policy: str = "none"
    policy_version: str | None = Field(default=None, description="of a built-in policy a number, else a digest")
    policy_seed: int | str | None = Field(default=None, description="of all generators; text beyond 2^53")
    switches: dict[str, Any] = Field(default={}, description="what the policy asked for")
    hash_seed: str | None = None
    trace_level: str = "budget"
    declared_outputs: list[str] = []
    directories: list[str] = Field(default=[], description="directories of outputs that stood before the run")
    left: list[str] = Field(
        default=[],
        description="made outside the project, caches and directories: a replay does not find it there",
    )
    prefixes: list[str] = Field(default=[], description="sys.prefix and sys.base_prefix of the interpreters that ran")
    config: dict[str, Any] = {}
    params: dict[str, Any] = Field(default={}, description="what the script reported through the API")
    seed: int | str | None = Field(default=None, description="the seed given to `reprokit.run`; text beyond 2^53")
    interactive: bool = Field(default=False, description="made in a notebook or at a prompt: there is no command")
    window: Window | None = Field(default=None, description="which `reprokit.run` of its process this is")


class Metric(Model):
    """A number that the run reported; ``source`` is a file, ``stdout``, ``trace`` or ``api``."""

    name: str
    value: float | str
    source: str
    step: int | None = None


class Manifest(Document):
    """All that a bundle says of its run. Its canonical JSON's sha256 is the bundle's id."""

    schema_id: Literal["reprokit.manifest/1"] = Field(default="reprokit.manifest/1", alias="schema")
    reprokit: str
    run: RunConfig
    inputs: list[InputFile] = []
    outputs: list[OutputFile] = []
    streams: list[TraceSummary] = []
    metrics: list[Metric] = []
    git: dict[str, Any] | None = None
    host: dict[str, Any] = {}
    packages: dict[str, Any] = {}
    observers: list[str] = []
    warnings: list[Notice] = []
    members: list[MemberEntry] = []
