"""Codes of dataset manifests: RPK150 to RPK164, RPK195."""

from __future__ import annotations

from reprokit.errors.entry import Entry

DATASETS: dict[str, Entry] = {
    "RPK150": Entry(
        "a library for this kind of data is missing",
        "Parquet, Arrow, databases and object stores are read with libraries that the core does not need.",
        "pip install 'reprokit-harness[datasets]'",
    ),
    "RPK151": Entry(
        "nothing to describe",
        "The path, the globs or the query hold no file and no row. A manifest of nothing would match everything.",
        "Look at the path and at `exclude`.",
    ),
    "RPK152": Entry(
        "files of a dataset cannot be read",
        "A file could not be opened, was gone when its turn came, or is a link that leads nowhere. What was not read "
        "has no digest, so the manifest would not say what the dataset is. Nothing was written.",
        "Make the files readable, or leave them out with --exclude.",
    ),
    "RPK153": Entry(
        "files changed while they were hashed",
        "The size or a time of a file was another one after it was read than before. Its digest may belong to a "
        "mixture of two contents. Nothing was written.",
        "Stop what writes there, and run the command again.",
    ),
    "RPK154": Entry(
        "the dataset is not the one of its manifest",
        "Files were changed, added or removed since the manifest was made, or a query has another answer; or the files "
        "are the same, and what the manifest says of their rows (splits, columns) is not true of them.",
        "reprokit manifest diff names what differs; make a new manifest if the change is meant.",
    ),
    "RPK155": Entry(
        "the manifest was changed",
        "Its id is the digest of its content, and the two disagree; or the list of files beside it is not the one that "
        "it names. Someone edited it, or it was cut short.",
        "Make the manifest again from the data, or get an unchanged copy.",
    ),
    "RPK156": Entry(
        "a data file is damaged",
        "An archive, a table or a token file cannot be read to its end as what its name says.",
        "Get the file again; or describe it as bytes only, with --format bytes.",
    ),
    "RPK157": Entry(
        "not a licence expression",
        "A licence is written in SPDX identifiers, so that programs can decide by it (https://spdx.org/licenses).",
        "Write for example CC-BY-4.0, or MIT AND CC0-1.0, or LicenseRef-NAME for a licence of your own.",
    ),
    "RPK158": Entry(
        "the opt-out list was not applied",
        "Rows of the snapshot have a key that is on the list. All rows were read.",
        "Remove these rows, and make the manifest again.",
    ),
    "RPK159": Entry(
        "splits share rows",
        "The same row is in two splits, so a score on one says less about unseen data than it seems.",
        "Remove the repeated rows before you split; the manifest names some of them by number.",
    ),
    "RPK160": Entry(
        "the query has no answer",
        "The database cannot be reached, or it refused the query.",
        "Try the URL and the query with the database's own client.",
    ),
    "RPK161": Entry(
        "the object store has no answer",
        "The bucket or the object does not exist, or the client may not read it.",
        "Try the same bucket with the store's own client; credentials are looked up as it does.",
    ),
    "RPK162": Entry(
        "a pointer names other content",
        "A .dvc file, or a pointer of Git LFS, says another digest than the content beside it has.",
        "Run `dvc status` or `git lfs fsck`, and decide which of the two is meant.",
    ),
    "RPK163": Entry(
        "an archive unpacks to too much",
        "It holds more bytes or members than the limits allow, as an archive does that was made to fill a disk.",
        "If you trust it, describe it as bytes only, with --format bytes.",
    ),
    "RPK164": Entry(
        "no such dataset",
        "The name is not one of [tool.reprokit.dataset.NAME] in pyproject.toml, or its settings contradict each other.",
        "Look at the documentation's page on datasets.",
    ),
    "RPK195": Entry(
        "something else stands where the manifest goes",
        "A manifest takes the place of an earlier one, and of nothing else: the path may be that of your data.",
        "Give another path with -o, or move the file away.",
    ),
}
