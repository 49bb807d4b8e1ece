"""How long a question to a large lineage graph takes, and what the graph costs a recording.

python benchmarks/bench_lineage.py [--events N] [--rounds N] [--keep STORE] [--no-record]

The graph: runs in chains of 50 stages; each run uses what the stage before made, one of 1,000 dataset manifests and
three files, and makes a model and four files: ten events a run. The question goes up from the last model of a chain.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.lineage.store import Store
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

if TYPE_CHECKING:
    from collections.abc import Iterator

CHAIN, MANIFESTS, TOGETHER = 50, 1000, 1000
REPROKIT = str(Path(sys.executable).parent / "reprokit")


def named(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def runs(first: int, last: int) -> Lineage:
    """A part of the graph: some runs with what they used and made."""
    artifacts, executions, events = [], [], []
    for i in range(first, last):
        run = f"urn:uuid:{i:032x}"
        executions.append(Execution(id=run, type="Run", name="train", started=i, properties={"exit_status": 0}))
        made = [Artifact(id=named(f"model{i}"), type="Model", name="model.pt", created=i)]
        made += [Artifact(id=named(f"out{i}.{j}"), type="File", name=f"{j}.json") for j in range(4)]
        used = [Artifact(id=named(f"manifest{i % MANIFESTS}"), type="DatasetManifest", name="data")]
        used += [Artifact(id=named(f"in{i}.{j}"), type="File", name=f"{j}.csv") for j in range(3)]
        if i % CHAIN:
            used.append(Artifact(id=named(f"model{i - 1}"), type="Model", name="model.pt"))
        else:
            used.append(Artifact(id=named(f"in{i}.first"), type="File", name="first.csv"))
        artifacts += made + used
        events += [Event(artifact=one.id, execution=run, type="OUTPUT", path=(one.name,), time=i) for one in made]
        events += [Event(artifact=one.id, execution=run, type="INPUT", path=(one.name,), time=i) for one in used]
    return Lineage(artifacts=artifacts, executions=executions, events=events)


def milliseconds(taken: list[float]) -> str:
    return f"{statistics.median(taken) * 1e3:.1f} ms (from {min(taken) * 1e3:.1f} to {max(taken) * 1e3:.1f})"


def ask(place: str, events: int, rounds: int) -> None:
    with Store(place) as store:
        if store.counts()["event"] < events:
            begun = time.perf_counter()
            for first in range(0, events // 10, TOGETHER):
                store.add(runs(first, min(first + TOGETHER, events // 10)))
            print(f"filled in {time.perf_counter() - begun:.0f} s")
        held = store.counts()
        last = min(CHAIN * 777, events // 10 // CHAIN * CHAIN) - 1
        taken: dict[str, list[float]] = {"up": [], "down": [], "find": []}
        sizes = {}
        for i in range(rounds):
            model = named(f"model{last - i * CHAIN}")
            for name, question in (
                ("up", lambda model=model: store.walk([model], "up")),
                ("down", lambda i=i: store.walk([named(f"manifest{i}")], "down")),
                ("find", lambda model=model: store.find(model[:24])),
            ):
                begun = time.perf_counter()
                answer = question()
                taken[name].append(time.perf_counter() - begun)
                sizes[name] = len(answer.events) if name != "find" else len(answer)
    print(f"in a graph of {held['event']:,} events and {held['artifact']:,} artifacts:")
    print(f"up from a model, {sizes['up']} events: {milliseconds(taken['up'])}, goal 100 ms")
    first, whole = new_processes(place, named(f"model{last}"), rounds)
    print(f"the same as the first question of a process: {milliseconds(first)}, goal 100 ms")
    print(f"the whole command `reprokit lineage up`, imports and all: {milliseconds(whole)}")
    print(f"down from a manifest, {sizes['down']} events: {milliseconds(taken['down'])}")
    print(f"by the beginning of an identifier: {milliseconds(taken['find'])}")


FIRST = """
import sys, time
from reprokit.lineage.store import Store
with Store(sys.argv[1]) as store:
    begun = time.perf_counter()
    store.walk([sys.argv[2]], "up")
    print(time.perf_counter() - begun)
"""
IMPORTS = """
import time
import reprokit.launch.packing, reprokit.launch.plan, reprokit.launch.recording, reprokit.launch.watching
import reprokit.capture.accesses, reprokit.launch.runner, reprokit.schema.config, subprocess, urllib.parse
begun = time.process_time()
import reprokit.launch.lineage_parts
print(time.process_time() - begun)
"""


# The whole command, and what it spends in the calls that are lineage's alone: that is the same work, without the noise
# of everything else that a process does.
OWN = """
import sys, time
from reprokit.cli import main
from reprokit.launch import assembly
from reprokit.verbs import record

