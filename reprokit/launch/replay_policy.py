"""What a replay is run under: the recorded policy or another one, upon what the recorded run had anyway."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.launch.policies import (
    asked_of_observers,
    environment_without,
    not_held,
    policy_notices,
    policy_of_replay,
    recorded_policy,
    recorded_values,
)
from reprokit.launch.texts import raw_of, text_of
from reprokit.policy.policies import BUILT_IN, Policy, settled_environment
from reprokit.policy.tables import RECORDED
from reprokit.schema.config import load_config
from reprokit.schema.manifest import Notice

if TYPE_CHECKING:
    from reprokit.launch.sides import Side
    from reprokit.schema.manifest import Manifest


class ReplayPolicy:
    """The policy of the replays of one bundle.

    Args:
        given: ``recorded``, a policy's name, or a policy itself.
        manifest: the bundle's.

    Attributes:
        policy: the switches.
        name: as the verdict has it.

    Raises:
        UsageError: RPK004, RPK120, RPK121, RPK122 or RPK129.
    """

    def __init__(self, given: str | Policy, manifest: Manifest) -> None:
        known = isinstance(given, Policy) or given == RECORDED or given in BUILT_IN
        here = {} if known else load_config(Path.cwd()).policy
        self.policy = policy_of_replay(given, manifest, here)
        self.name = RECORDED if given == RECORDED else self.policy.name
        self._manifest = manifest

    def environment(self, kept: dict[str, str]) -> tuple[dict[str, str], list[Notice]]:
        """The environment of a replay.

        Args:
            kept: variables of this process that a command needs to run at all; recorded ones stand above them.

        Returns:
            The environment without ``PATH`` of the program, and what there is to warn of.
        """
        run = self._manifest.run
        recorded = run.environment
        if self.name != RECORDED:
            recorded = environment_without(recorded_policy(self._manifest), recorded)
        environment = kept | {name: raw_of(value) for name, value in recorded.items()}
        if run.hash_seed:
            environment["PYTHONHASHSEED"] = run.hash_seed
        settled, gone = settled_environment(self.policy, environment)
        return environment | settled, [Notice(code="RPK126", message=text_of(text)) for text in gone]

    def observers(self) -> dict[str, Any]:
        """The fields of an `reprokit.launch.recording.Observation` that the policy fills."""
        return {**asked_of_observers(self.policy), "recorded_switches": recorded_values(self._manifest, self.policy)}

    def missing(self, sides: list[Side]) -> tuple[list[str], list[Notice]]:
        """The switches that did not hold in a replay, and what there is to warn of."""
        found: set[str] = set()
        notices = []
        for side in sides:
            streams = [stream.summary for stream in side.streams.values()]
            notices += policy_notices(self.policy, streams)
            found.update(not_held(self.policy, streams))
        names = sorted(found)
        if names:
            text = f"the policy {self.policy.name} did not hold in the replay: {', '.join(names)}"
            notices.append(Notice(code="RPK128", message=text))
        return names, notices
