"""Codes of the lineage graph, its store and its rules: RPK140 to RPK149, RPK170 to RPK179, RPK190 to RPK194."""

from __future__ import annotations

from reprokit.errors.entry import Entry

LINEAGE: dict[str, Entry] = {
    "RPK140": Entry(
        "no lineage store here",
        "The graph is kept with SQLAlchemy and Alembic, which the core does not need.",
        "pip install 'reprokit-harness[lineage]'",
    ),
    "RPK141": Entry(
        "lineage store not to be had",
        "The database cannot be opened, another process has locked it, or it went away. Nothing was half written: a "
        "part of the graph is added whole or not at all, and what was to be added is kept and added later.",
        "Look at the place in the message; run the command again when the database is there.",
    ),
    "RPK142": Entry(
        "lineage store from a newer version",
        "A newer reprokit made the tables, and this one cannot know what they mean.",
        "Install the newer version, or use another store (REPROKIT_LINEAGE).",
    ),
    "RPK143": Entry(
        "not a database",
        "The place of the lineage store is no path and no URL that SQLAlchemy can open.",
        "Write a path, or a URL such as postgresql+psycopg://user@host/database.",
    ),
    "RPK144": Entry(
        "not in the lineage graph",
        "Nothing in the graph has this content, identifier, name or URI. A file that was changed after it was recorded "
        "has another content, and so another identifier.",
        "Add what made it: `reprokit lineage add BUNDLE`. `reprokit lineage show` says which graph was asked.",
    ),
    "RPK145": Entry(
        "more than one is meant",
        "Several nodes of the graph bear this name or begin so, and the answer differs between them.",
        "Give one of the identifiers in the message, or enough of its beginning.",
    ),
    "RPK190": Entry(
        "read, and in no dataset manifest",
        "The project describes its data in manifests, and the run read a file that none of them holds. What is in no "
        "manifest has no licence, no opt-out list and no version that anyone could ask for.",
        "Describe it with `reprokit manifest create`, or pass the manifest that holds it with --manifest.",
    ),
    "RPK191": Entry(
        "not added to the lineage graph",
        "What was to be added could not be kept, or what waited is no part of a graph that this version can read. The "
        "run, the bundle and the verdict are not affected.",
        "Make room or change the rights of the directory in the message, then run `reprokit lineage add BUNDLE`.",
    ),
    "RPK146": Entry(
        "no such release policy",
        "--policy names a policy that is neither built in nor in [tool.reprokit.release], or a key or value of one is "
        "not one that there is.",
        "Look at [tool.reprokit.release] in pyproject.toml; a table in it is a policy of that name.",
    ),
    "RPK147": Entry(
        "being rebuilt by another process",
        "Two rebuilds of one bundle at a time would record two answers to one question, so the second one leaves it.",
        "Wait for the other process; it records the outcome.",
    ),
    "RPK148": Entry(
        "container image not known",
        "Nothing says in which image the run took place: inside a container, only who started it can know. The "
        "packages are known, and the libraries below them are not.",
        "Record with --image-digest sha256:…, or set REPROKIT_IMAGE_DIGEST where the container is started, or take it "
        'as an answer: unknown_image = "allow" in [tool.reprokit.release].',
    ),
    "RPK149": Entry(
        "file of the chain that cannot be read",
        "The file is there and cannot be digested, so nobody can say whether it is still the one that was used.",
        'Make it readable, or have files left alone: files = "ignore" in [tool.reprokit.release].',
    ),
    "RPK170": Entry(
        "link of the chain missing",
        "No run is known that made the model, or a run has fewer links than it had when it was recorded, or a file or "
        "a manifest is not linked to what it says made it.",
        "Add the bundle of the run that made it (`reprokit lineage add BUNDLE`), or name a model that came from "
        "elsewhere in external_models of [tool.reprokit.release].",
    ),
    "RPK171": Entry(
        "run without a dataset manifest",
        "Nothing says which data the run used: neither it nor a run whose results it used is linked to a manifest.",
        "Describe the data (`reprokit manifest create`) and record the run again, or ask for none: manifests = false "
        "in [tool.reprokit.release].",
    ),
    "RPK172": Entry(
        "circle in the graph",
        "A run descends from itself. No order of events can have led to that, so one of the links is wrong.",
        "Find the wrong link with `reprokit lineage up`; two runs that append to one file look like this, too.",
    ),
    "RPK173": Entry(
        "link that leads nowhere",
        "A link names something that nothing describes: a part of the graph was never added, or was taken away.",
        "Add the bundle or the document that describes it (`reprokit lineage add`).",
    ),
    "RPK174": Entry(
        "file that is no longer what it was",
        "The file at the place that the graph names has another digest than the one that was used or made.",
        "Put the right file back, or train again with what is there now and release that.",
    ),
    "RPK175": Entry(
        "run that does not say enough",
        "A fact that the policy asks for is not known of the run, so that nobody could make it again.",
        "Record the run again in a git checkout, with what is named, or allow its absence in [tool.reprokit.release].",
    ),
    "RPK176": Entry(
        "uncommitted changes",
        "The code that ran is not the commit's. The bundle holds it, and no review has seen it.",
        'Commit, and record the run again, or take it as an answer: dirty_tree = "allow" in [tool.reprokit.release].',
    ),
    "RPK177": Entry(
        "no recent rebuild test",
        "The run was never replayed to a verdict, or too long ago. Drivers, packages and machines have changed since.",
        "Replay its bundle: `reprokit rebuild --due PATH`.",
    ),
    "RPK178": Entry(
        "tier too low",
        "The last replay of the run came less close than the policy asks for.",
        "See where they part with `reprokit replay BUNDLE`; then fix the cause, or ask for less: tier in "
        "[tool.reprokit.release].",
    ),
    "RPK179": Entry(
        "nothing to release is known",
        "Nothing is known of this file or name, so nothing can be said of where it came from; or the run made nothing "
        "that is known as a model, so that there is nothing to release.",
        "Add the bundle of the run that made it (`reprokit lineage add BUNDLE`), or name another graph with --lineage; "
        "say which files are models in [tool.reprokit.lineage].",
    ),
}