spent = [0.0, 0.0]

def timed(call):
    def around(*arguments):
        used, passed = time.process_time(), time.perf_counter()
        try:
            return call(*arguments)
        finally:
            spent[0] += time.process_time() - used
            spent[1] += time.perf_counter() - passed
    return around

for module, names in ((assembly, ("carried_part", "whole_part", "with_place", "hand_over")), (record, ("announce",))):
    for name in names:
        setattr(module, name, timed(getattr(module, name)))
try:
    main()
except SystemExit:
    pass
print(time.process_time(), *spent, file=sys.stderr)
"""


def new_processes(place: str, model: str, rounds: int) -> tuple[list[float], list[float]]:
    """The same question, each time by a new process: in the process, and with its start and imports."""
    first, whole = [], []
    for _ in range(rounds):
        asked = [sys.executable, "-c", FIRST, place, model]
        first.append(float(subprocess.run(asked, capture_output=True, check=True).stdout))
        begun = time.perf_counter()
        environment = {**os.environ, "REPROKIT_LINEAGE": place}
        subprocess.run([REPROKIT, "lineage", "up", model, "--json"], env=environment, capture_output=True, check=True)
        whole.append(time.perf_counter() - begun)
    return first, whole


CONFIGURATION = '[tool.reprokit.lineage]\nopenlineage = "http://127.0.0.1:9"\n'  # the port where nothing answers
WAYS: dict[str, list[str]] = {"without": ["--no-lineage"], "with": [], "with OpenLineage": []}


def record(top: Path, rounds: int) -> None:
    """Recording without lineage, with it, and with a collector to tell that is down, of a run with ten inputs."""
    if importlib.util.find_spec("openlineage") is None:
        print(f"left out, since the extra `openlineage` is missing: {WAYS.popitem()[0]}")
    for name in WAYS:
        room = top / name
        room.mkdir()
        for i in range(10):
            (room / f"{i}.csv").write_text(f"{i}\n" * 100)
        (room / "train.py").write_text(
            "text = ''.join(open(f'{i}.csv').read() for i in range(10))\nopen('model.pt', 'w').write(text)\n"
        )
        (room / "pyproject.toml").write_text(CONFIGURATION if name == "with OpenLineage" else "")
    taken: dict[str, list[list[float]]] = {name: [] for name in WAYS}
    for i in range(rounds):
        for name in list(WAYS)[i % len(WAYS) :] + list(WAYS)[: i % len(WAYS)]:
            taken[name].append(recorded_once(top, name))
    for name in WAYS:
        print(f"record {name}, processor time: {milliseconds([one[0] for one in taken[name]])}")
    for name in list(WAYS)[1:]:
        for at, what in ((0, "processor time"), (3, "by the clock")):
            pairs = [a[at] - b[at] for a, b in zip(taken[name], taken["without"], strict=True)]
            low, middle, high = (quarter * 1e3 for quarter in statistics.quantiles(pairs, n=4))
            print(
                f"{name}, {what}: {middle:.1f} ms more (median of {rounds} pairs, quartiles {low:.1f} and {high:.1f}), "
                "goal 20 ms"
            )
        used, passed = (milliseconds([one[at] for one in taken[name]]) for at in (1, 2))
        print(f"{name}, in lineage's own calls: {used} of processor time, {passed} by the clock, goal 20 ms")
    # `--no-lineage` imports the modules all the same, so their cost is in both.
    imports = [
        float(subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, check=True).stdout)
        for _ in range(rounds)
    ]
    print(f"and what lineage imports, which is in both: {milliseconds(imports)}")


def recorded_once(top: Path, name: str) -> list[float]:
    """Seconds of a command, while no sender of an earlier one is at work.

    Returns:
        Its processor time, that of lineage's calls, these by the clock, and the whole command by the clock.
    """
    while any(senders()):
        time.sleep(0.1)
    environment = {**os.environ, "REPROKIT_HOME": str(top / "home")}  # not where the run is watched
    command = ["record", "-o", "run.zst", *WAYS[name], "--", sys.executable, "train.py"]
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", OWN, *command], cwd=top / name, env=environment, capture_output=True, check=True
    )
    return [*map(float, done.stderr.splitlines()[-1].split()), time.perf_counter() - begun]


def senders() -> Iterator[Path]:
    """The processes that tell a collector."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"openlineage.sender" in place.read_bytes():
                yield place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--keep", help="a store to fill once and to ask again")
    parser.add_argument("--no-record", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        ask(given.keep or str(Path(directory) / "graph.sqlite"), given.events, given.rounds)
        if not given.no_record:
            record(Path(directory), given.rounds)


if __name__ == "__main__":
    main()
