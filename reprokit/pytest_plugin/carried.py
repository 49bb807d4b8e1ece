"""Which options of the outer session hold in a fresh process, too.

All do, those of the user's conftest.py included, but for the ones listed here: they choose tests, spread or repeat
them, write files, talk to the terminal, or are given on the command line of the process.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

IN_THE_WAY = ("rerunfailures", "pytest_rerunfailures", "forked", "pytest_forked", "flaky")
"""Plugins that run a test several times or elsewhere; their markers stay known."""

BENCHMARK_OFF = "benchmark_disable"
"""pytest-benchmark: the function runs once. How often it runs otherwise depends on how fast the machine is."""

_CHOOSING = """
file_or_dir keyword markexpr deselect ignore ignore_glob pyargs lf failedfirst newfirst last_failed_no_failures
cacheclear cacheshow stepwise stepwise_skip stepwise_reset collectonly maxfail keepduplicates help version
showfixtures show_fixtures_per_test setuponly setupshow setupplan markers continue_on_collection_errors
"""
_REPEATING = """
numprocesses maxprocesses max_worker_restart maxworkerrestart dist distload tx px rsyncdirs rsyncdir rsyncignore
looponfail testrunuid maxschedchunk loadscopereorder forked boxed reruns reruns_delay only_rerun rerun_except
max_suite_reruns fail_on_flaky randomly_reorganize count flake_finder
"""
_WRITING = """
basetemp capture verbose quiet no_header no_summary reportchars show_capture color code_highlight durations
durations_min xmlpath junitprefix pastebin htmlpath self_contained_html css log_file log_file_mode log_cli_level
usepdb usepdb_cls trace debug json_report json_report_file allure_report_dir report_log report_log_file pdbcls
force_short_summary verbosity_assertions xfail_tb verbosity_test_cases tbstyle_summary
"""
_GIVEN = """
plugins override_ini inifilename rootdir confcutdir noconftest importmode disable_plugin_autoload
"""
_OURS = """
repro_update repro_update_new_only repro_prune repro_report repro_due repro_trust repro_runs repro_verify
"""
_NOT = frozenset(f"{_CHOOSING} {_REPEATING} {_WRITING} {_GIVEN} {_OURS}".split())
_NOT_STARTING = ("cov", "no_cov", "benchmark_", "html", "snapshot_")


def carried_options(config: pytest.Config) -> dict[str, Any]:
    """The options, by their attribute's name, that a fresh process takes over; values that JSON does not know stay."""
    carried = {}
    for name, value in vars(config.option).items():
        if name in _NOT or name.startswith(_NOT_STARTING):
            continue
        try:
            plain = json.loads(json.dumps(value))
        except (TypeError, ValueError):
            continue
        if plain == value:
            carried[name] = value
    return carried
