import pytest

from reprokit.schema.manifest import Notice
from reprokit.schema.verdict import (
    Divergence,
    MetricVerdict,
    OutputVerdict,
    RunVerdict,
    TraceVerdict,
    ValueDifference,
    Verdict,
)

DIFFERING = {
    "bundle": "sha256:" + "ab" * 32,
    "tier": "re-runnable",
    "target": "bitwise",
    "met": False,
    "status": "verified",
    "reason": "not within tolerance: eval.accuracy; differing outputs: out/model.pt",
    "advice": "Set torch.use_deterministic_algorithms(True).",
    "between_replays": "metric-close",
    "runs": [
        RunVerdict(number=1, exit_status=0, duration_s=3.21, tier="re-runnable", steps=20, stdout_equal=False),
        RunVerdict(number=2, exit_status=None, duration_s=3.0, tier="metric-close", timed_out=True, detail="slow disk"),
    ],
    "outputs": [
        OutputVerdict(
            path="out/model.pt",
            equal=False,
            method="torch.save: 12 tensors",
            run=1,
            differing=12,
            differences=[
                ValueDifference(
                    where="fc1.weight", index=[0, 3], recorded="0.12345678", replayed="0.12345679", max_abs=1.2e-7,
                    max_ulp=3, share=0.5,
                )
            ],
        ),
        *[OutputVerdict(path=f"o{i}", equal=True, method="bytes") for i in range(12)],
    ],
    "metrics": [
        MetricVerdict(name="f1", recorded=0.1, replayed=0.1 + 1e-16, close=True, rule="rel 1e-05 (default)"),
        MetricVerdict(name="eval.accuracy", recorded=0.98, replayed=0.97, close=False, rule="rel 1e-05 (default)"),
        MetricVerdict(name="lost", recorded=1, replayed=None, close=False, rule="missing in the replay"),
    ],
    "traces": [
        TraceVerdict(stream="rank0", steps_recorded=20, steps_replayed=20, steps_compared=16, tensors_compared=344,
                     not_compared=["lr"], equal=False),
    ],
    "divergence": Divergence(
        step=17, part="parameters", tensor="fc1.weight", tensors=["fc1.weight"], stream="rank0", cause="update"
    ),
    "scope": {
        "runs": 2,
        "machine": "x86-64 AVX-512",
        "threads": 2,
        "fingerprint": {"recorded": {}, "here": {}, "differences": ["torch 2.12 here, 2.13 recorded"]},
        "traced_steps": 20,
        "not_compared": ["process worker-1"],
        "isolation": "namespace",
    },
    "warnings": [Notice(code="RPK050", message="The environment differs from the record.")],
}  # fmt: skip
EQUAL = {
    **DIFFERING,
    "tier": "bitwise",
    "met": True,
    "reason": "every output and every traced step is equal",
    "advice": "",
    "between_replays": "bitwise",
    "runs": [RunVerdict(number=i, exit_status=0, duration_s=3.0, tier="bitwise", steps=20) for i in (1, 2, 3)],
    "outputs": [OutputVerdict(path="model.pt", equal=True, method="torch.save: 3 tensors")],
    "metrics": [],
    "traces": [],
    "divergence": None,
    "warnings": [],
}


@pytest.fixture
def differing():
    return lambda **changes: Verdict(**{**DIFFERING, **changes})


@pytest.fixture
def equal():
    return lambda **changes: Verdict(**{**EQUAL, **changes})
