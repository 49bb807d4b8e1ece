"""Codes of the Python API: RPK080 to RPK089."""

from __future__ import annotations

from reprokit.errors.entry import Entry

API: dict[str, Entry] = {
    "RPK080": Entry(
        "recorded in an interactive session",
        "The bundle was made by `reprokit.run` in a notebook or at a prompt. There is no command that would run the "
        "same statements again, so it can be inspected, verified and compared, and not replayed.",
        "Put the code into a script and run that, or `reprokit record -- jupyter execute NOTEBOOK`.",
    ),
    "RPK081": Entry(
        "a parameter is no plain value",
        "The parameters of a run are stored as JSON: text, numbers, true, false, null, and lists and mappings of them.",
        "Store a number or a name that stands for the value, such as its path or `repr()`.",
    ),
    "RPK082": Entry(
        "no run is under way",
        "A method of a run was called before its `with` block was entered, or after it was left.",
        "Call it inside `with reprokit.run(...) as run:`.",
    ),
    "RPK083": Entry(
        "the hash seed is not known",
        "This Python process was started without PYTHONHASHSEED, so the order of its sets of strings cannot be had "
        "again. `reprokit record` sets it; `reprokit.run` begins too late for that.",
        "Start the script with PYTHONHASHSEED set, or run it under `reprokit record`.",
    ),
    "RPK084": Entry(
        "Hypothesis is not installed",
        "`reprokit.strategies` makes strategies for Hypothesis, which is an optional dependency.",
        "Install it: pip install hypothesis.",
    ),
    "RPK085": Entry(
        "arguments cannot be copied",
        "A function is shown to be deterministic by calling it several times on copies of the same arguments, and one "
        "of them cannot be copied.",
        "Give data, and make generators, files and connections inside the function.",
    ),
    "RPK086": Entry(
        "the policy cannot be set any more",
        "A run inside another recording has that one's policy: switches are set before the frameworks are used.",
        "Give the policy to the outer recording, for example `reprokit record --policy deterministic`.",
    ),
}
