import io
import subprocess
import sys

import pytest

from reprokit.report import Screen, render_inspect, render_record, render_verdict, screen_of
from reprokit.schema.manifest import (
    InputFile,
    Manifest,
    MemberEntry,
    Metric,
    Notice,
    OutputFile,
    RunConfig,
    TraceSummary,
)
from reprokit.schema.record import RecordReport
from reprokit.schema.verdict import MetricVerdict, OutputVerdict, RunVerdict

HOSTILE = "a\x1b[31mb\n\u202ec\udcff[red]d[/red]\x00:smile:"


def test_the_answer_comes_first(differing, equal):
    assert render_verdict(differing()).startswith("✗ RE-RUNNABLE: target bitwise NOT met\nWhy: not within tolerance")
    assert render_verdict(equal()).startswith("✓ BITWISE: target bitwise met\n")
    unverified = differing(status="unverified")
    assert render_verdict(unverified).startswith("? UNVERIFIED: target bitwise could not be established")


def test_everything_that_decides_is_shown(differing):
    text = render_verdict(differing(), Screen(120), ["my run.repro.tar.zst"])
    for part in (
        "out/model.pt: differs (torch.save: 12 tensors), first in replay 1",
        "`fc1.weight` at index [0, 3]: recorded 0.12345678, replayed 0.12345679, max abs 1.2e-07, max 3 ulp",
        "and 11 more differences",
        "and 12 equal",
        "steps 1-16 equal; step 17: parameters of `fc1.weight` differ (update) in `rank0`",
        "eval.accuracy",
        "NOT close",
        "rule a: rel 1e-05 (default)",
        "rule b: missing in the replay",
        "0.1000000000000001",
        "rank0: differs; 16 of 20 steps compared, 344 tensors",
        "torch 2.12 here, 2.13 recorded",
        "process worker-1",
        "RPK050 The environment differs",
        "the run itself is not deterministic",
        "timed out; slow disk",
        "  reprokit replay 'my run.repro.tar.zst' --policy deterministic --runs 2\n",
    ):
        assert part in text, part


def test_metrics_that_are_not_close_stand_first(differing):
    text = render_verdict(differing())
    assert text.index("eval.accuracy  ") < text.index("\nf1 ")


def test_agreement_between_replays_points_at_the_environment(differing):
    text = render_verdict(differing(between_replays="bitwise"))
    assert "deterministic here" in text
    assert "reprokit replay BUNDLE --policy deterministic" in text


def test_what_comes_next(differing, equal):
    assert render_verdict(equal()).endswith("  reprokit badge verdict.json -o badge.svg\n")
    assert "reprokit explain-code RPK050" in render_verdict(differing(status="unverified"))
    assert "reprokit inspect BUNDLE" in render_verdict(differing(status="unverified", warnings=[]))
    compared = render_verdict(differing(other="sha256:1"), paths=["a.zst", "b.zst"])
    assert "Next" not in compared
    assert "a comparison, nothing was run" in compared
    assert "Next" not in render_verdict(equal(other="sha256:1"))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_screen(differing, width):
    metrics = [
        MetricVerdict(name="m" * 90, recorded=-1.23456789e-300, replayed=-1.2345678e300, close=False, rule="r" * 99)
    ]
    outputs = [OutputVerdict(path="p/" * 200, equal=False, method="bytes", note="n" * 200)]
    text = render_verdict(differing(metrics=metrics, outputs=outputs), Screen(width))
    body = text.split("\nNext\n")[0]
    if width >= 80:
        assert max(map(len, body.split("\n"))) <= width
    assert all(line == line.rstrip() for line in text.split("\n"))


def test_the_identity_of_a_bundle_stays_on_one_line(differing):
    assert "bundle   sha256:" + "ab" * 32 + "\n" in render_verdict(differing())


def test_commands_are_never_wrapped(differing):
    path = "directory/" * 30 + "x.zst"
    assert f"  reprokit replay {path} --policy deterministic --runs 2\n" in render_verdict(
        differing(), Screen(40), [path]
    )


def test_commands_are_never_read_as_markup(differing):
    assert "  reprokit replay 'a[red]b.zst' --policy deterministic --runs 2\n" in render_verdict(
        differing(), Screen(80), ["a[red]b.zst"]
    )


def test_without_colour_and_without_utf_8(differing):
    plain = render_verdict(differing(), Screen(80, color=False, ascii_only=True))
    assert plain.isascii()
    assert "\x1b" not in plain
    assert plain.startswith("[x] RE-RUNNABLE")
    coloured = render_verdict(differing(), Screen(80, color=True))
    assert "\x1b[1;31m" in coloured


def test_colour_says_nothing_that_words_do_not(differing):
    import re

    coloured = re.sub(r"\x1b\[[0-9;]*m", "", render_verdict(differing(), Screen(80, color=True)))
    strip = [line.rstrip() for line in coloured.split("\n")]
    assert "\n".join(strip) == render_verdict(differing(), Screen(80))


