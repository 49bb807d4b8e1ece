"""The code that made a dataset: a command that is in no commit is not that of the commit."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Place

    from reprokit.schema.dataset import Preprocessing

WHO = ("-c", "user.name=a", "-c", "user.email=a@b.c")


def _made(place: Place, command: str) -> Preprocessing:
    return place.create(preprocessing={"command": command}).manifest.preprocessing


def test_a_command_that_git_does_not_track_is_no_clean_tree(place: Place) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *WHO, *arguments], cwd=place.root, check=True, capture_output=True)

    git("init", "--quiet")
    (place.root / ".gitignore").write_text("home\nignored.py\ndata.manifest.json\n")
    place.write("a.csv", "a\n1\n")
    place.write("../kept.py", "1")
    git("add", "-A")
    git("commit", "--quiet", "-m", "x")
    assert (_made(place, "python kept.py").git_dirty, _made(place, "python kept.py").git_diff) == (False, None)
    for name in ("new.py", "ignored.py"):
        place.write(f"../{name}", "1")
        first = _made(place, f"python {name} --fast")
        assert first.git_dirty is True
        place.write(f"../{name}", "2")
        assert _made(place, f"python {name} --fast").git_diff != first.git_diff
    clean = _made(place, "python kept.py ../elsewhere.py \0 data")
    assert (clean.git_dirty, clean.git_diff) == (False, None)
