"""Codes of the rebuild test, its reports and badges: RPK090 to RPK099."""

from __future__ import annotations

from reprokit.errors.entry import Entry

REPORTS: dict[str, Entry] = {
    "RPK090": Entry(
        "the badge cannot be read",
        "What was given to check is neither an SVG badge nor shields.io endpoint JSON that reprokit drew: it is cut "
        "short, holds no digest of a verdict, or is another kind of file.",
        "Draw the badge again with `reprokit badge VERDICT -o BADGE`.",
    ),
    "RPK091": Entry(
        "wrong report option",
        "A report is asked for as FORMAT=PATH, or as `github`, which takes no path. Silently leaving a misspelt report "
        "out would look like a run without findings.",
        "Use --repro-report json=PATH, md=PATH, gitlab=PATH, sarif=PATH or github.",
    ),
    "RPK092": Entry(
        "the record of replays cannot be read",
        "--repro-due and --repro=record use .reprokit/replays.json, which says when each bundle was last replayed with "
        "success. The file is damaged, from a newer version, or cannot be read, so nothing can be called not due.",
        "Delete .reprokit/replays.json; every bundle is then due again.",
    ),
    "RPK093": Entry(
        "the bundle no longer reproduces",
        "The rebuild test ran the bundle again, and the verdict is below the target.",
        "Run the command that the failure prints; it shows the whole report.",
    ),
    "RPK094": Entry(
        "a report could not be written",
        "The tests ran, and a report that was asked for could not be written, so whatever reads it would see an old "
        "one or none.",
        "Check the directory of the path, its permissions and the disk.",
    ),
}
