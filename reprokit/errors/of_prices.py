"""Codes of pricing switches: RPK135 to RPK139."""

from __future__ import annotations

from reprokit.errors.entry import Entry

PRICES: dict[str, Entry] = {
    "RPK135": Entry(
        "the run fails without any switch",
        "Switches are priced beside a baseline: the recorded run without them. Replayed here it failed or did not end, "
        "so there is nothing to compare with.",
        "Run `reprokit replay --show-output BUNDLE` and see what it says.",
    ),
    "RPK136": Entry(
        "the budget is too small",
        "Not one replay of the baseline would end within the budget.",
        "Give a longer --budget: a price list takes about rounds times switches times the length of a run.",
    ),
    "RPK137": Entry(
        "a switch cannot be priced",
        "A seed is not a switch that slows anything down, and setting one would make the replays draw other numbers "
        "than the record.",
        "Leave it out.",
    ),
    "RPK138": Entry(
        "no policy can be recommended",
        "--output was given, and no set of switches is known to have reached the tier, so nothing was written.",
        "Read why in the list; give more --rounds or a longer --budget, or another --target.",
    ),
}
