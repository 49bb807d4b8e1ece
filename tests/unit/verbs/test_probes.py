"""What doctor says of a framework: broken, bits that differ, switches that cannot be set."""

import stat

from reprokit.verbs.probes import FrameworkProbe, ProbeRun, _run, checks_of, probe_framework, probe_frameworks


def row(*digests, **more):
    kept = {"framework": "torch", "device": "cpu", "threads": 2, "mode": "deterministic", "model": "scatter"}
    return {**kept, "digests": list(digests), "seconds": 0.5, **more}


def test_bits_repeat_only_if_all_trainings_agree():
    assert _run(row("a", "a"), row("a", "a")).repeats
    assert not _run(row("a", "a"), row("b", "b")).repeats
    assert not _run(row("a", "b"), row("a", "b")).repeats
    assert not _run(row(problem="x"), row()).repeats


def verdicts(**changes):
    found = ProbeRun(**{**row(), "digests": None, "repeats": False, **changes})
    return [check.good for check in checks_of(FrameworkProbe(name="tables", runs=[found]))]


def test_what_must_repeat_and_does_not_is_wrong_and_what_need_not_is_a_fact():
    assert verdicts(repeats=True) == [True]
    assert verdicts() == [False]
    assert verdicts(mode="plain") == [None]
    assert verdicts(mode="plain", model="network") == [False]
    assert verdicts(mode="plain", model="network", device="cuda") == [None], "cuDNN's kernels need not repeat"
    assert verdicts(model="network", device="cuda") == [False]
    assert verdicts(problem="ImportError: broken") == [False]


def test_a_broken_framework_is_named_in_one_line():
    (check,) = checks_of(FrameworkProbe(name="jax", problem="ImportError: no jaxlib"))
    assert check.good is False
    assert check.found == "ImportError: no jaxlib"


def test_switches_are_counted_under_their_own_framework_only():
    both = {"tensorflow.seed": "", "keras.seed": "", "jax.xla_flags": ""}
    found = [check.name for check in checks_of(FrameworkProbe(name="tensorflow", switches=both))]
    assert found == ["tensorflow", "tensorflow switches", "keras switches"]
    found = [check.name for check in checks_of(FrameworkProbe(name="jax", switches={"jax.xla_flags": ""}))]
    assert found == ["jax", "jax switches"]


def test_switches_that_cannot_be_set_are_named():
    found = checks_of(FrameworkProbe(name="torch", switches={"torch.sdpa": "", "torch.num_threads": "refused"}))
    assert "1 of 2" in found[1].found
    assert "torch.num_threads: refused" in found[1].found


def test_a_probe_that_dies_is_a_problem_and_not_a_crash(tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    found = probe_framework("torch", str(program))
    assert "status 7" in found.problem
    assert found.runs == []


def test_only_what_is_installed_is_probed():
    assert probe_frameworks([]) == []
