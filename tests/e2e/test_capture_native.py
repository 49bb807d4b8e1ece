"""Files that native code opens land in the bundle, as inputs and as outputs, library by library."""

import os
import subprocess
import sys
import textwrap

import pytest

PYTHON = sys.executable

LIBRARIES = {
    "torch": (
        "import torch\nt = torch.arange(6.)\ntorch.save(t, sys.argv[1])",
        "import torch\nr = torch.load(sys.argv[1]) + 1\ntorch.save(r, 'out.bin')",
    ),
    "safetensors": (
        "import numpy as np\nfrom safetensors.numpy import save_file\nsave_file({'a': np.arange(6.)}, sys.argv[1])",
        "from safetensors.numpy import load_file, save_file\nr = load_file(sys.argv[1])\nsave_file(r, 'out.bin')",
    ),
    "h5py": (
        "import h5py, numpy as np\nf = h5py.File(sys.argv[1], 'w'); f['a'] = np.arange(6.); f.close()",
        (
            "import h5py\nf = h5py.File(sys.argv[1], 'r'); r = f['a'][:]; f.close()\n"
            "g = h5py.File('out.bin', 'w'); g['b'] = r + 1; g.close()"
        ),
    ),
    "pyarrow": (
        "import pyarrow as pa, pyarrow.parquet as pq\npq.write_table(pa.table({'a': [1, 2]}), sys.argv[1])",
        "import pyarrow.parquet as pq\npq.write_table(pq.read_table(sys.argv[1]), 'out.bin')",
    ),
    "memmap": (
        "import numpy as np\nnp.arange(6.).tofile(sys.argv[1])",
        (
            "import numpy as np\nr = np.memmap(sys.argv[1], 'f8', 'r')\n"
            "w = np.memmap('out.bin', 'f8', 'w+', shape=(6,)); w[:] = r + 1; w.flush()"
        ),
    ),
    "sqlite": (
        (
            "import sqlite3\nc = sqlite3.connect(sys.argv[1]); c.execute('create table t (x)');"
            "c.execute('insert into t values (3)'); c.commit(); c.close()"
        ),
        (
            "import sqlite3\nc = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n"
            "rows = c.execute('select x from t').fetchall()\nd = sqlite3.connect('out.bin')\n"
            "d.execute('create table t (x)'); d.executemany('insert into t values (?)', rows); d.commit(); d.close()"
        ),
    ),
    "child": (
        "open(sys.argv[1], 'w').write('data')",
        (
            "import subprocess\nsubprocess.run(['cp', sys.argv[1], 'out.tmp'], check=True)\n"
            "subprocess.run(['mv', 'out.tmp', 'out.bin'], check=True)"
        ),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("where", ["inside", "outside"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_what_native_code_reads_and_writes(reprokit, tmp_path, library, where):
    for needed in (library,) if library in ("torch", "safetensors", "h5py", "pyarrow") else ():
        pytest.importorskip(needed)
    place = tmp_path / "project"
    (place / "data").mkdir(parents=True)
    data = (place / "data" / "in.dat") if where == "inside" else (tmp_path / "shared" / "in.dat")
    data.parent.mkdir(exist_ok=True)
    make, use = ("import sys\n" + text for text in LIBRARIES[library])
    subprocess.run([PYTHON, "-c", make, data], cwd=tmp_path, check=True, timeout=120)
    (place / "run.py").write_text(use)
    original = data.read_bytes()
    done = reprokit("record", "--json", "--", PYTHON, "run.py", data, cwd=place)
    assert done.status == 0, done.text
    inputs = {entry["path"]: entry for entry in done.json["inputs"]}
    assert str(data) in inputs, sorted(inputs)
    assert inputs[str(data)]["member"] is not None
    assert [os.path.basename(output["path"]) for output in done.json["outputs"]] == ["out.bin"]
    data.unlink()  # the bundle alone must do
    (place / "out.bin").unlink()
    replayed = reprokit("replay", "run.repro.tar.zst", "--json", cwd=place)
    assert (replayed.status, replayed.json["tier"]) == (0, "bitwise"), replayed.text
    assert not data.exists()
    unpacked = place / "unpacked"
    assert reprokit("unpack", "run.repro.tar.zst", unpacked, cwd=place).status == 0
    held = list(unpacked.rglob("in.dat"))
    assert [path.read_bytes() for path in held] == [original]


def test_directories_that_the_run_makes_and_renames(reprokit, tmp_path):
    (tmp_path / "run.py").write_text(textwrap.dedent("""
        import os, tempfile
        os.makedirs("work/deep")
        for number in range(20):
            with open(f"work/deep/{number}.txt", "w") as file:
                file.write(str(number))
        os.rename("work", "final")
        with tempfile.NamedTemporaryFile("w", dir=".", delete=False) as file:
            file.write("atomic")
        os.replace(file.name, "atomic.txt")
        open("gone.txt", "w").write("x")
        os.remove("gone.txt")
    """))  # fmt: skip
    done = reprokit("record", "--json", "--", PYTHON, "run.py", cwd=tmp_path)
    names = {os.path.relpath(o["path"], tmp_path) for o in done.json["outputs"]}
    assert names == {"atomic.txt", *(f"final/deep/{number}.txt" for number in range(20))}
    assert reprokit("replay", "run.repro.tar.zst", "--json", cwd=tmp_path).json["tier"] == "bitwise"
