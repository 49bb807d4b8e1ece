"""What a person reads after ``reprokit record``, and of a bundle under ``reprokit inspect``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from reprokit.report.screen import Page, Screen
from reprokit.report.wording import clean, value_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.schema.manifest import InputFile, Manifest, Notice, OutputFile, TraceSummary
    from reprokit.schema.record import RecordReport

_FILES, _WARNINGS, _METRICS, _STREAMS = 12, 10, 20, 12
_DEFAULT_SCREEN = Screen()


def render_record(report: RecordReport, screen: Screen = _DEFAULT_SCREEN) -> str:
    """Renders the outcome of a recording as text ending in a newline."""
    page = Page(screen)
    failed = report.exit_status != 0
    state = f"the command FAILED with status {report.exit_status}" if failed else "the command succeeded"
    page.line(f"{'✗' if failed else '✓'} recorded: {state}", "bad" if failed else "good")
    page.line("")
    page.fields(
        [
            ("bundle", report.bundle),
            ("id", report.id),
            ("size", size_text(report.size)),
            ("time", f"{report.duration_s:.1f} s"),
            ("steps", str(report.steps) if report.steps else "none were seen"),
            ("inputs", _files_text(report.inputs)),
            ("outputs", _files_text(report.outputs)),
            ("seen by", ", ".join(report.observers) or "none fired: only outputs can be compared"),
        ]
    )
    _streams(page, report.streams)
    _outputs(page, report.outputs)
    _warnings(page, report.warnings)
    page.title("Next")
    follow = "inspect" if failed else "replay"
    page.command(f"reprokit {follow} {shlex.quote(report.bundle)}")
    return page.render()


def render_inspect(manifest: Manifest, screen: Screen = _DEFAULT_SCREEN, bundle_id: str = "") -> str:
    """Renders what a bundle says of its run as text ending in a newline.

    Args:
        manifest: the bundle's manifest, from anyone.
        screen: width, colour and character set.
        bundle_id: the bundle's id, ``sha256:HEX``, where it is known.
    """
    page = Page(screen)
    run = manifest.run
    page.line(f"{run.name}: {shlex.join(run.command)}", "title", limit=2000)
    page.line("")
    ended = f"status {run.exit_status}" + (f", signal {run.signal}" if run.signal is not None else "")
    ended += ", cut off" if run.incomplete else ""
    page.fields(
        [
            *([("id", bundle_id)] if bundle_id else []),
            ("recorded", f"{run.started} by reprokit {manifest.reprokit}"),
            ("ended", f"{ended}, after {run.duration_s:.1f} s"),
            ("in", run.working_directory),
            (
                "policy",
                f"{run.policy}{_version(run)}; trace level {run.trace_level}; hash seed {run.hash_seed or 'unknown'}",
            ),
            ("git", _facts(manifest.git) or "no commit"),
            ("host", _facts(manifest.host) or "unknown"),
            ("packages", _packages_text(manifest.packages)),
            ("inputs", _files_text(manifest.inputs)),
            ("outputs", _files_text(manifest.outputs)),
            ("members", f"{len(manifest.members)}, {size_text(sum(member.size for member in manifest.members))}"),
            ("seen by", ", ".join(manifest.observers) or "none fired: only outputs can be compared"),
        ]
    )
    _streams(page, manifest.streams)
    _outputs(page, manifest.outputs)
    if manifest.metrics:
        page.title("Metrics")
        rows = [(metric.name, value_text(metric.value), metric.source) for metric in manifest.metrics[:_METRICS]]
        page.table(("name*", ">value", "source*"), rows)
        _more(page, len(manifest.metrics) - _METRICS)
    _warnings(page, manifest.warnings)
    return page.render()


def size_text(size: int) -> str:
    """A size in bytes as text, in powers of 1024: ``1.5 MiB``."""
    value, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def _streams(page: Page, streams: Sequence[TraceSummary]) -> None:
    if not streams:
        return
    page.title("Processes")
    page.table(
        ("name*", "framework", ">steps", "by", "final loss", "note*"),
        (
            (
                stream.name,
                stream.framework or "-",
                str(stream.steps),
                stream.delimited_by,
                value_text(stream.final_loss),
                "; ".join(filter(None, ("" if stream.complete else "incomplete", ", ".join(stream.disabled)))),
            )
            for stream in streams[:_STREAMS]
        ),
    )
    _more(page, len(streams) - _STREAMS)


def _outputs(page: Page, outputs: Sequence[OutputFile]) -> None:
    if outputs:
        page.title("Outputs")
        page.table((">size", "path*"), ((size_text(file.size), file.path) for file in outputs[:_FILES]))
        _more(page, len(outputs) - _FILES)


def _warnings(page: Page, warnings: Sequence[Notice]) -> None:
    if warnings:
        page.title("Warnings")
        for notice in warnings[:_WARNINGS]:
            page.line(f"{notice.code} {notice.message}", indent=2)
        _more(page, len(warnings) - _WARNINGS)


def _more(page: Page, count: int) -> None:
    if count > 0:
        page.line(f"and {count} more", indent=2)


def _files_text(files: Sequence[InputFile] | Sequence[OutputFile]) -> str:
    outside = sum(file.member is None for file in files)
    total = f"{len(files)}, {size_text(sum(file.size for file in files))}"
    return total + (f"; {outside} referenced, not contained" if outside else "") if files else "none"


def _facts(facts: dict[str, Any] | None) -> str:
    """The plain values of a nested description, the first few only."""
    plain = [
        f"{key} {clean(value, 60)}" for key, value in (facts or {}).items() if isinstance(value, str | int | float)
    ]
    return ", ".join(plain[:6])


def _packages_text(packages: dict[str, Any]) -> str:
    """``45 distributions, CPython 3.11.7``, from what another version may have written otherwise."""
    distributions, build = packages.get("distributions"), packages.get("python_version")
    if not isinstance(distributions, list):
        return "none recorded"
    return f"{len(distributions)} distributions" + (f", Python {build}" if isinstance(build, str) else "")


def _version(run: Any) -> str:
    """The policy's version, which bundles did not always have."""
    version = getattr(run, "policy_version", None)
    return f"/{version}" if version else ""
