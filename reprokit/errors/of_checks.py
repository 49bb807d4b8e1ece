"""Codes of checked values, baselines and invariances: RPK070 to RPK079."""

from __future__ import annotations

from reprokit.errors.entry import Entry

CHECKS: dict[str, Entry] = {
    "RPK070": Entry(
        "a value without comparable content",
        "The object is of a type that reprokit cannot take apart. Comparing it by identity or by its printed text "
        "would call equal what is not, or differ in every process.",
        "Check its parts instead: arrays, numbers, a dictionary of them, or what its state_dict() returns.",
    ),
    "RPK071": Entry(
        "a value cannot be read",
        "The value is of a known type, but its content cannot be read: a tensor without elements in memory, a value "
        "that contains itself, a file that is missing or damaged.",
        "Check the part that can be read, or bring the tensor to the CPU first.",
    ),
    "RPK072": Entry(
        "no baseline",
        "The value was checked against a stored baseline, and there is none for this name. Nothing is ever stored "
        "implicitly: a first run that blesses itself would bless a mistake too.",
        "Run the test once with --repro-update-new-only, look at the file, and commit it.",
    ),
    "RPK073": Entry(
        "the baseline cannot be used",
        "The stored file is damaged, was written by a newer version, belongs to another test, or cannot be read. A "
        "baseline that cannot be read never lets a test pass.",
        "Restore the file from version control, or delete it and write it anew with --repro-update-new-only.",
    ),
    "RPK074": Entry(
        "a value differs from its baseline",
        "What the test computed is not what the baseline holds, beyond what the check allows.",
        "Find the change that caused it; if it is wanted, run with --repro-update and commit the new baseline.",
    ),
    "RPK075": Entry(
        "an invariance does not hold",
        "The function gave another result though nothing changed on which its result should depend.",
        "The message names the first leaf and element that differ, and the likely cause.",
    ),
    "RPK076": Entry(
        "a function cannot be called in a fresh process",
        "The check runs the function in a new interpreter, which has to import it by its module and name. A lambda, a "
        "function inside a function, one defined in __main__ or in a notebook cannot be found there.",
        "Move the function to the top level of a module that can be imported, and pass the function itself.",
    ),
    "RPK077": Entry(
        "a check is not used as it is meant to be",
        "A name was checked twice in one test, an argument has a value that it does not take, or a check cannot be "
        "made with what it was given.",
        "See the message, and the page on baselines or on invariances.",
    ),
    "RPK078": Entry(
        "the baseline cannot be written",
        "The directory of baselines is read-only, full, or not a directory; nothing was stored.",
        "Make the directory writable, or choose another one with the ini key repro_baselines.",
    ),
    "RPK079": Entry(
        "resuming is not the same as going on",
        "Training that was saved and restored half-way did not end where the uninterrupted training ended.",
        "Save and restore what the message names: parameters, optimizer, scheduler, scaler, random generators, the "
        "loader's position.",
    ),
}