def test_hostile_names_stay_text(differing):
    outputs = [OutputVerdict(path=HOSTILE, equal=False, method=HOSTILE, note=HOSTILE)]
    metrics = [MetricVerdict(name=HOSTILE, recorded=HOSTILE, replayed="NaN", close=False, rule=HOSTILE)]
    verdict = differing(
        outputs=outputs, metrics=metrics, reason=HOSTILE, advice=HOSTILE, bundle=HOSTILE,
        scope={"machine": HOSTILE, "fingerprint": 3, "not_compared": {"a": 1}, "threads": [], "traced_steps": "x"},
    )  # fmt: skip
    text = render_verdict(verdict, Screen(200), ["--evil; rm -rf \n/"])
    text.encode("utf-8")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\x00" not in text
    assert "a\\x1b[31mb \\u202ec\\xff[red]d[/red]\\x00:smile:" in text
    assert "reprokit replay BUNDLE" in text


def test_long_lists_are_cut_and_counted(differing):
    verdict = differing(
        outputs=[OutputVerdict(path=f"o{i}", equal=False, method="bytes") for i in range(500)],
        metrics=[
            MetricVerdict(name=f"m{i}", recorded=1.5, replayed=2.5, close=i > 400, rule=f"r{i}") for i in range(500)
        ],
        runs=[RunVerdict(number=i, exit_status=0, duration_s=1, tier="none") for i in range(500)],
    )
    text = render_verdict(verdict)
    assert len(text.split("\n")) < 150
    for part in (
        "and 488 more that differ",
        "and 381 more that are NOT close",
        "and 99 more that are close",
        "480 more runs",
    ):
        assert part in text


def test_a_verdict_with_nothing_in_it(differing):
    empty = differing(runs=[], outputs=[], metrics=[], traces=[], divergence=None, scope={}, warnings=[], advice="")
    assert "0 replays" in render_verdict(empty)


FILE = OutputFile(path="/w/out/model.pt", sha256="sha256:1", size=3 << 20, member="outputs/x")
DATA = InputFile(path="/d/train.bin", sha256="sha256:2", size=5 << 30, role="data")
STREAM = TraceSummary(
    name="rank0", framework="torch", steps=20, delimited_by="optimizer", final_loss=0.3, complete=False
)


def test_record():
    report = RecordReport(
        bundle="run 1.zst", id="sha256:1", exit_status=3, steps=20, inputs=[DATA], outputs=[FILE], streams=[STREAM],
        observers=[], warnings=[Notice(code="RPK044", message="cut")], size=999, duration_s=2,
    )  # fmt: skip
    text = render_record(report)
    for part in ("FAILED with status 3", "999 B", "5.0 GiB; 1 referenced, not contained", "3.0 MiB  /w/out/model.pt",
                 "only outputs can be compared", "incomplete", "RPK044 cut",
                 "reprokit inspect 'run 1.zst'"):  # fmt: skip
        assert part in text, part
    assert "reprokit replay" in render_record(report.model_copy(update={"exit_status": 0}))


def test_inspect():
    run = RunConfig(name="train", command=["python", "t.py", "a b"], working_directory="/w", root="/w",
                    executable="/p",
                    started="2026-01-01T00:00:00Z",
                    duration_s=2, exit_status=-9, signal=9, incomplete=True)  # fmt: skip
    manifest = Manifest(
        reprokit="0.1", run=run, inputs=[DATA], outputs=[FILE], streams=[STREAM], host={"cpu": "x", "nested": {}},
        metrics=[Metric(name="loss", value=0.3, source="stdout")], git={"commit": "abc"},
        members=[MemberEntry(path="a", sha256="sha256:1", size=2048)],
    )  # fmt: skip
    text = render_inspect(manifest, bundle_id="sha256:" + "c" * 64)
    for part in ("train: python t.py 'a b'", "signal 9, cut off", "commit abc", "cpu x", "2.0 KiB", "loss",
                 "sha256:" + "c" * 64 + "\n"):  # fmt: skip
        assert part in text, part


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_screen_follows_its_stream_and_environment():
    assert screen_of(io.StringIO(), {}) == Screen(100, color=False, ascii_only=True)
    assert screen_of(Terminal(), {"COLUMNS": "90"}).color
    assert screen_of(Terminal(), {"COLUMNS": "90"}).width == 90
    assert not screen_of(Terminal(), {"NO_COLOR": "1"}).color
    assert screen_of(Terminal(), {"NO_COLOR": ""}).color
    assert not screen_of(Terminal(), {"TERM": "dumb"}).color
    assert screen_of(io.StringIO(), {"FORCE_COLOR": "1"}).color
    assert screen_of(io.StringIO(), {"COLUMNS": "0"}).width == 100
    assert screen_of(io.StringIO(), {"COLUMNS": "5"}).width == 40
    for encoding, ascii_only in (("utf-8", False), ("UTF8", False), ("latin-1", True), ("ascii", True)):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        assert screen_of(stream, {}).ascii_only is ascii_only
    closed = io.StringIO()
    closed.close()
    assert not screen_of(closed, {}).color


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, reprokit.report, reprokit.compare.metrics, reprokit.compare.tiers; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"rich", "numpy", "torch", "pandas", "click"} & set(modules)
