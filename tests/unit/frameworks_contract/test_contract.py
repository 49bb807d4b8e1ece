"""One suite over every adapter, ours and a third party's: `reprokit.testing` on the scripts of `cases`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reprokit.frameworks import ADAPTERS
from reprokit.testing import CHECKS, Runs, check_fault, check_not_disturbed, check_rows

sys.path.insert(0, str(Path(__file__).parent))
from cases import FAST, HEAVY

sys.path.pop(0)
NAMES = [*FAST, *(pytest.param(name, marks=pytest.mark.frameworks) for name in HEAVY)]


@pytest.fixture(scope="module")
def runs(request, tmp_path_factory):
    name = request.param
    return Runs({**FAST, **HEAVY}[name], tmp_path_factory.mktemp(name))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("runs", NAMES, indirect=True)
def test_contract(runs, check):
    check(runs)


def test_every_adapter_of_ours_has_a_case():
    assert {case.adapter for case in HEAVY.values()} >= set(ADAPTERS.values())


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """The example's adapter, changed in one place or more: old text, new text, and so on."""

    def change(*changes):
        case = FAST["toytrain"]
        source = Path(case.path[0])
        top = tmp_path_factory.mktemp("broken")
        for package in ("toytrain", "toytrain_reprokit"):
            (top / package).mkdir()
            text = (source / package / "__init__.py").read_text()
            for old, new in zip(changes[::2], changes[1::2], strict=True):
                text = text.replace(old, new)
            (top / package / "__init__.py").write_text(text)
        return Runs(replace(case, path=(str(top),)), top / "runs")

    return change


def test_the_suite_catches_an_adapter_that_disturbs(broken):
    runs = broken("loss = original(trainer, batch)", "loss = original(trainer, batch); trainer.offset += 1e-9")
    with pytest.raises(AssertionError, match="changed the final state"):
        check_not_disturbed(runs)


def test_the_suite_catches_an_adapter_that_misses_a_step(broken):
    with pytest.raises(AssertionError, match="4 steps, 0 rows"):
        check_rows(broken("recorder.end_step()", "pass"))


def test_the_suite_catches_an_adapter_that_rounds(broken):
    runs = broken(
        '{"slope": repr(trainer.slope), "offset": repr(trainer.offset)}', '{"slope": f"{trainer.slope:.3f}"}',
        'recorder.add_loss(loss, struct.pack("<d", loss), "float64")', "pass",
    )  # fmt: skip
    with pytest.raises(AssertionError, match="the fault"):
        check_fault(runs)


def test_the_suite_catches_an_adapter_that_raises(broken):
    runs = broken('self._add("batch", {"batch": repr(batch)})', 'raise RuntimeError("planted")')
    with pytest.raises(AssertionError, match="planted"):
        check_not_disturbed(runs)
    assert runs.plain.state == runs.observed.state
