"""Measures what each determinism switch costs on a recorded script, and finds the cheapest set for each tier."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from reprokit.compare.paired import CONFIDENCE, joint
from reprokit.errors import CorruptBundleError, UnverifiedError, UsageError
from reprokit.launch.opening import open_bundle
from reprokit.launch.policies import recorded_policy
from reprokit.launch.replayed import check_replayable
from reprokit.launch.rooms import new_room
from reprokit.launch.texts import unique_notices
from reprokit.launch.workplace import recorded_here
from reprokit.policy.policies import BUILT_IN, Policy
from reprokit.policy.switches import SWITCHES
from reprokit.schema.price import PriceReport, TierPrice
from reprokit.schema.tiers import Status, Tier
from reprokit.verbs.pricing.candidates import candidates, facts_of
from reprokit.verbs.pricing.ledger import BASELINE
from reprokit.verbs.pricing.listing import Listing, policy_toml
from reprokit.verbs.pricing.measuring import Bench, BudgetSpentError, described
from reprokit.verbs.pricing.replays import PricedReplays
from reprokit.verbs.pricing.search import Found, Search, basis, unrefuted
from reprokit.verbs.replay import ReplayOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from reprokit.schema.manifest import Manifest, Notice
    from reprokit.verbs.pricing.candidates import Candidates, Facts
    from reprokit.verbs.pricing.ledger import Against, Names

_SHARE_OF_ROUNDS = 0.7
"""Of the budget; the rest is left to the search, and what that leaves goes to the rounds again."""
_PASSES = 3
_TIERS = (Tier.BITWISE, Tier.METRIC_CLOSE, Tier.RE_RUNNABLE)
_AGAINST: tuple[Against, ...] = ("replays", "record")


@dataclass(frozen=True)
class PriceOptions:
    """How to price.

    Attributes:
        rounds: in each of which every set runs once.
        budget: seconds for everything.
        policy: whose switches are priced.
        switches: further ones, with their values.
        target: the tier to reach, between replays.
        seed: of the order of the runs.
        name: of the recommended policy.
        replay: data, isolation, trust and the time limit of a run.
    """

    rounds: int = 5
    budget: float = 900.0
    policy: Policy = BUILT_IN["deterministic"]
    switches: Mapping[str, Any] = field(default_factory=dict)
    target: Tier | None = None
    seed: int = 0
    name: str = "priced"
    replay: ReplayOptions = field(default_factory=ReplayOptions)


def price(bundle: Path, options: PriceOptions, progress: Callable[[str], None] = lambda _text: None) -> PriceReport:
    """Prices the switches of a bundle.

    Interrupted, it reports what is known by then.

    Args:
        bundle: the file.
        options: how.
        progress: is told, in a few words, what happens.

    Raises:
        UsageError: RPK003, there is no such file; RPK137, a switch cannot be priced.
        CorruptBundleError: it is damaged, hostile, newer, or not trusted (RPK026).
        UnverifiedError: it cannot be run here (as `reprokit.verbs.replay.replay`); RPK135, it fails without any
            switch; RPK136, the budget is too small for a single run.
    """
    begin = time.monotonic()
    seeds = [name for name in options.switches if SWITCHES[name].how == "seed"]
    if seeds:
        raise UsageError("RPK137", f"{seeds[0]} is a seed")
    with (
        open_bundle(bundle) as (reader, manifest, bundle_id),
        new_room("price") as place,
    ):
        check_replayable(manifest, bundle.name)
        if not options.replay.trust and not recorded_here(bundle_id):
            raise CorruptBundleError("RPK026", f"{bundle.name} was not recorded here, and pricing runs its code")
        if manifest.run.exit_status:
            message = f"the recorded command failed with status {manifest.run.exit_status}; there is nothing to price"
            raise UnverifiedError("RPK030", message)
        reader.verify()
        replays = PricedReplays(reader, manifest, bundle_id, options.replay, place, progress)
        return _Pricing(replays, manifest, bundle_id, options, progress, begin).report()


class _Pricing:
    """One price list in the making."""

    def __init__(
        self, replays: PricedReplays, manifest: Manifest, bundle_id: str, options: PriceOptions,
        progress: Callable[[str], None], begin: float,
    ) -> None:  # fmt: skip
        self._replays, self._bundle_id, self._options = replays, bundle_id, options
        recorded = recorded_policy(manifest)
        self._as_recorded = not recorded.switches
        self._here = recorded_here(bundle_id)
        self._facts: Facts = facts_of(manifest, recorded)
        self._chosen: Candidates = candidates(self._facts, options.policy, options.switches)
        replays.start(self._chosen.values)
        self._bench = Bench(replays.trial, options.budget, options.seed, progress, begin=begin)
        self._stopped: Literal["rounds", "precise", "budget", "interrupted"] = "rounds"
        self._found: dict[tuple[Tier, Against], Found] = {}

    def report(self) -> PriceReport:
        """Runs everything, and says what came of it."""
        try:
            self._replays.prepare()
            self._warm_up()
            self._stopped = self._measure()
            self._search()
            if self._stopped == "budget":
                self._stopped = self._measure_on()
                self._found = {what: found for what, found in self._found.items() if found.settled}
                self._search()
        except KeyboardInterrupt:
            self._stopped = "interrupted"
        return self._written()

    def _warm_up(self) -> None:
        """The first run finds cold caches: it shows how close a replay comes, and its time does not count."""
        try:
            first = self._bench.once(BASELINE)
        except BudgetSpentError:
            raise UnverifiedError("RPK136", f"a run takes longer than {self._options.budget:g} s") from None
        if first.failed:
            raise UnverifiedError("RPK135", f"replayed without any switch, the run failed: {first.failed}")

    def _alone(self) -> list[Names]:
        return [frozenset([name]) for name in sorted(self._chosen.values)]

    def _together(self) -> Names:
        """The policy's switches, without those with which the script fails."""
        ledger = self._bench.ledger
        return frozenset(name for name in self._chosen.policy if not ledger.failure(frozenset([name])))

    def _measure(self) -> Literal["rounds", "precise", "budget"]:
        """Rounds of all sets; after the first one it is known which switches the script does not survive."""
        try:
            self._bench.round([*self._alone(), *self._more(self._together())], _SHARE_OF_ROUNDS)
        except BudgetSpentError:
            return "budget"
        sets = [*self._alone(), *self._more(self._together())]
        return self._bench.measure(sets, self._options.rounds - 1, _SHARE_OF_ROUNDS)

    def _measure_on(self) -> Literal["rounds", "precise", "budget"]:
        """Goes on with the rounds after a search that left something of the budget."""
        try:
            self._bench.resume()
        except BudgetSpentError:
            return "budget"
        ledger = self._bench.ledger
        sets = [names for names in [*self._alone(), *self._more(self._together())] if not ledger.failure(names)]
        fewest = min((len(ledger.times(names, "process")) for names in sets), default=self._options.rounds)
        return self._bench.measure(sets, max(0, self._options.rounds - fewest))

    @staticmethod
    def _more(names: Names) -> list[Names]:
        return [names] if len(names) > 1 else []

    def _search(self) -> None:
        """Finds a set for each tier, the highest first; later runs can refute an earlier find, which is then redone."""
        ledger = self._bench.ledger
        sound = [name for name in self._chosen.values if not ledger.failure(frozenset([name]))]
        for _ in range(_PASSES):
            for against in _AGAINST:
                proven: Names | None = None
                for tier in _TIERS:
                    if not self._stands(tier, against):
                        search = Search(
                            self._bench, sound, tier, against, self._options.rounds, proven,
                            recorded_alike=self._as_recorded and self._here,
                        )  # fmt: skip
                        self._found[tier, against] = search.cheapest()
                    found = self._found[tier, against].names
                    proven = proven if found is None else found
            if all(self._stands(tier, against) for tier in _TIERS for against in _AGAINST):
                return

    def _stands(self, tier: Tier, against: Against) -> bool:
        found = self._found.get((tier, against))
        if found is None:
            return False
        return found.names is None or unrefuted(self._bench.ledger, found.names, tier, against)

    def _written(self) -> PriceReport:
        ledger, options = self._bench.ledger, self._options
        if not ledger.ended(BASELINE):
            raise KeyboardInterrupt  # nothing is known
        intervals = len([names for names in ledger.sets() if names and not ledger.failure(names)])
        confidence = joint(CONFIDENCE, intervals)
        listing = Listing(ledger, self._chosen.values, confidence)
        measure = ledger.measure()
        seconds, spread = listing.baseline_seconds(measure)
        together = self._together()
        named = {BASELINE, together, *self._alone()}
        tiers = [self._tier(listing, tier, against) for tier in _TIERS for against in _AGAINST]
        asked = next(row for row in tiers if row.tier is (options.target or Tier.BITWISE) and row.against == "replays")
        return PriceReport(
            bundle=self._bundle_id, policy=options.policy.text, target=options.target,
            met=options.target is None or asked.switches is not None,
            status=asked.status if options.target is not None else self._status(),
            stopped=self._stopped, rounds=self._bench.rounds, order_seed=options.seed, budget_s=options.budget,
            elapsed_s=round(self._bench.elapsed(), 3), run_s=self._bench.typical(),
            confidence=CONFIDENCE, intervals=intervals, measure=measure,
            steps=self._replays.steps, baseline=listing.set_price(BASELINE), baseline_s=seconds, baseline_spread=spread,
            together=listing.set_price(together) if together else None,
            switches=listing.switches(self._chosen, self._facts), tiers=tiers,
            others=[found for names in ledger.sets() if names not in named and (found := listing.set_price(names))],
            recommended=self._recommended(asked), runs=listing.runs(), scope=self._scope(),
            warnings=self._warnings(),
        )  # fmt: skip

    def _status(self) -> Status:
        """Unverified when a switch that applies has neither an interval nor a reason for having none."""
        ledger = self._bench.ledger
        known = [bool(ledger.failure(names)) or ledger.cost(names, "process") is not None for names in self._alone()]
        return Status.VERIFIED if all(known) else Status.UNVERIFIED

    def _tier(self, listing: Listing, tier: Tier, against: Against) -> TierPrice:
        found = self._found.get((tier, against), Found(None, settled=False, reason="it was not looked for"))
        if not self._stands(tier, against) and found.names is not None:
            found = Found(None, settled=False, reason=f"{described(found.names)} held, and then failed in a later run")
        if found.names is None:
            lacking = self._lacks_evidence(tier) if found.settled else ""
            status = Status.UNVERIFIED if lacking or not found.settled else Status.VERIFIED
            return TierPrice(tier=tier, against=against, status=status, reason=lacking or found.reason)
        reason = basis(self._bench.ledger, found.names, tier, against)
        differs = self._bench.ledger.evidence(BASELINE, tier, "record").failed
        if found.names == BASELINE and against == "replays" and differs and self._as_recorded:
            reason += (
                "; the record, made with the same switches, differs: it may vary rarely, or another machine made it"
            )
        return TierPrice(
            tier=tier, against=against, status=Status.VERIFIED, switches=listing.settings(found.names),
            price=listing.set_price(found.names), reason=reason,
        )  # fmt: skip

    def _lacks_evidence(self, tier: Tier) -> str:
        """Why a tier could not be shown, where nothing speaks against it."""
        below = [
            trial for trial in self._bench.ledger.trials
            if trial.record is not None and not trial.failed and not trial.record.reaches(tier)
        ]  # fmt: skip
        open_ones = [trial for trial in below if trial.ceiling is not None and trial.ceiling.reaches(tier)]
        return f"cannot be shown: {below[0].detail}" if below and len(open_ones) == len(below) else ""

    def _recommended(self, asked: TierPrice) -> str:
        if asked.switches is None or asked.price is None:
            return ""
        machine = self._scope().get("machine", "this machine")
        comment = f"{asked.tier} between {asked.price.runs} replays on {machine}; from `reprokit price`"
        return policy_toml(self._options.name, asked.switches, comment)

    def _warnings(self) -> list[Notice]:
        """All but that a variable gave way to a switch: that is what pricing the switch means."""
        return unique_notices(notice for notice in self._replays.warnings if notice.code != "RPK126")

    def _scope(self) -> dict[str, Any]:
        return {
            **self._replays.scope(),
            "runs": len(self._bench.ledger.trials),
            "load": [round(one, 2) for one in os.getloadavg()],
        }
