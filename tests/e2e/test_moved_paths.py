"""Checkpoints that hold absolute paths, as Lightning's do, replayed in a tree of their own."""

import sys
import textwrap

import pytest

TRAIN = """
    import json, os, sys
    from pathlib import Path

    {library}

    name = "best.ckpt" if "RECORDING" in os.environ or "--faithful" in sys.argv else "worse.ckpt"
    best = os.path.abspath("ckpt/" + name)
    os.makedirs("ckpt", exist_ok=True)
    kept = {{"best": best, "scores": {{best: 0.25, "k" * 180 + best: 0.5}}, "folder": Path(best).parent}}
    save(kept, "ckpt/last.ckpt")
    with open("ckpt/best.json", "w") as file:
        json.dump({{"best": best, "scores": {{best: 0.25}}}}, file)
    with open("ckpt/log.txt", "w") as log:
        log.write(f"saved {{best}}\\n")
    print(f"saved {{best}}")
"""
TORCH = """
    import torch

    torch.manual_seed(0)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(8, 4)).square().mean().backward()
        optimizer.step()

    def save(kept, name):
        torch.save({"model": model.state_dict(), "kept": kept}, name)
"""
PICKLE = """
    import pickle

    def save(kept, name):
        with open(name, "wb") as file:
            pickle.dump(kept, file)
"""


@pytest.fixture(params=["pickle", pytest.param("torch", marks=pytest.mark.torch)])
def place(request, tmp_path):
    library = PICKLE
    if request.param == "torch":
        pytest.importorskip("torch")
        library = TORCH
    script = textwrap.dedent(TRAIN).format(library=textwrap.dedent(library))
    (tmp_path / "train.py").write_text(script)
    return tmp_path


def record(reprokit, place, *arguments):
    command = (sys.executable, "train.py", *arguments)
    done = reprokit("record", "-o", "b.repro.tar.zst", "--", *command, cwd=place, env={"RECORDING": "1"})
    assert done.status == 0, done.text


def test_paths_of_the_replays_own_tree_are_the_recorded_ones(reprokit, place):
    record(reprokit, place, "--faithful")
    done = reprokit("replay", "--json", "--isolation", "rewrite", "--runs", "2", "b.repro.tar.zst", cwd=place)
    assert (done.status, done.json["tier"]) == (0, "bitwise"), done.text
    assert done.json["scope"]["isolation"] == "rewrite"
    assert done.json["between_replays"] == "bitwise"
    assert [run["stdout_equal"] for run in done.json["runs"]] == [True, True]
    said = {output["path"]: output["note"] for output in done.json["outputs"]}
    assert said.keys() == {"ckpt/last.ckpt", "ckpt/best.json", "ckpt/log.txt"}
    assert all("taken as the recorded paths" in note for note in said.values()), said


def test_another_file_name_in_such_a_path_differs(reprokit, place):
    record(reprokit, place)
    done = reprokit("replay", "--json", "--isolation", "rewrite", "b.repro.tar.zst", cwd=place)
    assert done.status == 1, done.text
    assert done.json["tier"] != "bitwise"
    assert not any(output["equal"] for output in done.json["outputs"])
    [run] = done.json["runs"]
    assert run["stdout_equal"] is False


def test_two_bundles_of_two_directories_are_not_equated(reprokit, place):
    bundles = []
    for name in ("one", "two"):
        folder = place / name
        folder.mkdir()
        (folder / "train.py").write_bytes((place / "train.py").read_bytes())
        record(reprokit, folder, "--faithful")
        bundles.append(folder / "b.repro.tar.zst")
    done = reprokit("compare", "--json", *bundles, cwd=place)
    assert done.json["tier"] != "bitwise", done.text
    assert not any(output["equal"] for output in done.json["outputs"])
    assert not any(output["note"] for output in done.json["outputs"])
