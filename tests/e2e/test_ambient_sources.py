"""Scripts that seed nothing: every source of a seed is kept, and given back in a replay."""

from __future__ import annotations

import sys

import pytest

PLAIN = """
import json, os, pickle, random, threading
import numpy as np
from concurrent.futures import ThreadPoolExecutor

pickle.dump(np.random.mtrand._rand, open("generator.pkl", "wb"))  # as estimators of scikit-learn hold it
random.seed()
np.random.seed()
drawn = {
    "random": random.random(), "own": [random.Random().random() for _ in range(3)],
    "gauss": [random.gauss(0, 1) for _ in range(3)], "set": list({"a", "b", "c", "d"}),
    "numpy": np.random.rand(), "normal": np.random.standard_normal(3).tolist(),
    "default": np.random.default_rng().random(), "legacy": np.random.RandomState().rand(),
    "children": [np.random.default_rng(s).random() for s in np.random.SeedSequence().spawn(2)],
    "bits": np.random.Generator(np.random.PCG64()).random(), "sfc": np.random.Generator(np.random.SFC64()).random(),
}
class Own(random.Random):
    pass
drawn["subclass"] = Own().random()
json.dump(drawn, open("drawn.json", "w"))
"""

THREADS = """
import json, random
from concurrent.futures import ThreadPoolExecutor
def first(_):
    return random.Random().random()
def second(_):
    return random.Random().random()
with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
    a, b = [one.submit(first, i) for i in range(50)], [other.submit(second, i) for i in range(50)]
json.dump([[f.result() for f in a], [f.result() for f in b]], open("drawn.json", "w"))
"""

CHILDREN = """
import json, multiprocessing, random, sys
import numpy as np
def draw(number):
    return [random.random(), random.Random().random(), float(np.random.default_rng().random())]
def put(number, queue):
    queue.put((number, draw(number)))
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.Queue()
    children = [context.Process(target=put, args=(i, queue)) for i in range(3)]
    [child.start() for child in children]
    got = sorted(queue.get() for _ in children)
    [child.join() for child in children]
    json.dump(got, open("drawn.json", "w"))
"""

SECRETS = """
import secrets, os, uuid, json
key = secrets.token_hex(16)
json.dump({"key": key, "raw": os.urandom(8).hex(), "id": str(uuid.uuid4())}, open("drawn.json", "w"))
"""

TORCH = """
import random, torch
import numpy as np
class Noise(torch.utils.data.Dataset):
    def __init__(self):
        self.plain, self.numpy = random.Random(), np.random.default_rng()
    def __len__(self):
        return 32
    def __getitem__(self, index):
        drawn = [self.plain.random(), self.numpy.random(), random.random(), np.random.rand()]
        return torch.tensor(drawn, dtype=torch.float32), index % 2
own = torch.Generator()
own.seed()
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for images, labels in torch.utils.data.DataLoader(Noise(), 8, shuffle=True, num_workers=2, generator=own):
    loss = torch.nn.functional.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
torch.seed()
torch.save({"model": model.state_dict(), "more": torch.rand(3), "generator": own}, "model.pt")
"""


def _record(reprokit, room, text, *arguments):
    room.mkdir(exist_ok=True)
    (room / "draw.py").write_text(text)
    name = f"run-{len(list(room.glob('*.zst')))}.repro.tar.zst"
    done = reprokit("record", "--json", "-o", name, "--", sys.executable, "draw.py", *arguments, cwd=room)
    assert done.status == 0, done.text
    return room / name, done.json


@pytest.mark.parametrize(
    ("text", "arguments"),
    [(PLAIN, ()), (THREADS, ()), (CHILDREN, ("fork",)), (CHILDREN, ("spawn",))],
    ids=["sources", "threads", "fork", "spawn"],
)
def test_an_unseeded_script_replays_bitwise(reprokit, tmp_path, text, arguments):
    bundle, _ = _record(reprokit, tmp_path / "run", text, *arguments)
    verdict = reprokit("replay", "--json", "--runs", "2", bundle, cwd=tmp_path).json
    assert verdict["tier"] == "bitwise", verdict["outputs"]
    again, _ = _record(reprokit, tmp_path / "run", text, *arguments)
    told_apart = reprokit("compare", "--json", bundle, again, cwd=tmp_path)
    assert (told_apart.status, told_apart.json["met"]) == (1, False)  # the control: each recording draws anew


def test_key_material_is_never_kept(reprokit, tmp_path):
    bundle, report = _record(reprokit, tmp_path / "run", SECRETS)
    drawn = (tmp_path / "run" / "drawn.json").read_text()
    assert reprokit("unpack", bundle, "--prefix", "ambient/", tmp_path / "out", cwd=tmp_path).status == 0
    kept = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    for secret in (drawn[9:41], drawn[51:67]):
        assert secret.encode() not in kept
    assert reprokit("replay", "--json", bundle, cwd=tmp_path).json["tier"] != "bitwise"
    assert report["exit_status"] == 0


@pytest.mark.slow
@pytest.mark.torch
def test_an_unseeded_torch_script_with_workers_replays_bitwise(reprokit, tmp_path):
    bundle, report = _record(reprokit, tmp_path / "run", TORCH)
    assert report["steps"] == 4
    verdict = reprokit("replay", "--json", "--runs", "2", bundle, cwd=tmp_path, timeout=400).json
    assert verdict["tier"] == "bitwise", verdict["divergence"]
    again, _ = _record(reprokit, tmp_path / "run", TORCH)
    other = reprokit("compare", "--json", bundle, again, cwd=tmp_path).json
    assert other["divergence"]["step"] == 1


def test_a_result_named_after_the_clock_is_found_again(reprokit, tmp_path):
    text = (
        "import time, pathlib, uuid\n"
        "room = pathlib.Path(time.strftime('runs/%Y-%m-%d_%H-%M-%S') + f'_{time.time_ns()}')\n"
        "room.mkdir(parents=True)\n"
        "(room / f'{uuid.uuid4()}.txt').write_text('the same')\n"
    )
    bundle, _ = _record(reprokit, tmp_path / "run", text)
    verdict = reprokit("replay", "--json", bundle, cwd=tmp_path).json
    assert verdict["tier"] == "bitwise"
    assert "a time or a random part" in verdict["outputs"][0]["note"]


def test_what_is_appended_to_is_an_input(reprokit, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.txt").write_text("before\n")
    bundle, report = _record(reprokit, tmp_path / "run", "open('log.txt', 'a').write('after\\n')\n")
    assert any(entry["path"].endswith("log.txt") for entry in report["inputs"])
    assert reprokit("replay", "--json", bundle, cwd=tmp_path).json["tier"] == "bitwise"
    assert (tmp_path / "run" / "log.txt").read_text() == "before\nafter\n"
