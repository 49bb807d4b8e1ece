"""Dataset manifests beside `sha256sum`: large files, small files, and the second check of 100,000 files.

`sha256sum` runs over the same files with as many processes as there are processors, from a list that stands ready: it
does not look for the files, and a manifest does. The two take turns. Run: python benchmarks/bench_manifest.py [FILES]
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
ROUNDS = 5
WORKERS = len(os.sched_getaffinity(0))


def used() -> float:
    """Processor seconds of this process and of those that it started."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


def timed(action, *arguments) -> tuple[float, float]:
    """Seconds by the clock, and of the processors: on a shared machine these say more."""
    before, start = used(), time.perf_counter()
    action(*arguments)
    return time.perf_counter() - start, used() - before


def tree(root: Path, count: int, size: int) -> None:
    piece = os.urandom(1 << 20)
    for number in range(count):
        folder = root / f"{number // 1000}"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{number}.bin").open("wb") as file:
            file.write(number.to_bytes(8, "little"))
            for at in range(8, size, len(piece)):
                file.write(piece[: size - at])


def hash_tree(root: Path) -> None:
    """The engine alone, as `manifest create` uses it, without a cache."""
    from reprokit.datasets.cache import DigestCache
    from reprokit.datasets.filelist import FileLog
    from reprokit.datasets.hashing import digests
    from reprokit.datasets.walking import Trouble, walk

    trouble = Trouble()
    with DigestCache(None) as cache, FileLog(None, 0) as log:
        for entry in digests(str(root), walk(str(root), trouble), cache, trouble):
            log.add(entry)
    assert log.count


def sha256sum(listed: Path) -> None:
    with listed.open("rb") as names:
        command = ["xargs", "-0", "-P", str(WORKERS), "-n", "256", "sha256sum"]
        subprocess.run(command, stdin=names, stdout=subprocess.DEVNULL, check=True)


def beside(title: str, root: Path) -> None:
    listed = root.parent / f"{root.name}.list"
    listed.write_bytes(b"\0".join(os.fsencode(path) for path in root.rglob("*") if path.is_file()))
    hash_tree(root)  # so that both read from memory
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(timed(sha256sum, listed))
        ours.append(timed(hash_tree, root))
    walls = statistics.median(t[0] / o[0] for t, o in zip(theirs, ours, strict=True))
    cpu = statistics.median(t[1] / o[1] for t, o in zip(theirs, ours, strict=True))
    print(
        f"{title}: {statistics.median(o[0] for o in ours):.2f} s, sha256sum with {WORKERS} processes "
        f"{statistics.median(t[0] for t in theirs):.2f} s: {walls:.2f} times its speed (processor time: {cpu:.2f})"
    )


def manifest(*arguments: str, home: Path) -> None:
    environment = {**os.environ, "REPROKIT_HOME": str(home)}
    command = [sys.executable, "-m", "reprokit", "manifest", *arguments]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True, cwd=home)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        tree(top / "large", 16, 64 << 20)
        beside("16 files of 64 MiB", top / "large")
        tree(top / "middle", 4000, 256 << 10)
        beside("4,000 files of 256 KiB", top / "middle")
        tree(top / "small", FILES, 1024)
        beside(f"{FILES:,} files of 1 KiB", top / "small")
        time.sleep(2)  # a file that was written a moment ago is not remembered
        first = timed(
            lambda: manifest("create", str(top / "small"), "-o", str(top / "m.json"), "--format", "bytes", home=top)
        )
        print(f"create, {FILES:,} files: {first[0]:.2f} s (processor time {first[1]:.2f} s)")
        checks = [timed(lambda: manifest("check", str(top / "m.json"), home=top)) for _ in range(ROUNDS)]
        wall, cpu = (statistics.median(one[at] for one in checks) for at in (0, 1))
        print(f"check again, {FILES:,} unchanged files: {wall:.2f} s, processor time {cpu:.2f} s (goal: under 2 s)")


if __name__ == "__main__":
    main()
