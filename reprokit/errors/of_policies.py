"""Codes of determinism policies: RPK120 to RPK129."""

from __future__ import annotations

from reprokit.errors.entry import Entry

POLICIES: dict[str, Entry] = {
    "RPK120": Entry(
        "unknown policy",
        "The name stands for none of the built-in policies and for none under [tool.reprokit.policy].",
        "Correct the name, or define the policy.",
    ),
    "RPK121": Entry(
        "unknown switch or value",
        "A policy names a switch that reprokit does not know, or gives one a value that it does not take. Passing it "
        "over would leave a run less deterministic than its policy says.",
        "Correct it; `reprokit doctor --switches` lists every switch with its values.",
    ),
    "RPK122": Entry(
        "switches contradict each other",
        "A policy sets two switches of which one undoes what the other is for.",
        "Change or remove one of them.",
    ),
    "RPK123": Entry(
        "a switch could not be set",
        "The policy asks for a switch that this version of the framework does not have, or that it refused. The run "
        "went on without it.",
        "Upgrade the framework, or use a policy without this switch.",
    ),
    "RPK124": Entry(
        "the script undid a switch",
        "The policy set a switch, and when the first step was done, or at exit, it had another value: the script or "
        "a library that it uses changed it. The run was not made under the policy in full.",
        "Remove the change from the script, or use a policy without this switch.",
    ),
    "RPK125": Entry(
        "an operation has no deterministic kernel",
        "Under the policy, an operation warned or raised because it has no deterministic implementation. The message "
        "names it and the line that called it.",
        "Replace the operation, or use the next weaker setting of the switch that the message names.",
    ),
    "RPK126": Entry(
        "a variable contradicts the policy",
        "An environment variable was set to a value that the policy does not have. The policy's value was used for the "
        "run.",
        "Unset the variable, or put its value into a policy of your own.",
    ),
    "RPK127": Entry(
        "a switch needs a fresh process",
        "`reprokit.run` sets switches in a process that is already under way, and this one is read only once: when "
        "the interpreter starts, a library is loaded or a device is first used.",
        "Run the script under `reprokit record --policy`, which sets it before the process starts.",
    ),
    "RPK128": Entry(
        "the policy did not hold in the replay",
        "A switch of the policy had another value in the replay than the policy asks for, so what the replay shows is "
        "not shown under that policy.",
        "See what changed the switch: the script, a library, or a version of the framework that lacks it.",
    ),
    "RPK129": Entry(
        "not a seed",
        "A seed is a whole number of any size, negative ones included.",
        "Give a whole number, such as 0 or 1234.",
    ),
}
