"""What the frameworks themselves write: two fresh processes with one seed are equal, with another seed they are not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reprokit.compare.files import FileComparison, Options, isolated
from reprokit.launch.outputs import compare_outputs

pytestmark = pytest.mark.frameworks

WRITER = Path(__file__).with_name("write_framework_files.py")


def outputs(folder):
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


def compared(one, other):
    return dict(compare_outputs(outputs(one), outputs(other), Options()))


def run(folder, *arguments, **environment):
    folder.mkdir(parents=True)
    settings = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    done = subprocess.run(
        [sys.executable, WRITER, *arguments], cwd=folder, env={**os.environ, **settings}, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """``written(framework, run)``: run ``a`` and ``b`` have one seed, ``c`` another; each is made once."""
    made = {}

    def write(framework, name):
        if (framework, name) not in made:
            seed = "2" if name == "c" else "1"
            more = {"TRACE_MORE": "1"} if name == "b" else {}
            made[framework, name] = run(tmp_path_factory.mktemp(framework) / name, framework, seed, **more)
        return made[framework, name]

    return write


NAMES = {
    "tensorflow": {"model.keras", "model.weights.h5", "model.h5", "exported", "saved", "checkpoints/ckpt-1",
                   "checkpoints/checkpoint", "shared.keras"},
    "jax": {"orbax", "zarr", "managed/1/default", "managed/1/_CHECKPOINT_METADATA", "managed/1/commit_success.txt",
            "state.msgpack"},
    "trees": {"model.json", "model.ubj", "model.txt", "forest.joblib"},
    "torch": {"sharded", "training_args.bin"},
}  # fmt: skip
ALWAYS_EQUAL = {"checkpoints/checkpoint", "managed/1/_CHECKPOINT_METADATA", "managed/1/commit_success.txt"}


@pytest.mark.parametrize("framework", NAMES)
def test_two_runs_are_equal_whatever_their_containers_hold(written, framework):
    found = compared(written(framework, "a"), written(framework, "b"))
    assert {name for name in found if "tfevents" not in name} == NAMES[framework]
    assert [(name, one) for name, one in found.items() if not (isinstance(one, FileComparison) and one.equal)] == []


@pytest.mark.parametrize("framework", NAMES)
def test_another_seed_is_found_in_every_output_as_content(written, framework):
    found = compared(written(framework, "a"), written(framework, "c"))
    for name, one in found.items():
        if name in ALWAYS_EQUAL:
            continue
        assert isinstance(one, FileComparison), name
        assert not one.equal, name
        assert "RPK051" not in one.note, (name, one.note)
        assert one.method != "bytes", name
        assert one.same_schema or framework == "trees", name


SAVE_AGAIN = """
import sys, keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
weights = model.layers[0].kernel.numpy()
if sys.argv[2] == "changed":
    weights[3, 5] = np.nextafter(weights[3, 5], np.float32(9))
model.layers[0].kernel.assign(weights)
model.save("model.keras"); model.save_weights("model.weights.h5"); model.save("model.h5")
model.export("exported", verbose=False)
"""


def test_one_step_of_one_weight_is_found_in_every_format_of_keras(written, tmp_path):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    for name in ("same", "changed"):
        (tmp_path / name).mkdir()
        command = [sys.executable, "-c", SAVE_AGAIN, written("tensorflow", "a") / "model.keras", name]
        subprocess.run(command, cwd=tmp_path / name, env=environment, check=True, capture_output=True)
    found = compared(tmp_path / "same", tmp_path / "changed")
    assert set(found) == {"model.keras", "model.weights.h5", "model.h5", "exported"}
    for name, one in found.items():
        assert not one.equal
        assert one.same_schema
        assert {(difference.index, difference.max_ulp) for difference in one.differences} == {((3, 5), 1)}, (name, one)


def lose(folder, pattern):
    lost = sorted(folder.glob(pattern))
    assert lost
    for path in lost:
        path.unlink()


@pytest.mark.parametrize(
    ("framework", "pattern"),
    [
        ("jax", "orbax/d/*"), ("jax", "orbax/manifest.ocdbt"), ("jax", "zarr/layer.w/0*"),
        ("jax", "zarr/_METADATA"), ("torch", "sharded/*.distcp"), ("torch", "sharded/.metadata"),
        ("tensorflow", "saved/variables/*.index"), ("tensorflow", "checkpoints/*.data-*"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_has_lost_a_file_is_not_equal(written, tmp_path, framework, pattern):
    source = written(framework, "a")
    shutil.copytree(source, tmp_path / "b")
    lose(tmp_path / "b", pattern)
    found = compared(source, tmp_path / "b")
    assert not all(isinstance(one, FileComparison) and one.equal for one in found.values())
    # Both have lost it, and something else differs too: what is left must not pass for the whole.
    shutil.copytree(tmp_path / "b", tmp_path / "c")
    for mark in (tmp_path / "c").rglob("_METADATA"):
        mark.write_text(mark.read_text() + " ")
    both = compared(tmp_path / "b", tmp_path / "c")
    if pattern == "zarr/layer.w/0*":
        assert any("RPK111" in one.note for one in both.values())


def test_without_tensorstore_an_orbax_checkpoint_is_unverified(written, monkeypatch):
    monkeypatch.setattr(isolated, "installed", lambda package: package != "tensorstore")
    found = compared(written("jax", "a"), written("jax", "b"))["orbax"]
    assert (found.equal, found.established, found.differences) == (False, False, ())
    assert "RPK110" in found.note
    assert "tensorstore" in found.note


RANKS = """
import os, sys, torch
from torch.distributed import checkpoint, init_process_group, destroy_process_group
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor
init_process_group("gloo")
mesh = init_device_mesh("cpu", (int(os.environ["WORLD_SIZE"]),))
whole = {"w": torch.arange(35.0).view(7, 5), "v": torch.arange(35.0).view(5, 7).bfloat16()}
state = {name: distribute_tensor(t, mesh, [Shard(i)]) for i, (name, t) in enumerate(whole.items())}
checkpoint.save({**state, "epoch": 3}, checkpoint_id=sys.argv[1])
torch.save(state, f"{sys.argv[1]}/rank{os.environ['RANK']}.pt")
destroy_process_group()
"""


def test_into_how_many_shards_a_tensor_was_split_is_packing(tmp_path):
    script = tmp_path / "save.py"
    script.write_text(RANKS)
    for ranks in (1, 2):
        command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={ranks}", "--master-port=0"]
        command += ["--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", script, tmp_path / str(ranks) / "ck"]
        subprocess.run(
            command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, capture_output=True, timeout=120
        )
    found = compared(tmp_path / "1", tmp_path / "2")
    assert found["ck"].equal, found["ck"]
    assert found["ck"].method.startswith("torch.distributed.checkpoint: 2 tensors")
    shard = tmp_path / "2" / "ck" / "__1_0.distcp"
    data = bytearray(shard.read_bytes())
    at = data.index(np.arange(20, 24, dtype=np.float32).tobytes())
    data[at] ^= 1
    shard.write_bytes(data)
    [difference] = compared(tmp_path / "1", tmp_path / "2")["ck"].differences
    assert (difference.where, difference.index, difference.max_ulp) == ("w", (4, 0), 1)
