"""The dataset manifests of a project, and which of the files that a run read they list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.errors import ReprokitError
from reprokit.launch.texts import text_of
from reprokit.schema.manifest import Notice

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from reprokit.datasets.manifests import Match
    from reprokit.schema.dataset import DatasetManifest


class Listing:
    """Looks a run's inputs up in manifests. A recording is not lost for that: what goes wrong is kept for later.

    Attributes:
        files: the manifests.
        readable: those of them that are whole.
        matches: by the path of an input, the files of manifests that it is.
        warnings: manifests that cannot be read.
        trouble: why the inputs could not be looked up.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        self.readable: dict[Path, DatasetManifest] = {}
        self.matches: dict[str, list[Match]] = {}
        self.warnings: list[Notice] = []
        self.trouble: Exception | None = None

    def look_up(self, inputs: Sequence[tuple[str, str, int]], unsure: Collection[str]) -> set[str]:
        """Looks for all that a run read.

        Args:
            inputs: path, ``sha256:HEX`` and size in bytes of each.
            unsure: paths of those that may be code or data.

        Returns:
            Those of `unsure` that a manifest lists: their content, or their place, whatever lies there now.
        """
        if not self.files:
            return set()
        try:
            return self._look_up(inputs, unsure)
        except Exception as error:  # noqa: BLE001 - said with the part of the graph that lacks them
            self.trouble = error
            return set()

    def _look_up(self, inputs: Sequence[tuple[str, str, int]], unsure: Collection[str]) -> set[str]:
        from reprokit.datasets.manifests import ManifestIndex, read_manifest

        for path in self.files:
            try:
                self.readable[path] = read_manifest(path)
            except ReprokitError as error:  # one that is damaged says nothing about the others, or about the run
                self.warnings.append(Notice(code=error.code, message=text_of(error.message)))
        index = ManifestIndex(self.readable)
        self.matches, missed = index.match(inputs)
        filled = {path for path, _, size in inputs if size}
        held = {path for path in self.matches if path in unsure}
        return (held | index.places(path for path in missed if path in unsure)) & filled
