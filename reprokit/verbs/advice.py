"""What to try next after a replay that did not reach its target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.schema.tiers import Status, Tier

if TYPE_CHECKING:
    from reprokit.policy.policies import Policy
    from reprokit.schema.manifest import RunConfig

_ENOUGH = ("deterministic", "strict")


def advice(run: RunConfig, policy: Policy, missing: list[str], tier: Tier, among: Tier | None, status: Status) -> str:
    """One sentence or two; empty where nothing is known to help.

    Args:
        run: the recorded one.
        policy: of the replays.
        missing: the switches of the policy that did not hold in them.
        tier: of the replays against the record; below the target.
        among: of the replays against each other.
        status: of the verdict.
    """
    if status is Status.UNVERIFIED:
        return ""
    if policy.name in _ENOUGH and missing:
        return (
            f"The policy {policy.name} did not hold in the replays: {', '.join(missing)}. Nothing is shown under it "
            "until the script leaves these switches alone."
        )
    if among is Tier.BITWISE and policy.name in _ENOUGH:
        if run.policy != policy.name:
            return (
                f"The replays agree bitwise with each other under the {policy.name} policy; the record was made "
                f"without it. Record again with `reprokit record --policy {policy.name}`."
            )
        return "The replays agree with each other and not with the record: compare the environments in the scope."
    if policy.name not in _ENOUGH and tier is not Tier.NONE:
        bundle = f"{run.name}.repro.tar.zst"
        return f"Try `reprokit replay --policy deterministic --runs 2 {bundle}`: it tells noise from change."
    return ""
