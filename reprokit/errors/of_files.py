"""Codes of comparing the files that frameworks write: RPK110 to RPK114."""

from __future__ import annotations

from reprokit.errors.entry import Entry

FILES: dict[str, Entry] = {
    "RPK110": Entry(
        "an output was not compared, since a library is missing",
        "The bytes differ, and what they stand for can only be read with a library that is not installed here. "
        "Neither equality nor a difference is claimed, so the output is unverified.",
        "Install the library that the note names and compare again.",
    ),
    "RPK111": Entry(
        "files that stand for one value could not be read together",
        "A SavedModel, a sharded or a directory checkpoint is incomplete or damaged on one side, so its files were "
        "compared one by one.",
        "Check that the run finished writing it; compare again with all of its files.",
    ),
    "RPK112": Entry(
        "files of a directory output do not count",
        "Files that hold a random number or a time, and no part of the value, differ between the two runs. They were "
        "passed over.",
        "Nothing to do.",
    ),
}
