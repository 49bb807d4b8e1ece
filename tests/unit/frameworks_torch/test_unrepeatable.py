"""Operations without a deterministic kernel are noted by name and line, whether they warned or ended the script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reprokit.trace.records import decode_records

if TYPE_CHECKING:
    from conftest import Ran, Runner

pytestmark = [pytest.mark.torch, pytest.mark.slow]

SCRIPT = """
import os, pickle, re, sys, warnings, torch
torch.use_deterministic_algorithms(True, warn_only=os.environ["MODE"] == "warn")
model = torch.nn.Linear(4, 2); optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
if os.environ.get("QUIET"): warnings.filterwarnings("ignore")
def scatter(x):
    return x.put_(torch.tensor([1, 2]), torch.tensor([1.0, 2.0]))
for step in range(3):
    model(torch.ones(1, 4)).sum().backward(); optimizer.step()
    if os.environ.get("CAUGHT"):
        try: scatter(torch.zeros(4))
        except RuntimeError as error: raise ValueError("the user's own") from error
    scatter(torch.zeros(4))
pickle.loads(pickle.dumps(warnings.filters))
print("done")
"""


def problems(ran: Ran) -> list[tuple[str, ...]]:
    notes = decode_records((ran.process.directory / "notes").read_bytes())
    return [record[1:] for record in notes if record[0] == "policy-problem"]


def line_of(ran: Ran) -> str:
    assert ran.recording is not None
    script = next(ran.recording.parent.glob("script_*.py"))
    number = next(i for i, line in enumerate(script.read_text().splitlines(), 1) if "x.put_" in line)
    return f"{script.name}:{number}"


@pytest.mark.parametrize("quiet", ["", "1"])
def test_a_warning_is_noted_once_and_shown_as_it_would_have_been(runner: Runner, quiet: str) -> None:
    plain, ran = runner.plain(SCRIPT, MODE="warn", QUIET=quiet), runner.observed(SCRIPT, MODE="warn", QUIET=quiet)
    assert (ran.status, ran.stdout, ran.stderr) == (plain.status, plain.stdout, plain.stderr)
    assert ran.stdout == "done\n"
    assert ("put_ does not have" in plain.stderr) is not bool(quiet)
    assert problems(ran) == [("torch.deterministic_algorithms", "put_", line_of(ran))]
    assert ran.process.disabled == {}


@pytest.mark.parametrize("caught", ["", "1"])
def test_what_ended_the_script_is_noted(runner: Runner, caught: str) -> None:
    plain = runner.plain(SCRIPT, MODE="strict", CAUGHT=caught)
    ran = runner.observed(SCRIPT, MODE="strict", CAUGHT=caught)
    assert (ran.status, ran.stdout, ran.stderr) == (plain.status, plain.stdout, plain.stderr)
    assert ran.status == 1
    assert problems(ran) == [("torch.deterministic_algorithms", "put_", line_of(ran))]


def test_another_error_is_no_finding(runner: Runner) -> None:
    ran = runner.observed("import torch\ntorch.use_deterministic_algorithms(True)\ntorch.ones(2) @ torch.ones(3)")
    assert ran.status == 1
    assert problems(ran) == []
    quiet = runner.observed("import torch, warnings; warnings.warn('put_ has no such thing'); print(warnings.filters)")
    assert problems(quiet) == []
    assert "reprokit" not in quiet.stdout
