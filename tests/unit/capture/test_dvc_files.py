"""DVC's and git's own files, by their places: in a project of DVC's, and nowhere else."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest

from reprokit.capture.dvc_files import dvc_projects, is_dvc_book, unreplayed_globs

READ = ["/p/.dvc/config", "/p/data.csv", "/p/sub[1]/.dvc/config", "/home/me/.gitconfig"]


def test_a_project_is_where_dvc_read_its_settings():
    assert dvc_projects(READ) == ["/p", "/p/sub[1]"]
    assert dvc_projects(["/p/data.csv", "/p/.dvc/tmp/lock", "/p/x.dvc/config"]) == []


@pytest.mark.parametrize(
    "path",
    ["/p/dvc.lock", "/p/.gitignore", "/p/.dvcignore", "/p/deep/er/.gitignore", "/p/raw.csv.dvc", "/p/.dvc/config",
     "/p/.dvc/config.local", "/p/.dvc/.gitignore", "/home/me/.gitconfig"],
)  # fmt: skip
def test_its_books_are_no_data(path):
    assert is_dvc_book(path, ["/p"])
    assert not is_dvc_book(path, []), "without DVC they are files like any other"


@pytest.mark.parametrize(
    "path",
    ["/p/data.csv", "/p/config", "/p/.dvc/cache/files/md5/00/11", "/q/dvc.lock", "/q/.gitignore", "/pp/dvc.lock",
     "/p/dvc.lock/data.csv", "/p/gitignore"],
)  # fmt: skip
def test_data_and_other_projects_are_no_books(path):
    assert not is_dvc_book(path, ["/p"])


def test_what_dvc_writes_for_git_is_found_by_its_globs():
    globs = unreplayed_globs(READ)
    for path in ("/p/.gitignore", "/p/data/.gitignore", "/p/sub[1]/.gitignore"):
        assert any(fnmatch(path, glob) for glob in globs), path
    for path in ("/q/.gitignore", "/p/x.gitignore", "/p/.gitignore/data", "/p/dvc.lock"):
        assert not any(fnmatch(path, glob) for glob in globs), path
    assert unreplayed_globs(["/p/data.csv"]) == []
