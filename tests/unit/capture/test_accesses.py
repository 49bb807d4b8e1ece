"""Which of the files that were read belong to a run."""

from __future__ import annotations

import pytest

from reprokit.capture.accesses import Places, may_be_input, may_be_output

PLACES = Places("/home/ann/project", ("/home/ann/.pyenv/versions/3.11.7",), ())


@pytest.mark.parametrize(
    "path",
    ["/home/ann/.pyenv/shims/python", "/home/ann/.pyenv/libexec/pyenv-exec", "/opt/pyenv/libexec/pyenv",
     "/home/ann/.pyenv/version", "/home/ann/.asdf/shims/python", "/home/ann/.asdf/lib/utils.bash"],
)  # fmt: skip
def test_the_scripts_that_look_for_the_interpreter_are_no_data(path: str) -> None:
    assert not may_be_input(path, "call", PLACES)
    assert may_be_input(path, "user", PLACES), "what the script itself opens is"


@pytest.mark.parametrize(
    "path", ["/home/ann/project/.pyenv/shims/a.txt", "/data/shims/a.csv", "/data/mypyenv/libexec/x"]
)
def test_data_of_such_names_are_data(path: str) -> None:
    assert may_be_input(path, "call", PLACES)


@pytest.mark.parametrize(
    "path",
    ["/home/ann/.local/share/jupyter/nbsignatures.db", "/home/ann/.cache/black/24/cache.pickle", "/dev/null",
     "/dev/pts/0", "/dev/shm/joblib_memmapping_folder_1_a_b/1-2-3.pkl", "/dev/shm/sem.a", "/dev/shm/psm_ab12.bin"],
)  # fmt: skip
def test_what_programs_keep_for_themselves_is_no_result(path: str) -> None:
    assert not may_be_output(path, PLACES)


@pytest.mark.parametrize("folder", ["/dev/shm", "/home/ann/.cache/mine", "/home/ann/.local/share/mine"])
def test_what_a_script_keeps_is_a_result_and_an_input(folder: str) -> None:
    assert may_be_output(f"{folder}/x.npy", PLACES)
    assert may_be_input(f"{folder}/x.npy", "call", PLACES)
    assert may_be_output(f"{folder}/x", PLACES, "user")
    assert not may_be_output(f"{folder}/x", PLACES), "a library's own"
