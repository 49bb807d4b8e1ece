"""Reads training code and names what will make two runs differ; nothing is run or imported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import reprokit
from reprokit.lint import RULES, Selection, lint_paths
from reprokit.schema.config import find_pyproject, load_config
from reprokit.schema.lint import LintFinding, LintReport, LintRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.lint import Finding, Linted


def lint(
    paths: Sequence[str],
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    exclude: Sequence[str] = (),
    versions: dict[str, str] | None = None,
    unused: bool = False,
    start: Path | None = None,
) -> LintReport:
    """Lints files and directories under the settings of the project that ``start`` is in.

    Args:
        paths: files and directories.
        select: codes, or their beginnings, that count; instead of those of the configuration.
        ignore: codes, or their beginnings, that do not, beside those of the configuration.
        exclude: globs of paths to leave out, beside those of the configuration.
        versions: ``torch`` and ``tensorflow`` -> version, instead of the configured or installed one.
        unused: comments that silence nothing are findings.
        start: where the configuration is looked for, upwards; the working directory by default.

    Raises:
        UsageError: RPK003, RPK004, RPK130 or RPK131.
    """
    where = start or Path.cwd()
    config, home = load_config(where).lint, find_pyproject(where)
    selection = Selection(
        select=tuple(select) or tuple(config.select),
        ignore=(*config.ignore, *ignore),
        exclude=(*config.exclude, *exclude),
        per_file={pattern: tuple(codes) for pattern, codes in config.per_file_ignores.items()},
        root=str(home.parent if home is not None else where),
    )
    configured = {"torch": config.torch_version, "tensorflow": config.tensorflow_version}
    wanted = {name: text for name, text in {**configured, **(versions or {})}.items() if text}
    return report(lint_paths(paths, selection, wanted, unused=unused or config.report_unused))


def report(found: Linted) -> LintReport:
    """The document of what was found."""
    codes = sorted({finding.code for finding in found.findings})
    return LintReport(
        reprokit=reprokit.__version__,
        met=all(finding.level == "note" for finding in found.findings),
        files=found.files,
        lines=found.lines,
        silenced=found.silenced,
        versions=found.versions,
        findings=[_finding(finding) for finding in found.findings],
        rules=[_rule(code) for code in codes],
    )


def _finding(finding: Finding) -> LintFinding:
    return LintFinding(
        code=finding.code,
        name=RULES[finding.code].name,
        level=finding.level,
        path=finding.path,
        line=finding.line,
        column=finding.column,
        end_line=finding.end_line,
        cell=finding.cell,
        cell_line=finding.cell_line,
        message=finding.message,
        remedy=finding.remedy,
        source=finding.source,
    )


def _rule(code: str) -> LintRule:
    rule = RULES[code]
    return LintRule(code=code, name=rule.name, level=rule.level, why=rule.why, remedy=rule.remedy, source=rule.source)
