"""Codes of training on several ranks: RPK115 to RPK119."""

from __future__ import annotations

from reprokit.errors.entry import Entry

RANKS: dict[str, Entry] = {
    "RPK115": Entry(
        "replicas differ between ranks",
        "Ranks that average their gradients hold copies of one model, and after an update the copies were not equal. "
        "A run can repeat bitwise and still be wrong in this way: each rank then trains a model of its own, and the "
        "checkpoint holds that of one rank.",
        "Look at what one rank does to its weights beside the averaged update: a different initial state that was "
        "never broadcast, a step inside no_sync(), a write to parameters, a checkpoint that only one rank loads.",
    ),
    "RPK116": Entry(
        "replicas may differ between ranks",
        "Something that belongs to copies of one model is not kept equal by design: buffers that are not broadcast, "
        "parameters that DDP was told to ignore, a communication hook that averages now and then. Or the copies could "
        "not be compared.",
        "Nothing to do if that is wanted; the checkpoint of one rank holds that rank's values.",
    ),
    "RPK117": Entry(
        "the number of ranks changed",
        "The record and the other run have another number of ranks, so data are divided and gradients are summed in "
        "another way, and the steps of some ranks have no counterpart.",
        "Replay with as many processes as the record had.",
    ),
}
