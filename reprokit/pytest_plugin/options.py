"""The plugin's options and their ini twins, declared once. Standard library only: every pytest session reads this."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pytest

MODES = ("check", "record", "off")
TIERS = ("re-runnable", "metric-close", "bitwise")
POLICIES = ("recorded", "deterministic")
LEVELS = ("full", "budget", "light", "off")
LARGEST_SEED = 2**32 - 1

MARKER = (
    "repro(tier='bitwise', runs=2, policy='recorded', timeout=None): run the test again, each time in a fresh process; "
    "what it passes to repro.check, returns, writes below tmp_path and trains step by step must agree. "
    "tier: bitwise, metric-close or re-runnable. runs: 2 or more. policy: recorded (nothing is changed) or "
    "deterministic (the frameworks' deterministic modes). timeout: seconds for one process."
)


class Twin(NamedTuple):
    """One setting: ``--repro-NAME`` on the command line, ``repro_NAME`` in the ini file; the command line wins."""

    name: str
    metavar: str
    help: str
    option: bool = True

    @property
    def ini(self) -> str:
        """Its key in the ini file, which is its attribute in ``config.option``, too."""
        return f"repro_{self.name}".rstrip("_").replace("-", "_")


TWINS = (
    Twin("", "|".join(MODES), "check (the default): compare, write nothing; record: also write what is missing; "
         "off: every test runs once, as if it were not marked"),
    Twin("runs", "N", "run each marked test N times, whatever its marker says"),
    Twin("level", "|".join(LEVELS), "how much of each training step is digested in marked tests (full)"),
    Twin("seed", "N|random", f"repro.seed, and the hash seed of a marked test's first run: 0 to {LARGEST_SEED}, or "
         "random to have one drawn and shown (0)"),
    Twin("timeout", "SECONDS", "time for one fresh process of a marked test (600)"),
    Twin("baselines", "DIRECTORY", "where baselines lie, relative to a test's file (__repro__)", option=False),
)  # fmt: skip

_FLAGS = (
    ("update", "write the baselines of the checks that ran, changed ones included"),
    ("update-new-only", "write the baselines that are missing, and leave the others as they are"),
    ("prune", "delete the baselines that no test uses; only after a complete run"),
)


def add_options(parser: pytest.Parser) -> None:
    """Declares every option and ini key."""
    group = parser.getgroup("reprokit", "reproducible tests (reprokit)")
    for twin in TWINS:
        if twin.option:
            flag = f"--repro-{twin.name}".rstrip("-")
            group.addoption(flag, dest=twin.ini, default=None, metavar=twin.metavar, help=twin.help)
        parser.addini(twin.ini, twin.help)
    for name, text in _FLAGS:
        group.addoption(f"--repro-{name}", dest=f"repro_{name}".replace("-", "_"), action="store_true", help=text)
    group.addoption(
        "--repro-report", dest="repro_report", action="append", default=None, metavar="FORMAT=PATH",
        help="write a report when the session ends; may be given several times",
    )  # fmt: skip
    parser.addini("repro_junit", "names of the JUnit properties, one FIELD = NAME a line", type="linelist")
    parser.addini("repro_report", "reports to write, one FORMAT=PATH a line", type="linelist")
    group.addoption(
        "--repro-due", dest="repro_due", default=None, metavar="DAYS",
        help="replay only those bundles whose last successful replay is older than this",
    )  # fmt: skip
    group.addoption(
        "--repro-verify", dest="repro_verify", action="store_true",
        help="collected bundles must meet the release policy, too, after their replay",
    )  # fmt: skip
    parser.addini("repro_verify", "the release policy that collected bundles must meet: release, or one of your own")
    group.addoption("--repro-trust", dest="repro_trust", action="store_true", help="replay bundles not recorded here")
    parser.addini("repro_trust", "replay bundles that were not recorded here", type="bool", default=False)
