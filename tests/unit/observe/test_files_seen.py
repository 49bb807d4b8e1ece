"""Which openings of a file the audit hook notes, and whose they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.observe.files import FileObserver
from reprokit.observe.reading import parse_file_records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STANDARD = os.path.dirname(os.__file__)
IMPORTER = "<frozen importlib._bootstrap_external>"


class Seen:
    """An observer, and what it noted of one file."""

    def __init__(self, root: Path) -> None:
        def failed(_name: str, error: BaseException) -> None:
            raise error

        self.root, self.log = root, root / "files"
        self.file = root / "corpus" / "a.py"
        self.file.parent.mkdir()
        self.file.write_text("1\n")
        self.observer = FileObserver(str(root), f"{root}/", (), str(root), None, failed, lambda _command: None)

    def opened_by(self, *filenames: str) -> None:
        """Opens the file from code of the first file, which that of the second one calls, and so on."""
        opener: Callable[[], Any] = lambda: None  # noqa: E731
        for number, filename in enumerate(filenames):
            names: dict[str, Any] = {"hook": self.observer.hook, "path": str(self.file), "inner": opener}
            body = "inner()" if number else "hook('open', (path, 'r', 0))"
            exec(compile(f"def outer(): {body}", filename, "exec"), names)
            opener = names["outer"]
        opener()

    @property
    def origins(self) -> list[str]:
        """Of the records, in order."""
        self.observer.close()
        return [record.origin for record in parse_file_records(self.log.read_bytes())] if self.log.exists() else []


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    return Seen(tmp_path)


def test_what_is_imported_and_opened_is_noted_as_both_and_each_once(seen: Seen) -> None:
    script = str(seen.root / "train.py")
    for filename in (IMPORTER, IMPORTER, script, script, IMPORTER):
        seen.opened_by(filename)
    assert seen.origins == ["import", "user"]


def test_what_was_imported_before_is_noted_when_it_is_opened(seen: Seen) -> None:
    seen.observer.imported(str(seen.file))
    seen.opened_by(str(seen.root / "train.py"))
    assert seen.origins == ["import", "user"]


@pytest.mark.parametrize("name", ["pretokenize.py", "tokenize.py", "inspect.py"])
def test_a_script_that_is_called_as_a_module_of_the_standard_library_is_observed(seen: Seen, name: str) -> None:
    seen.opened_by(str(seen.root / name))
    assert seen.origins == ["user"]


def test_source_that_is_opened_for_a_traceback_is_no_input_and_a_corpus_is_one(seen: Seen) -> None:
    train = str(seen.root / "train.py")
    seen.opened_by(f"{STANDARD}/linecache.py", train)
    seen.opened_by(f"{STANDARD}/tokenize.py", f"{STANDARD}/linecache.py", train)
    seen.opened_by(f"{STANDARD}/tokenize.py", train)
    assert seen.origins == ["user"]
