"""Speed and memory of bundles beside the programs that one would use instead.

Run it with `python benchmarks/bench_bundle.py`.

Rounds are interleaved and ratios are taken within a round, so that a machine that slows down slows both sides. Memory
is the peak of a fresh process less what it has after importing everything.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from reprokit.bundle import BundleReader, Item, pack

MIB = 1 << 20
ROUNDS = 5

MEMORY = """
import json, re, sys
from pathlib import Path
import xxhash, zstandard
from reprokit.bundle import BundleReader, Item, pack
source, target, what = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
# Not `ru_maxrss`, which a child takes over from its parent.
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
if what == "pack":
    finish = lambda members: json.dumps({"members": [m.to_json() for m in members]}).encode()
    pack(target, [Item("weights", source)], finish, threads=2)
else:
    with BundleReader.open(target) as reader:
        if what == "verify":
            reader.verify(threads=2)
        else:
            reader.extract("weights", target.with_name("extracted"))
print(peak() - before)
"""


def finish(members):
    return json.dumps({"members": [member.to_json() for member in members]}).encode()


def weights(path, mebibytes, kind):
    rng = np.random.default_rng(0)
    draw = rng.random if kind == "uniform" else rng.standard_normal
    with path.open("wb") as file:
        for _ in range(mebibytes // 16):
            file.write(draw(4 * MIB, dtype=np.float32).tobytes())
    return path


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def side_by_side(name, ours, theirs):
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS + 1)][1:]
    ratios = [their / our for our, their in pairs]
    best = [min(side) for side in zip(*pairs, strict=True)]
    print(
        f"{name:46} {statistics.median(ratios):5.2f}x as fast (rounds {min(ratios):.2f} to {max(ratios):.2f}; "
        f"best {best[0]:.2f} s against {best[1]:.2f} s)"
    )


def speed(directory, kind):
    source = weights(directory / "weights", 256, kind)
    bundle, other = directory / "b.repro.tar.zst", directory / "other.tar.zst"
    command = f"tar -C {directory} -cf - weights | zstd -q -f -T0 -3 -o {other}"

    def stock(durable):
        subprocess.run(command + (f" && sync {other}" if durable else ""), shell=True, check=True)

    def ours():
        pack(bundle, [Item("weights", source)], finish)

    print(f"256 MiB of float32, {kind}")
    side_by_side("pack (hashed, fsync), tar | zstd -T0 -3 + sync", ours, lambda: stock(durable=True))
    side_by_side("pack (hashed, fsync), tar | zstd -T0 -3", ours, lambda: stock(durable=False))
    print(f"{'size of the bundle, of tar | zstd':46} {bundle.stat().st_size / other.stat().st_size:.3f}x")
    with BundleReader.open(bundle) as reader:
        side_by_side(
            "verify, sha256sum of the content",
            reader.verify,
            lambda: subprocess.run(["sha256sum", source], check=True, stdout=subprocess.DEVNULL),
        )
        target = directory / "extracted"

        def extract():
            target.unlink(missing_ok=True)
            reader.extract("weights", target)

        side_by_side(
            "extract (hashed), tar --zstd -xf",
            extract,
            lambda: subprocess.run(["tar", "--zstd", "-xf", other, "-C", directory], check=True),
        )


def small_files(directory, count=10_000):
    bundle = directory / "small.repro.tar.zst"
    sources = directory / "small"
    sources.mkdir()
    for index in range(count):
        (sources / f"{index:05}.json").write_text(json.dumps({"index": index, "value": index * 0.1}) * 20)
    items = [Item(f"data/{path.name}", path) for path in sources.iterdir()]
    print(f"{count} files of 1 KiB")
    side_by_side(
        "pack, tar | zstd -T0 -3",
        lambda: pack(bundle, items, finish),
        lambda: subprocess.run(
            f"tar -C {sources} -cf - . | zstd -q -f -T0 -3 -o {directory}/o", shell=True, check=True
        ),
    )
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        with BundleReader.open(bundle) as reader:
            reader.read("data/05000.json")
        taken.append(time.perf_counter() - start)
    print(f"{'open and read one of them':46} {min(taken) * 1e3:.0f} ms, {reader.bytes_read / 1024:.0f} KiB read")


def memory(directory):
    print("peak memory beyond the imports, 2 threads")
    (directory / "extracted").unlink(missing_ok=True)
    for size in (64, 1024):
        source = weights(directory / "weights", size, "normal")
        target = directory / "b.repro.tar.zst"
        for what in ("pack", "verify", "extract"):
            command = [sys.executable, "-c", MEMORY, source, target, what]
            peak = int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            print(f"  {what} of a member of {size:4} MiB: {peak / 1024:.0f} MiB")
        with BundleReader.open(target) as reader:
            print(f"  opening the bundle of {target.stat().st_size // MIB} MiB reads {reader.bytes_read} bytes")
        (directory / "extracted").unlink()


def main():
    print(f"{os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if shutil.which("zstd") and shutil.which("tar"):
            for kind in ("uniform", "normal"):
                speed(directory, kind)
            small_files(directory)
        else:
            print("tar or zstd is missing: no comparison of speed")
        memory(directory)


if __name__ == "__main__":
    main()
