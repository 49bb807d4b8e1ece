"""Codes of recording, replaying and of bundles: RPK001 to RPK059."""

from __future__ import annotations

from reprokit.errors.entry import Entry

RUNS: dict[str, Entry] = {
    # usage: exit status 2
    "RPK001": Entry(
        "wrong usage",
        "An option or an argument is not what the command takes.",
        "Run the command with --help.",
    ),
    "RPK002": Entry(
        "command cannot be started",
        "The command after `--` does not exist, is not executable, or its interpreter is missing.",
        "Check the spelling and PATH; give the command as you would type it, after `--`.",
    ),
    "RPK003": Entry(
        "no such file",
        "A path given on the command line does not exist or cannot be read.",
        "Check the path.",
    ),
    "RPK004": Entry(
        "unknown or invalid configuration",
        "[tool.reprokit] in pyproject.toml holds a key that reprokit does not know, or a value of the wrong type. "
        "Silently ignoring a misspelt key would weaken a check without anyone noticing.",
        "Correct the key; `reprokit explain-code RPK004` and the reference list the known ones.",
    ),
    "RPK005": Entry(
        "cannot write",
        "The bundle, a report or a working file could not be written: the disk is full, the directory is read-only or "
        "is missing. What the command itself wrote has not been touched.",
        "Free space or choose another place with -o; the run's raw recording is kept where the message says.",
    ),
    "RPK006": Entry(
        "a declared input or output is missing",
        "A path given with --input or --output (or in the configuration) does not exist.",
        "Correct the path, or drop the declaration.",
    ),
    # cannot be established here: exit status 3
    "RPK010": Entry(
        "a package that the run needs is missing here",
        "The recorded run imported packages that the current environment does not have, so it cannot be run again.",
        "Install them, or replay with --env rebuilt to build the recorded environment in a fresh venv.",
    ),
    "RPK011": Entry(
        "the recorded interpreter or command is missing here",
        "The program that the bundle runs cannot be found on this machine.",
        "Install it, activate its environment, or replay with --env rebuilt.",
    ),
    "RPK012": Entry(
        "input data differ from the record",
        "The bundle refers to data that it does not contain, and what stands at that place now is missing or has "
        "another digest. A replay on other data would say nothing about the run.",
        "Restore the data, or point at a copy with --data RECORDED=HERE.",
    ),
    "RPK013": Entry(
        "an output path cannot be redirected",
        "The run wrote to an absolute path outside its project. A replay never writes over what the original run "
        "wrote, and on this machine neither a mount namespace nor rewriting the arguments can redirect that path.",
        "Allow user namespaces, run as root in a container, or record with the output path as an argument.",
    ),
    "RPK014": Entry(
        "timed out",
        "The replayed command did not finish in time, so nothing was established. It was stopped with its children.",
        "Give a longer --timeout.",
    ),
    "RPK015": Entry(
        "the bundle records too little",
        "The run left neither a traced step nor an output file that could be compared, so no tier above re-runnable "
        "can be claimed.",
        "Declare outputs with --output, or call reprokit.step() / reprokit.metric() in the script.",
    ),
    "RPK016": Entry(
        "the environment could not be rebuilt",
        "Creating a fresh virtual environment with the recorded package versions failed.",
        "See the installer's message; an exact version may no longer be published for this platform.",
    ),
    "RPK017": Entry(
        "the recorded policy does not match",
        "The traces were written under different digests or levels, so their steps cannot be compared.",
        "Record both runs with the same version and --trace level.",
    ),
    "RPK018": Entry(
        "the replay was not observed",
        "The recorded run left a step trace, and the replay did not: the interpreter ran with -I, -E or -S, or the "
        "observer disabled itself. Steps that were not observed are never assumed equal.",
        "Read the warnings of the replay; start Python without -I, -E and -S.",
    ),
    # corrupt or untrusted: exit status 4
    "RPK020": Entry(
        "not a bundle",
        "The file is not a reprokit bundle: no zstd frames, no tar inside, or no manifest as its last member.",
        "Check that the file is the one that `reprokit record` wrote.",
    ),
    "RPK021": Entry(
        "truncated bundle",
        "The file ends before its seek table: a copy or a download stopped early.",
        "Copy the file again.",
    ),
    "RPK022": Entry(
        "damaged bundle",
        "A checksum inside the bundle does not match its content.",
        "Copy the file again from its source; the damaged one cannot be trusted.",
    ),
    "RPK023": Entry(
        "unsafe bundle",
        "The archive holds something that no bundle holds: a path that leaves the directory, a link, a device, a name "
        "twice, or data behind its end. It was refused before anything was written.",
        "Do not use the file; ask its sender for a bundle written by `reprokit record`.",
    ),
    "RPK024": Entry(
        "bundle exceeds the limits",
        "Reading the bundle would take more bytes, members or nesting than the limits allow.",
        "If the bundle is known to be good, raise the limit that the message names.",
    ),
    "RPK025": Entry(
        "bundle from a newer version",
        "The bundle's schema is newer than this reprokit knows; reading it half would be worse than not reading it.",
        "Upgrade reprokit.",
    ),
    "RPK026": Entry(
        "untrusted bundle",
        "Replaying runs code. This bundle was not recorded on this machine, and no trusted key has signed it.",
        "Read what it runs with `reprokit inspect`, then replay with --trust.",
    ),
    "RPK027": Entry(
        "invalid manifest",
        "A manifest, or the trace of a bundle, is not what its schema says.",
        "Check that it is the file that reprokit wrote: it was altered, or is another tool's. If it is, make it again.",
    ),
    # the run itself
    "RPK030": Entry(
        "the recorded command failed",
        "The command ended with a non-zero status. Its bundle is complete and can be inspected, but a failed run is "
        "never re-runnable.",
        "Read logs/stderr.txt in the bundle.",
    ),
    "RPK031": Entry(
        "internal error",
        "reprokit itself failed. The command's own results are untouched.",
        "Please report it, with the output of the same command under REPROKIT_DEBUG=1.",
    ),
    "RPK032": Entry("interrupted", "You stopped the command.", "Run it again."),
    # warnings: they never change the exit status by themselves
    "RPK040": Entry(
        "an input changed during the run",
        "The file had one digest when the run first read it and another at the end. The bundle holds the content as "
        "it was first seen, where that was still possible.",
        "Do not edit inputs while a run is being recorded.",
    ),
    "RPK041": Entry(
        "a process was not observed",
        "A Python process started without the observer: -I, -E, -S, a cleared environment, or another interpreter. "
        "Its steps and random draws are not in the bundle; files are compared all the same. Or a process went on after "
        "the command had ended: what it wrote from then on is not in the bundle, and is not compared.",
        "Start Python without these options, or accept that only outputs are compared. Wait for what runs in the "
        "background before the command ends.",
    ),
    "RPK042": Entry(
        "an observer disabled itself",
        "A part of the observer failed and was switched off so that the run goes on undisturbed. What it would have "
        "recorded is missing.",
        "Please report the message.",
    ),
    "RPK043": Entry(
        "file events were lost",
        "The kernel's queue of file events overflowed, or there were more directories than can be watched. Files read "
        "only by native code may be missing from the inputs.",
        "Name such inputs with --input.",
    ),
    "RPK044": Entry(
        "the trace is incomplete",
        "The process was killed or crashed before it closed its trace. The steps up to there are readable.",
        "Record again if the whole run is needed.",
    ),
    "RPK045": Entry(
        "a secret was left out",
        "A value looked like a credential and was replaced before anything was stored.",
        "Pass credentials by environment variables; replays read them from the environment again.",
    ),
    "RPK046": Entry(
        "an environment variable was read and not stored",
        "The script reads a variable that is not on the allow-list, so a replay will not have it.",
        'Add it: `--env-var NAME`, or `env = ["NAME"]` under [tool.reprokit].',
    ),
    "RPK047": Entry(
        "an input is missing from the bundle",
        "A file that the run read was gone, or could not be read, when the run ended.",
        "Keep inputs until the run has been recorded, or declare them with --input.",
    ),
    "RPK048": Entry(
        "captured entropy was used differently",
        "The replay asked for more or fewer random seeds than the record holds, so unseeded generators may differ.",
        "Seed the generators explicitly.",
    ),
    "RPK049": Entry(
        "no git commit",
        "git is missing, or the project is not a git checkout; the code is in the bundle, its commit is not known.",
        "Install git or commit the project if the commit matters to you.",
    ),
    "RPK050": Entry(
        "the environment differs from the record",
        "Packages, processor features, thread counts or policy switches are not those of the recorded run.",
        "Bitwise equality is claimed within one fingerprint only; replay on a matching host for more.",
    ),
    "RPK051": Entry(
        "a file could not be compared by content",
        "A comparator could not read the file as what its name says, so its bytes were compared instead.",
        "Nothing to do if the bytes are equal; otherwise check that the file is complete.",
    ),
    "RPK052": Entry(
        "a trace was not compared in full",
        "Some tensors or steps were not digested, by the trace level or its time budget. They are not claimed equal.",
        "Record with --trace full.",
    ),
}
