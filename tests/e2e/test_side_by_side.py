"""Models that train side by side in one program: in forked children, in threads, and in threads one after the other."""

from __future__ import annotations

import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.torch]

FORKED = """
import multiprocessing, os, signal, sys, torch
def train(seed):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        model(torch.randn(2, 4)).sum().backward()
        optimizer.step()
    torch.save(model.state_dict(), f"{seed}.pt")
    if sys.argv[1] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=train, args=(seed,)) for seed in range(2)]
    for child in children: child.start()
    for child in children: child.join()
"""
THREADS = """
import sys, threading, torch
torch.manual_seed(1)
order, turns = sys.argv[1], [threading.Event() for _ in range(8)]
def train(name):
    generator = torch.Generator().manual_seed(ord(name))
    model = torch.nn.Linear(4, 1, bias=False)
    model.weight.data = torch.rand(1, 4, generator=generator)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for turn in [at for at, whose in enumerate(order) if whose == name]:
        if turn: turns[turn - 1].wait()
        optimizer.zero_grad()
        model(torch.rand(2, 4, generator=generator)).sum().backward()
        optimizer.step()
        turns[turn].set()
    torch.save(model.state_dict(), name + ".pt")
threads = [threading.Thread(target=train, args=(name,)) for name in "ab"]
if order == "aaaabbbb":
    for thread in threads: thread.start(); thread.join()
else:
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def _record(reprokit, directory, script, argument, name):
    (directory / "train.py").write_text(script)
    done = reprokit(
        "record", "--json", "--trace", "full", "-o", name, "--", sys.executable, "train.py", argument, cwd=directory
    )
    assert done.status == 0, done.text
    return done.json


@pytest.mark.parametrize("how", ["ended", "killed"])
def test_a_forked_child_closes_its_trace_unless_it_is_killed(reprokit, tmp_path, how):
    report = _record(reprokit, tmp_path, FORKED, how, "run.repro.tar.zst")
    cut = [warning for warning in report["warnings"] if warning["code"] == "RPK044"]
    assert len(cut) == (2 if how == "killed" else 0), report["warnings"]
    if how == "ended":
        replayed = reprokit("replay", "--json", "run.repro.tar.zst", cwd=tmp_path)
        assert replayed.status == 0, replayed.text
        assert replayed.json["tier"] == "bitwise"
        assert len(replayed.json["traces"]) == 2


def test_threads_that_change_places_are_named_as_a_cause(reprokit, tmp_path):
    """Both models end with the same bits; only the order of their updates in the one trace differs."""
    _record(reprokit, tmp_path, THREADS, "abababab", "a.repro.tar.zst")
    _record(reprokit, tmp_path, THREADS, "babababa", "b.repro.tar.zst")
    verdict = reprokit("compare", "--json", "a.repro.tar.zst", "b.repro.tar.zst", cwd=tmp_path).json
    assert all(output["equal"] for output in verdict["outputs"])
    assert verdict["tier"] != "bitwise"
    assert verdict["divergence"]["cause"].startswith("order of threads, or ")


def test_threads_one_after_the_other_are_no_cause(reprokit, tmp_path):
    _record(reprokit, tmp_path, THREADS, "aaaabbbb", "a.repro.tar.zst")
    faulty = THREADS.replace("optimizer.step()", "optimizer.step(); model.weight.data[0, 0] += 1e-3 * (turn == 5)")
    _record(reprokit, tmp_path, faulty, "aaaabbbb", "b.repro.tar.zst")
    divergence = reprokit("compare", "--json", "a.repro.tar.zst", "b.repro.tar.zst", cwd=tmp_path).json["divergence"]
    assert divergence["step"] == 7
    assert divergence["cause"] == "update"
