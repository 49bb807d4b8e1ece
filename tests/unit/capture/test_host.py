import os
import subprocess
import sys
from pathlib import Path

import pytest

from reprokit.capture import host as host_module
from reprokit.capture.container import Container, container
from reprokit.capture.gpu import Gpu, Gpus, gpus
from reprokit.capture.host import host, thread_pools


def test_this_machine():
    here = host()
    assert here.cpu.logical == os.cpu_count()
    assert 1 <= here.cpu.usable <= here.cpu.logical
    assert here.byte_order == sys.byteorder
    assert here.memory is None or here.memory > 1 << 24
    assert here.machine == os.uname().machine
    assert here.kernel == os.uname().release


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/cpuinfo")
def test_features_are_those_of_the_processor():
    flags = set(Path("/proc/cpuinfo").read_text().split())
    assert {"avx2", "sse4_2"} & flags == {"avx2", "sse4_2"} & set(host().cpu.features)


def test_nothing_names_the_machine_or_its_user():
    text = repr(host())
    assert os.uname().nodename not in text or len(os.uname().nodename) < 4


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="affinity is Linux's")
def test_affinity_is_counted():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
    code += "from reprokit.capture.host import host; print(host().cpu.usable)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"


def test_arm_and_unknown_processors(monkeypatch, tmp_path):
    text = "processor\t: 0\nFeatures\t: fp asimd sve bf16\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"
    monkeypatch.setattr(host_module, "_read", lambda path: text if str(path) == "/proc/cpuinfo" else "")
    cpu = host_module._cpu()
    assert (cpu.vendor, cpu.model, cpu.features, cpu.physical) == ("ARM", "ARM 0xd40", ("asimd", "bf16", "sve"), None)
    monkeypatch.setattr(host_module, "_read", lambda path: "")
    assert host_module._cpu().features == ()


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, None),
        (
            {
                "/proc/self/cgroup": "0::/a/b\n",
                "/sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
                "/sys/fs/cgroup/a/cpu.max": "150000 100000\n",
            },
            1.5,
        ),
        ({"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "50000 100000"}, 0.5),
        (
            {
                "/proc/self/cgroup": "4:memory:/m\n3:cpu,cpuacct:/d\n",
                "/sys/fs/cgroup/cpu/d/cpu.cfs_quota_us": "200000",
                "/sys/fs/cgroup/cpu/d/cpu.cfs_period_us": "100000",
            },
            2.0,
        ),
        ({"/proc/self/cgroup": "1:cpu:/d\n", "/sys/fs/cgroup/cpu/d/cpu.cfs_quota_us": "-1"}, None),
        ({"/proc/self/cgroup": "garbage\n", "/sys/fs/cgroup/cpu.max": "x"}, None),
        ({}, None),
    ],
)
def test_limits_of_control_groups(monkeypatch, files, limit):
    monkeypatch.setattr(host_module, "_read", lambda path: files.get(str(path), ""))
    assert host_module._cpu_limit() == limit


def test_thread_pools_of_this_process():
    import numpy  # noqa: F401, ICN001 - it loads a BLAS

    pools = thread_pools()
    assert pools
    for pool in pools:
        assert pool["num_threads"] >= 1
        assert "/" not in pool["filename"]
        assert "filepath" not in pool


def _nvidia_smi(tmp_path, monkeypatch, script):
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def test_graphics_processors(tmp_path, monkeypatch):
    script = """case "$1" in --query-gpu*) echo 'NVIDIA H100, 80GB, 550.54.15, 81559, 9.0'
    echo 'NVIDIA A10, 550.54.15, [N/A], 8.6';; *) echo '| Driver Version: 550.54.15  CUDA Version: 12.4 |';; esac"""
    _nvidia_smi(tmp_path, monkeypatch, script.replace("H100, 80GB", "H100 80GB"))
    devices = (Gpu("NVIDIA H100 80GB", 81559, "9.0"), Gpu("NVIDIA A10", None, "8.6"))
    assert gpus() == Gpus(devices, "550.54.15", "12.4")


def test_a_driver_without_devices_or_in_trouble(tmp_path, monkeypatch):
    _nvidia_smi(tmp_path, monkeypatch, "echo 'No devices were found'")
    assert gpus() == Gpus()
    _nvidia_smi(tmp_path, monkeypatch, "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
    assert gpus().problem == "Failed to initialize NVML: Driver/library version mismatch"
    _nvidia_smi(tmp_path, monkeypatch, "sleep 30")
    assert gpus(timeout=0.2).problem == "nvidia-smi did not answer in time"


@pytest.mark.parametrize(
    "noise",
    [
        b"\xfe+d, /W\x05, \xb2, aHL<\x94",  # four fields, as random bytes have now and then
        b"NVIDIA \xfeH100, 550.54.15, 81559, 9.0",
        "NVIDIA H100, 550.54.15, \u00b2, 9.0".encode(),  # a digit to str.isdigit, no number to int
        b"NVIDIA H100, 550.54.15, 81559, 9.0, 1",
        b'"NVIDIA H100, 550.54.15, 81559',
        b"NVIDIA H100, 550.54.15, 81559, \x00",
        b", , , ",
        b"x" * 200_000,
    ],
)
def test_noise_of_a_driver_is_no_device(tmp_path, monkeypatch, noise):
    (tmp_path / "noise").write_bytes(noise)
    _nvidia_smi(tmp_path, monkeypatch, f"cat '{tmp_path}/noise'")
    assert gpus() == Gpus()


def test_no_driver_is_no_problem(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == Gpus()


DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("files", "environ", "expected"),
    [
        ({}, {}, Container("none")),
        ({".dockerenv": ""}, {}, Container("docker")),
        (
            {"run/.containerenv": f'engine="podman-4.3"\nimage="docker.io/x:1"\nimageid="{DIGEST}"\n'},
            {},
            Container("podman", f"sha256:{DIGEST}", "docker.io/x:1"),
        ),
        ({"run/.containerenv": ""}, {}, Container("podman")),
        ({".dockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "x"}, Container("kubernetes")),
        ({"proc/1/cgroup": "0::/docker/abc"}, {}, Container("docker")),
        ({"proc/1/cgroup": "0::/kubepods/besteffort"}, {}, Container("kubernetes")),
        ({}, {"SINGULARITY_CONTAINER": "/x.sif", "SINGULARITY_NAME": "x.sif"}, Container("singularity", None, "x.sif")),
        ({}, {"container": "systemd-nspawn"}, Container("other")),
        ({".dockerenv": ""}, {"IMAGE_DIGEST": f"r.io/x@sha256:{DIGEST}"}, Container("docker", f"sha256:{DIGEST}")),
        ({".dockerenv": ""}, {"IMAGE_DIGEST": "latest"}, Container("docker")),
    ],
)
def test_containers(tmp_path, files, environ, expected):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert container(tmp_path, environ) == expected
