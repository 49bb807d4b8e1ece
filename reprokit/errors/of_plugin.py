"""Codes of the pytest plugin: RPK060 to RPK069."""

from __future__ import annotations

from reprokit.errors.entry import Entry

PLUGIN: dict[str, Entry] = {
    "RPK060": Entry(
        "the runs of a test differ",
        "A test marked `repro` ran several times, each time in a fresh process with the same policy, seed and hash "
        "seed, and what it checked, returned, wrote below tmp_path or trained did not agree to the tier asked for.",
        "Seed every generator before its first draw, and run with policy='deterministic'; the message names the step, "
        "the tensor and the kind of cause.",
    ),
    "RPK061": Entry(
        "wrong use of the plugin",
        "An option, an ini key or an argument of the marker is not one that the plugin knows, or has a value that it "
        "does not take. Ignoring it would weaken a test without anyone noticing.",
        "Correct it; `pytest --markers` and `pytest --help` list what there is.",
    ),
    "RPK062": Entry(
        "a fresh process ended before its test did",
        "The process that ran the test went away without handing in its result: os._exit, a crash in native code, or "
        "a signal from outside (the kernel's, when memory is short).",
        "Run the test without the plugin (--repro=off) to see it in one process; raise an exception instead of "
        "calling os._exit.",
    ),
    "RPK063": Entry(
        "a test is not there in a fresh process",
        "Collecting the test's file again, in a process of its own, did not give a test with the same id. Ids that "
        "are made of random numbers, times, memory addresses or the order of a set change from process to process.",
        "Give parametrize explicit ids=, and generate cases from a fixed seed in a fixed order.",
    ),
    "RPK064": Entry(
        "a fresh process did not end in time",
        "The test was still running when its time was over. It was stopped with all processes that it had started.",
        "Give a longer time: @pytest.mark.repro(timeout=SECONDS), or repro_timeout in the ini file.",
    ),
    "RPK065": Entry(
        "a test leaves nothing to compare",
        "The test checked no value, returned none, wrote no file below tmp_path and made no traced training step, so "
        "nothing could be established. That is never a pass.",
        "Call repro.check(name, value), return a value, or ask for tier='re-runnable' only.",
    ),
    "RPK066": Entry(
        "the runs of a test end differently",
        "The test passed in one fresh process and failed or was skipped in another, although nothing between them "
        "was changed.",
        "Look at the failure below; what it depends on is not fixed by the test (seed, time, order, a leftover file).",
    ),
    "RPK067": Entry(
        "a test cannot be collected in a fresh process",
        "Importing the test's file failed in a process of its own, although it did not in this one: it relies on what "
        "another test file or plugin has done before.",
        "Run `pytest FILE` alone, and make the file import what it needs.",
    ),
    "RPK068": Entry(
        "the policy was not applied",
        "The policy's switches are set by an observer that starts with the process. It did not start (Python ran with "
        "-E, -I or -S) or switched itself off, so the runs say nothing about the policy.",
        "Start pytest without -E, -I and -S.",
    ),
}
