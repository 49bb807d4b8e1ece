"""`reprokit price` on real replays: planted costs, planted cures, and everything that can go wrong on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# A locale or a time zone costs a script nothing by itself, so whatever they cost or cure here was planted.
ZONE, PLACE = "system.time_zone=UTC", "system.locale=C.UTF-8"
SCRIPT = """
import json, os, sys, time
zone, place = os.environ.get("TZ") == "UTC", os.environ.get("LC_ALL") == "C.UTF-8"
{planted}
weights = [0.5] * 3 if {cured} else [time.time_ns(), os.getpid()]
json.dump({{"weights": weights}}, open("weights.json", "w"))
"""


class Project:
    """A directory with one recorded script, priced by the command line."""

    def __init__(self, reprokit, directory):
        self.reprokit, self.directory = reprokit, directory
        self.bundle = directory / "train.repro.tar.zst"
        self.env = {"TZ": None, "LC_ALL": None, "TMPDIR": str(directory / "tmp")}
        (directory / "tmp").mkdir()

    def record(self, planted="", cured="True", text=None, options=(), **env):
        (self.directory / "train.py").write_text(text or SCRIPT.format(planted=planted, cured=cured))
        command = ("record", "-o", self.bundle, *options, "--", sys.executable, "train.py")
        done = self.reprokit(*command, cwd=self.directory, env={**self.env, **env})
        assert done.status == 0, done.text
        return self

    def price(self, *options, status=0, **env):
        done = self.reprokit(
            "price", self.bundle, "--json", *options, cwd=self.directory, env={**self.env, **env}, timeout=500
        )
        assert status in (done.status, None), done.text
        assert list((self.directory / "tmp").glob("reprokit*")) == [], "temporary directories stay behind"
        return done.json

    def priced(self, *options, status=0, **env):
        """The document of `price`, with the promises that hold for every list checked."""
        report = self.price(*options, status=status, **env)
        check_promises(report)
        return report


def check_promises(report):
    assert report["schema"] == "reprokit.price/1"
    ran = [frozenset(run["switches"]) for run in report["runs"]]
    for row in report["tiers"]:
        if row["switches"] is not None:
            assert ran.count(frozenset(row["switches"])) >= row["price"]["runs"] >= 2, "a claimed set was itself run"
            held = row["price"]["between" if row["against"] == "replays" else "record"]
            order = ["none", "re-runnable", "metric-close", "bitwise"]
            assert order.index(held["tier"]) >= order.index(row["tier"])
            assert not row["price"]["failed"]
            assert not row["price"]["not_in_force"]
            assert "does not exclude" in row["reason"]
        else:
            assert row["reason"]
    assert report["elapsed_s"] <= report["budget_s"] + 20  # a busy machine is slow to end what is under way
    for switch in report["switches"]:
        assert switch["status"] == "priced" or switch["reason"], switch["name"]


def row_of(report, name):
    return next(row for row in report["switches"] if row["name"] == name)


def cheapest(report, tier="bitwise", against="replays"):
    return next(row for row in report["tiers"] if (row["tier"], row["against"]) == (tier, against))


@pytest.fixture
def project(reprokit, tmp_path):
    return Project(reprokit, tmp_path)


def test_a_planted_cost_and_a_planted_cure(project):
    project.record("if zone: time.sleep(3)", cured="place")  # more than the noise of a busy machine
    report = project.priced("--rounds", "4", "--switch", ZONE, "--switch", PLACE, "--target", "bitwise",
                            "--output", "policy.toml", "--name", "nightly")  # fmt: skip
    zone = row_of(report, "system.time_zone")["price"]["process"]
    assert zone["measurable"]
    assert zone["low"] > 1.2
    # Not "nothing was measured": what costs nothing is taken for something as often as the confidence says.
    assert row_of(report, "system.locale")["price"]["process"]["ratio"] < zone["ratio"]
    assert cheapest(report)["switches"] == {"system.locale": "C.UTF-8"}
    assert cheapest(report, against="record")["switches"] is None, "the record is one draw of many"
    assert cheapest(report, "re-runnable")["switches"] == {}
    assert report["baseline"]["between"]["tier"] == "re-runnable"
    assert report["baseline"]["between"]["apart"] >= 3
    assert row_of(report, "torch.deterministic_algorithms")["status"] == "does-not-apply"
    assert "does not use torch" in row_of(report, "torch.deterministic_algorithms")["reason"]

    # What was written is accepted, and does what it says.
    snippet = (project.directory / "policy.toml").read_text()
    assert snippet == report["recommended"]
    (project.directory / "pyproject.toml").write_text(snippet)
    project.record(cured="place", options=("--policy", "nightly"))
    done = project.reprokit("replay", "--runs", "2", project.bundle, cwd=project.directory, env=project.env)
    assert done.status == 0, done.text
    # Recorded under the policy, the record is what the set gives, and the baseline is without it.
    report = project.priced("--rounds", "3", "--policy", "nightly")
    assert cheapest(report, against="record")["switches"] == {"system.locale": "C.UTF-8"}
    assert report["baseline"]["record"]["apart"] == report["baseline"]["runs"]


def test_two_switches_that_cure_only_together(project):
    project.record(cured="zone and place")
    report = project.priced("--rounds", "3", "--switch", ZONE, "--switch", PLACE)
    both = {"system.locale": "C.UTF-8", "system.time_zone": "UTC"}
    assert cheapest(report)["switches"] == both
    assert cheapest(report)["price"]["process"]["pairs"] >= 3, "and it was priced in pairs"


def test_nothing_is_needed(project):
    report = project.record().priced("--rounds", "2")
    assert cheapest(report)["switches"] == cheapest(report, against="record")["switches"] == {}
    assert 'extends = "none"\n' in report["recommended"]


def test_a_switch_that_the_script_does_not_survive(project):
    project.record("if zone:\n    raise RuntimeError('no deterministic kernel')", cured="zone or place")
    report = project.priced("--rounds", "2", "--switch", ZONE, "--switch", PLACE)
    zone = row_of(report, "system.time_zone")
    assert zone["status"] == "failed"
    assert zone["reason"] == "RuntimeError: no deterministic kernel (train.py:5)"
    assert zone["price"]["runs"] == 1
    assert cheapest(report)["switches"] == {"system.locale": "C.UTF-8"}


def test_a_switch_that_the_script_takes_back(project):
    project.record("os.environ['TZ'] = 'CET'", cured="zone or place")
    report = project.priced("--rounds", "2", "--switch", ZONE, "--switch", PLACE)
    zone = row_of(report, "system.time_zone")
    assert zone["status"] == "not-in-force"
    assert "CET" in zone["reason"]
    assert cheapest(report)["switches"] == {"system.locale": "C.UTF-8"}


def test_a_switch_with_which_the_script_does_not_end(project):
    project.record("if zone: time.sleep(300)")
    report = project.priced("--rounds", "2", "--switch", ZONE, "--timeout", "20")  # enough for the others, busy or not
    assert row_of(report, "system.time_zone")["reason"] == "did not end within 20 s"


def test_a_target_that_no_set_reaches(project):
    project.record(cured="False")
    arguments = ("price", project.bundle, "--rounds", "2", "--target", "bitwise", "--output", "policy.toml")
    done = project.reprokit(*arguments, cwd=project.directory, env=project.env)
    assert done.status == 1
    assert "target bitwise NOT reached by any set" in done.stdout.decode()
    assert "warning RPK138" in done.stderr.decode()
    assert not (project.directory / "policy.toml").exists()
    arguments = (*arguments[:4], "--target", "re-runnable")
    assert project.reprokit(*arguments, cwd=project.directory, env=project.env).status == 0


def test_a_bundle_that_records_too_little_is_unverified(project):
    project.record(text="print('nothing is written')\n")
    report = project.priced("--rounds", "2", "--target", "bitwise", status=3)
    assert cheapest(report)["status"] == "unverified"
    assert "neither an output nor a traced step" in cheapest(report)["reason"]


def test_a_budget_is_kept_and_what_it_left_open_is_said(project):
    project.record("time.sleep(0.5)", cured="place")
    begin = time.monotonic()
    report = project.priced("--rounds", "50", "--budget", "6", "--switch", ZONE, "--switch", PLACE, status=None)
    assert time.monotonic() - begin < 6 + 60, "what comes after the budget is starting and printing"
    assert report["elapsed_s"] < 6 + 20
    assert report["stopped"] == "budget"
    assert report["rounds"] < 50


def test_a_budget_that_ends_within_the_first_round(project):
    project.record("time.sleep(2)")  # the round has four runs, so the budget is too small on any machine
    report = project.priced("--budget", "8", "--switch", ZONE, "--switch", PLACE, "--target", "bitwise", status=3)
    assert report["status"] == "unverified"
    assert "not-run" in {row["status"] for row in report["switches"]}


def test_a_search_that_ends_early_leaves_the_budget_to_the_rounds(project):
    project.record("time.sleep(1)")
    report = project.priced("--rounds", "2", "--budget", "14", "--switch", ZONE, "--switch", PLACE, status=None)
    assert cheapest(report)["switches"] == {}, "which two runs of no switch at all suffice for"
    if report["stopped"] == "budget":
        assert report["budget_s"] - report["elapsed_s"] < 2 * report["run_s"]
    else:
        assert (report["stopped"], report["rounds"]) == ("rounds", 2)
        times = Counter(tuple(sorted(run["switches"])) for run in report["runs"])
        assert len(times) == 4
        assert min(times.values()) >= 2


def test_ctrl_c_gives_what_is_known(project, reprokit):
    project.record("time.sleep(0.2)")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    process = subprocess.Popen(
        [reprokit.program, "price", project.bundle, "--json", "--rounds", "900"], cwd=project.directory,
        env=reprokit.environment(**project.env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    signal.signal(signal.SIGINT, before)
    end = time.monotonic() + 120
    while not list((project.directory / "tmp").glob("reprokit-price-*/run-3")):  # two have ended when it begins
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "no third run"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    report = json.loads(out)
    assert report["stopped"] == "interrupted"
    assert report["runs"]
    assert report["baseline"]["runs"] >= 1
    assert list((project.directory / "tmp").glob("reprokit*")) == []


def test_a_run_that_fails_without_any_switch(project):
    """Recorded with a variable that the bundle does not hold."""
    project.record("if 'NEEDED' not in os.environ: sys.exit('needs NEEDED')", NEEDED="1")
    report = project.price(status=3)
    assert report["code"] == "RPK135"
    assert "needs NEEDED" in report["message"]


def test_untrusted_and_damaged_bundles(project, tmp_path):
    project.record()
    elsewhere = {"REPROKIT_HOME": str(tmp_path / "elsewhere")}
    assert project.price(status=4, **elsewhere)["code"] == "RPK026"
    assert project.price("--trust", "--rounds", "2", **elsewhere)["schema"] == "reprokit.price/1"
    data = bytearray(project.bundle.read_bytes())
    data[len(data) // 3] ^= 1
    project.bundle.write_bytes(data)
    assert project.price(status=4)["code"].startswith("RPK02")


def test_a_failed_recording_is_not_priced(project):
    (project.directory / "train.py").write_text("raise SystemExit(3)\n")
    command = ("record", "-o", project.bundle, "--", sys.executable, "train.py")
    assert project.reprokit(*command, cwd=project.directory, env=project.env).status == 3
    assert project.price(status=3)["code"] == "RPK030"


@pytest.mark.parametrize(
    ("options", "code"),
    [(("--budget", "0"), "RPK001"), (("--switch", "torch.num_threads"), "RPK001"), (("--name", "a b"), "RPK001"),
     (("--switch", "torch.num_thread=1"), "RPK121"), (("--switch", "torch.num_threads=many"), "RPK121")],
)  # fmt: skip
def test_wrong_options(project, options, code):
    project.bundle.write_bytes(b"")
    done = project.reprokit("price", project.bundle, "--json", *options, cwd=project.directory, env=project.env)
    assert (done.status, done.json["code"]) == (2, code)


# sigmoid() and sum() are ATen's own vector code; sin(), exp() and tanh() are MKL's, which takes no notice.
TRAINING = """
import torch
torch.manual_seed(0)
x = torch.randn(200_000)
w = torch.nn.Parameter(torch.ones(1))
optimizer = torch.optim.SGD([w], lr=0.01)
for step in range(40):
    y = x * w
    for _ in range(30):
        y = y.sigmoid()
    loss = y.sum() / 1e5
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
torch.save(w.detach(), "w.pt")
"""


def test_an_older_instruction_set_slows_a_real_training(project):
    """The cost is that of the steps, and not of the seconds in which PyTorch is imported."""
    project.record(text=TRAINING)
    report = project.priced("--rounds", "5", "--policy", "none", "--switch", "torch.aten_cpu_capability=default")
    assert report["measure"] == "training"
    assert report["steps"] == 40
    price = row_of(report, "torch.aten_cpu_capability")["price"]
    assert price["training"]["measurable"]
    assert price["training"]["ratio"] > 1.3
    assert price["training"]["ratio"] > price["process"]["ratio"], "the import is left out"
    assert price["between"]["tier"] == "bitwise"
    assert price["record"]["tier"] != "bitwise", "other bits: it repeats, and is not the record"
    assert cheapest(report)["switches"] == cheapest(report, against="record")["switches"] == {}


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs 2 cores")
@pytest.mark.alone
def test_a_race_that_deterministic_algorithms_or_one_thread_end(project):
    scatter = (Path(__file__).parent / "scripts" / "scatter_table.py").read_text()
    text = scatter.replace("default=12", "default=4")
    project.record(text=text, OMP_NUM_THREADS="2")
    report = project.priced("--rounds", "3", "--budget", "150", status=None)
    if not report["baseline"]["between"]["apart"]:
        pytest.skip("the two threads never raced: this machine has no two cores to spare")
    chosen = cheapest(report)
    if chosen["status"] == "verified":
        assert set(chosen["switches"]) in ({"torch.deterministic_algorithms"}, {"torch.num_threads"})
    else:
        assert report["stopped"] == "budget" or "budget ended" in chosen["reason"]
    for name in ("torch.deterministic_algorithms", "torch.num_threads"):
        held = row_of(report, name)["price"]["between"]
        assert held is None or held["tier"] == "bitwise"
    assert cheapest(report, against="record")["switches"] is None
