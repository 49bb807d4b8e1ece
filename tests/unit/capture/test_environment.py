import json

import pytest

from reprokit.capture.environment import capture_environment

NUMERIC = (
    "OMP_NUM_THREADS MKL_CBWR OPENBLAS_CORETYPE GOTO_NUM_THREADS NUMEXPR_MAX_THREADS KMP_AFFINITY PYTHONHASHSEED "
    "CUDA_VISIBLE_DEVICES CUBLAS_WORKSPACE_CONFIG NCCL_ALGO TORCH_LOGS TORCHINDUCTOR_CACHE_DIR PYTORCH_CUDA_ALLOC_CONF "
    "ATEN_CPU_CAPABILITY ONEDNN_MAX_CPU_ISA DNNL_MAX_CPU_ISA TF_DETERMINISTIC_OPS XLA_FLAGS JAX_ENABLE_X64 "
    "KERAS_BACKEND LANG LC_ALL TZ RANK LOCAL_RANK WORLD_SIZE MASTER_ADDR MASTER_PORT HF_HUB_OFFLINE "
    "HF_DATASETS_OFFLINE TOKENIZERS_PARALLELISM NVIDIA_TF32_OVERRIDE"
)


@pytest.mark.parametrize(
    "name",
    NUMERIC.split(),
)
def test_what_changes_numbers_is_kept(name):
    assert capture_environment({name: "1"}).values == {name: "1"}


@pytest.mark.parametrize("name", ["HOME", "PATH", "USER", "HOSTNAME", "MY_VARIABLE", "SSH_CLIENT"])
def test_the_rest_is_not(name):
    captured = capture_environment({name: "1"})
    assert (captured.values, captured.withheld) == ({}, [])


def test_names_and_values_of_secrets_are_withheld():
    environ = {
        "HF_HUB_TOKEN": "abc",
        "TORCH_INDEX": "https://user:hunter2@host/simple",
        "XLA_FLAGS": "--x --api-key=abc",
        "TF_CONFIG": '{"password": "x"}',
        "OMP_NUM_THREADS": "4",
    }
    captured = capture_environment(environ)
    assert captured.values == {"OMP_NUM_THREADS": "4"}
    assert captured.withheld == ["HF_HUB_TOKEN", "TF_CONFIG", "TORCH_INDEX", "XLA_FLAGS"]


def test_further_names_may_be_patterns_but_no_secrets():
    captured = capture_environment({"EXP_ID": "7", "EXP_SECRET": "s", "OTHER": "x"}, ["EXP_*"])
    assert captured.values == {"EXP_ID": "7"}
    assert captured.withheld == ["EXP_SECRET"]


def test_secrets_outside_the_list_are_not_even_named():
    assert capture_environment({"AWS_SECRET_ACCESS_KEY": "x"}).withheld == []


def test_our_own_directory_leaves_no_trace_in_pythonpath():
    assert capture_environment({"PYTHONPATH": "/own/:/a"}, (), ["/own"]).values == {"PYTHONPATH": "/a"}
    assert capture_environment({"PYTHONPATH": "/own"}, (), ["/own"]).values == {}
    assert capture_environment({"PYTHONPATH": ":/a"}).values == {"PYTHONPATH": ":/a"}


def test_what_json_cannot_hold_is_named():
    captured = capture_environment({"LANG": "\udcff", "TZ": "UTC"})
    assert captured.undecodable == ["LANG"]
    json.dumps(captured.values).encode()
