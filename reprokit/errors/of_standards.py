"""Codes of exporters and importers of lineage: RPK165 to RPK169 and RPK180 to RPK189."""

from __future__ import annotations

from reprokit.errors.entry import Entry

STANDARDS: dict[str, Entry] = {
    "RPK165": Entry(
        "no such standard",
        "The graph can be written in the standards that come with reprokit and in those that other packages add.",
        "`reprokit lineage export --list` names them.",
    ),
    "RPK181": Entry(
        "what another system wrote is broken",
        "A database, a lock file or a file of records is cut, is not of the kind that it claims, or holds values that "
        "the system itself would not write. Nothing of it was taken over.",
        "Check the file with its own system; copy it again if it was cut.",
    ),
    "RPK182": Entry(
        "another system's file has a version that is not known here",
        "Its meaning may have changed, so it is not guessed.",
        "Use a version of the other system that the documentation names, or a newer reprokit.",
    ),
    "RPK183": Entry(
        "what another system wrote is larger than the limits",
        "Files of other systems may come from anyone. Nested references, records and files have limits, so that "
        "reading one cannot fill the memory.",
        "Import a part of it, or check where the file comes from.",
    ),
    "RPK184": Entry(
        "no such run, file or folder of another system",
        "The place that was named does not exist, cannot be read, or holds nothing of this system.",
        "Check the path, the URI or the run's identifier.",
    ),
    "RPK185": Entry(
        "the other system's server does not answer",
        "It is down, refuses the connection, or refused the request.",
        "Start it, check the URI and the credentials, and try again.",
    ),
    "RPK186": Entry(
        "the bundle was not logged to the tracking server",
        "The recording is complete and the bundle is written. Only the copy for the tracking server is missing, since "
        "the server did not take it.",
        "Start the server, then log the bundle: `reprokit lineage export --to mlflow URI`.",
    ),
    "RPK187": Entry(
        "a lock file names another content than the run read",
        "DVC digests a stage's dependencies after its command has ended. A dependency that was changed in the "
        "meantime is locked with a digest that the stage never saw (https://github.com/treeverse/dvc/issues/11058).",
        "Run the stage again and leave its dependencies alone meanwhile; `dvc status` cannot see this.",
    ),
    "RPK188": Entry(
        "the graph cannot be written there",
        "The target is not writable, is a folder where a file is needed, or holds something else that will not be "
        "replaced.",
        "Choose another target.",
    ),
    "RPK166": Entry(
        "nothing to be read or written there",
        "The place that lineage is exported to or imported from does not exist, cannot be read or written, or its "
        "name does not say a form that this standard has.",
        "Look at the place in the message; the documentation's page on standards names each one's forms.",
    ),
    "RPK167": Entry(
        "not a document of this standard",
        "What should be imported is damaged, too large, or not what its name says. Nothing of it was taken over.",
        "Check it with the standard's own tools, or ask whoever made it.",
    ),
    "RPK168": Entry(
        "the standard's library is missing",
        "This exporter uses the standard's own library, which comes with an extra.",
        "pip install 'reprokit-harness[NAME]', with the extra that the message names.",
    ),
    "RPK169": Entry(
        "the collector did not take the events",
        "The OpenLineage collector is down, or refuses what it was sent. The events are kept in the spool directory "
        "and sent in their order when it is asked for again; those that it refused lie in `refused` there.",
        "Start the collector, then send again; look into `refused` for what it said.",
    ),
}
