"""The rebuild test: ``pytest bundles/`` replays every ``*.repro.tar.zst`` there, and each must reach its target.

A bundle is a file with one item, so xdist spreads them, ``-k`` selects them and a corrupt one is a failing test and
no collection error. Nothing heavy is imported until an item runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reprokit.errors import Exit, ReprokitError
from reprokit.pytest_plugin.given import given
from reprokit.pytest_plugin.reports.outcomes import attach

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from _pytest._code.code import ExceptionInfo

    from reprokit.schema.tiers import Tier
    from reprokit.schema.verdict import Verdict
    from reprokit.verbs.replay import ReplayOptions

SUFFIX = ".repro.tar.zst"


def collect(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The collector of a bundle, for ``pytest_collect_file``; None for every other file.

    Bundles are collected only where the user named a place: in directories or files given as arguments or in
    ``testpaths``. A bare ``pytest`` in a directory in which a bundle lies about must not start a training run.
    """
    config = parent.config
    if not file_path.name.endswith(SUFFIX) or given(config, "repro", "check") == "off":
        return None
    if config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR:
        return None
    return BundleFile.from_parent(parent, path=file_path)


class BundleFile(pytest.File):
    """A bundle: its replay, and under ``--repro-verify`` its judgement by the release policy."""

    def collect(self) -> Iterator[pytest.Item]:
        """The items of this bundle."""
        yield Rebuild.from_parent(self, name="replay")
        if given(self.config, "repro_verify"):
            from reprokit.pytest_plugin.release import Release

            yield Release.from_parent(self, name="release")


class Rebuild(pytest.Item):
    """The replay of a bundle."""

    def runtest(self) -> None:
        """Replays the bundle to its target.

        Raises:
            RebuildFailure: the verdict is below the target, or nothing could be established.
            ReprokitError: the bundle is corrupt, untrusted or cannot be replayed here.
        """
        from reprokit.verbs.replay import replay

        target: Tier | None = None
        try:
            target = self.target()
            verdict = replay(self.path, self._options(target))
        except ReprokitError as error:
            # Nothing was established, whatever the reason: never a pass.
            attach(self, self._outcome(target, status="unverified", code=error.code, reason=error.message))
            raise
        except Exception as error:  # shown by pytest with its stack; the reports must not pass over it
            attach(self, self._outcome(target, status="unverified", code="RPK031", reason=f"{error!r}"))
            raise
        attach(self, self._judged(verdict))
        if not verdict.met:
            raise RebuildFailure(failure_text(verdict, self.command(target)))

    def repr_failure(
        self,
        excinfo: ExceptionInfo[BaseException],
        style: Any = None,
    ) -> Any:
        """A verdict or an error of ours as text, without the stack of reprokit's own functions."""
        error = excinfo.value
        if isinstance(error, RebuildFailure):
            return str(error)
        if isinstance(error, ReprokitError):
            return self._refusal(error)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Where this item stands: a bundle has no lines."""
        return self.path, None, f"replay of {self.path.name}"

    def target(self) -> Tier | None:
        """The tier to reach: what the nearest ``[tool.reprokit]`` says; None leaves it to the bundle's own claim."""
        from reprokit.schema.config import load_config

        config = load_config(self.path.parent)
        return config.target if "target" in config.model_fields_set else None

    def command(self, target: Tier | None) -> str:
        """The command that shows the whole report of this replay."""
        import shlex

        path = self.path
        if path.is_relative_to(self.config.invocation_params.dir):
            path = path.relative_to(self.config.invocation_params.dir)
        words = ["reprokit", "replay", str(path), *(["--target", str(target)] if target else [])]
        return shlex.join([*words, *(["--trust"] if self._trusted() else [])])

    def _judged(self, verdict: Verdict) -> dict[str, Any]:
        from reprokit.report.badge import verdict_digest
        from reprokit.report.wording import clean, divergence_sentence

        divergence = verdict.divergence
        return self._outcome(
            status=str(verdict.status), tier=str(verdict.tier), target=verdict.target,
            code="" if verdict.met else "RPK093", reason="" if verdict.met else verdict.reason,
            divergence="" if verdict.met or divergence is None else divergence_sentence(divergence, clean),
            bundle=verdict.bundle, verdict=verdict_digest(verdict),
        )  # fmt: skip

    def _outcome(self, target: Tier | None = None, **fields: Any) -> dict[str, Any]:
        """An outcome as JSON values."""
        asked = {} if target is None else {"target": str(target)}
        return {"kind": "rebuild", "command": self.command(target), **asked, **fields}

    def _refusal(self, error: ReprokitError) -> str:
        from reprokit.report.wording import clean

        hint = error.hint
        if error.code == "RPK026":
            hint = (
                "Read what it runs with `reprokit inspect`. To run code from the bundles given here: pytest "
                "--repro-trust, or `repro_trust = true` in the ini file."
            )
        label = {Exit.UNVERIFIED: "UNVERIFIED", Exit.CORRUPT: "REFUSED"}.get(error.exit_status, "ERROR")
        return f"{label} {error.code}: {clean(error.message, 2000)}\n{hint}\n\n    {self.command(None)}"

    def _trusted(self) -> bool:
        return bool(given(self.config, "repro_trust"))

    def _options(self, target: Tier | None) -> ReplayOptions:
        """``repro_timeout`` is for marked tests, which are short; a training run has ``[tool.reprokit] timeout``."""
        from reprokit.schema.config import load_config
        from reprokit.verbs.replay import ReplayOptions

        runs, timeout = given(self.config, "repro_runs"), load_config(self.path.parent).timeout
        return ReplayOptions(runs=int(runs or 1), target=target, trust=self._trusted(), timeout=timeout)


class RebuildFailure(Exception):  # noqa: N818 - a verdict, and nothing went wrong
    """The verdict of a replay is below its target; its text is the short report."""


def failure_text(verdict: Verdict, command: str) -> str:
    """A verdict in a few lines: the answer, where it parts, the first outputs and metrics that differ, the way on."""
    from reprokit.report import wording

    marked = wording.clean
    lines = [wording.headline(verdict), f"Why: {marked(verdict.reason, 600)}" if verdict.reason else ""]
    lines.append(wording.interpretation(verdict))
    if verdict.divergence is not None:
        lines.append(f"First divergence: {wording.divergence_sentence(verdict.divergence, marked)}")
    for output in [one for one in verdict.outputs if not one.equal][:3]:
        lines.append(f"Output {marked(output.path)}: {wording.output_answer(output)} ({marked(output.method)})")
        lines += [f"    {wording.difference_sentence(one, marked)}" for one in output.differences[:1]]
    for metric in [one for one in verdict.metrics if not one.close][:3]:
        recorded, replayed = wording.value_pair(metric.recorded, metric.replayed)
        values = f"recorded {marked(recorded)}, replayed {marked(replayed)}"
        lines.append(f"Metric {marked(metric.name)}: {values}; rule {marked(metric.rule)}")
    lines += [f"{notice.code}: {marked(notice.message, 600)}" for notice in verdict.warnings[:3]]
    lines.append(f"Advice: {marked(verdict.advice, 600)}" if verdict.advice else "")
    return "\n".join([*(line for line in lines if line), "", f"    {command}"])


__all__ = ["SUFFIX", "BundleFile", "Rebuild", "RebuildFailure", "collect", "failure_text"]
