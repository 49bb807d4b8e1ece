"""A fault is planted in a copy of a script: the verdict names the right tier, step, part, tensor and kind of cause."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

GPT = (sys.executable, "char_transformer.py", "--out-dir", "out", "--max-steps", "20")
DIGITS = (sys.executable, "digits_conv.py", "--epochs", "2", "--workers", "0")
STEP = 17
# One element of one tensor, moved to the next representable number.
NUDGE = """\
if step == 17:
    with torch.no_grad():
        tensor = {tensor}
        tensor.view(-1)[5] = torch.nextafter(tensor.reshape(-1)[5], torch.tensor(float("inf")))
"""
WEIGHT = NUDGE.format(tensor="model.blocks[1].mlp[0].weight.data")
NAME = "blocks.1.mlp.0.weight"


def _place(verdict):
    found = verdict["divergence"]
    return found["step"], found["part"], found["tensor"], found["cause"]


def _losses(verdict):
    return verdict["divergence"]["recorded"], verdict["divergence"]["replayed"]


def test_a_weight_moved_by_one_ulp_right_before_an_update(training):
    verdict = training.diverges(GPT, training.plant("optimizer.step()", WEIGHT))
    assert _place(verdict) == (STEP, "parameters", NAME, "update")
    assert verdict["divergence"]["tensors"] == [NAME]
    recorded, replayed = _losses(verdict)
    assert recorded == replayed, "the loss of the step came before the fault: it cannot show it"
    checkpoint = next(output for output in verdict["outputs"] if output["path"] == "out/ckpt.pt")
    assert not checkpoint["equal"]
    assert checkpoint["differences"][0]["max_ulp"] >= 1


def test_a_weight_moved_by_one_ulp_between_two_updates(training):
    fault = training.plant('x, y = get_batch(splits["train"], args)', WEIGHT)
    verdict = training.diverges(GPT, fault)
    assert _place(verdict) == (STEP, "parameters", NAME, "update")
    assert verdict["divergence"]["tensors"] == [NAME]
    assert "between update 16 and the forward pass of step 17" in verdict["divergence"]["detail"]


@pytest.mark.slow
def test_a_weight_moved_by_one_ulp_after_the_update_is_seen_before_the_next_forward_pass(training):
    fault = training.plant("optimizer.step()", WEIGHT.replace("17", "16"), after=True)
    assert _place(training.diverges(GPT, fault)) == (STEP, "parameters", NAME, "update")


@pytest.mark.slow
def test_a_weight_moved_by_one_ulp_after_the_forward_pass(training):
    """The embedding takes no part in the backward pass of others, so its gradient is the same and only it differs."""
    fault = training.plant("logits, loss = model(x, y)", NUDGE.format(tensor="model.wpe.weight.data"), after=True)
    assert _place(training.diverges(GPT, fault)) == (STEP, "parameters", "wpe.weight", "update")


@pytest.mark.slow
def test_a_weight_moved_after_the_last_update(training):
    """No step sees it; the outputs and the state at exit do."""
    fault = training.plant("torch.save(", WEIGHT.replace("17", "20"))
    verdict = training.diverges(GPT, fault)
    assert verdict["divergence"]["step"] in (None, 20)
    assert NAME in verdict["divergence"]["tensor"]


@pytest.mark.slow
def test_a_moved_weight_is_found_although_everything_that_is_printed_is_equal(training):
    """The log of this script rounds: equal text, equal metrics within their digits, another model."""
    fault = training.plant("optimizer.step()", WEIGHT)
    verdict = training.diverges(GPT, fault)
    assert verdict["runs"][0]["stdout_equal"] is True
    assert verdict["tier"] == "metric-close"
    assert all(metric["close"] for metric in verdict["metrics"])


def test_a_permuted_batch(training):
    fault = training.plant("logits, loss = model(x, y)", "if step == 11:\n    x, y = x.flip(0), y.flip(0)")
    verdict = training.diverges(GPT, fault)
    assert _place(verdict)[:2] == (11, "batch")
    assert verdict["divergence"]["cause"] == "data order"
    assert verdict["divergence"]["tensors"] == ["input 0", "input 1"]


@pytest.mark.parametrize(
    "place",
    ['x, y = get_batch(splits["train"], args)', "logits, loss = model(x, y)"],
    ids=["before the batch is drawn", "after the batch was drawn"],
)
@pytest.mark.slow
def test_one_more_random_draw(training, place):
    verdict = training.diverges(GPT, training.plant(place, "if step == 9:\n    torch.rand(1)"))
    assert _place(verdict)[:2] == (9, "rng")
    assert verdict["divergence"]["cause"] == "random draws"
    assert verdict["divergence"]["tensor"].startswith("torch")


@pytest.mark.parametrize(
    ("draw", "generator"),
    [("random.random()", "python"), ("np.random.rand()", "numpy"), ("random.gauss(0, 1)", "python")],
)
@pytest.mark.slow
def test_a_draw_from_a_generator_that_the_model_does_not_use(training, draw, generator):
    """The numbers that are trained on stay the same, and so do the outputs; the trace tells, and says what."""
    fault = training.plant("logits, loss = model(x, y)", f"if step == 9:\n    {draw}")
    verdict = training.diverges(GPT, fault)
    assert _place(verdict)[:2] == (9, "rng")
    assert verdict["divergence"]["tensor"].startswith(generator)
    assert all(output["equal"] for output in verdict["outputs"])


@pytest.mark.slow
def test_a_nudged_gradient(training):
    fault = training.plant("optimizer.step()", NUDGE.format(tensor="model.lm_head.weight.grad"))
    assert _place(training.diverges(GPT, fault)) == (STEP, "gradients", "lm_head.weight", "backward numerics")


@pytest.mark.slow
def test_a_nudged_moment(training):
    """The parameter moves by less than it can show at once, or shows it: the part is named accordingly."""
    moment = NUDGE.format(tensor='optimizer.state[model.lm_head.weight]["exp_avg"]')
    verdict = training.diverges(GPT, training.plant("optimizer.step()", moment, after=True))
    step, part, tensor, cause = _place(verdict)
    assert (step, part, cause) in [(18, "optimizer", "update"), (18, "parameters", "update")]
    assert tensor.startswith("lm_head.weight")


@pytest.mark.slow
def test_another_learning_rate(training):
    fault = training.plant('x, y = get_batch(splits["train"], args)',
                           "if step == 13:\n    optimizer.param_groups[1]['lr'] *= 1.0001")  # fmt: skip
    verdict = training.diverges(GPT, fault)
    assert verdict["divergence"]["step"] == 13
    assert verdict["divergence"]["part"] in ("lr", "parameters")
    assert verdict["divergence"]["cause"] == "update"
    assert not any(name.endswith(("wte.weight", "lm_head.weight")) for name in verdict["divergence"]["tensors"])


@pytest.mark.slow
def test_a_forward_pass_with_other_numerics(training):
    """The same model and batch, another sum: the loss is the first thing to differ."""
    fault = training.plant("optimizer.zero_grad(set_to_none=True)", "if step == 6:\n    loss = loss * (1 + 1e-6)")
    verdict = training.diverges(GPT, fault)
    assert _place(verdict)[:2] == (6, "loss")
    assert verdict["divergence"]["cause"] == "forward numerics"


@pytest.mark.slow
def test_another_number_of_steps(training):
    fault = training.plant("history = []", "args.max_steps = 19")
    verdict = training.diverges(GPT, fault)
    assert verdict["divergence"]["step"] == 6  # the schedule depends on the number of steps once the warm-up is over
    assert verdict["traces"][0]["steps_recorded"] == 20
    assert verdict["traces"][0]["steps_replayed"] == 19


@pytest.mark.slow
def test_a_dropped_output(training):
    dropped = training.plant('with open(os.path.join(args.out_dir, "history.json"), "w") as f:', "return")
    verdict = training.diverges(GPT, dropped)
    assert verdict["tier"] == "none"
    missing = [output for output in verdict["outputs"] if not output["equal"]]
    assert [output["path"] for output in missing] == ["out/history.json"]
    assert "out/history.json" in verdict["reason"]


@pytest.mark.slow
def test_batch_normalisation_buffers_are_part_of_the_state(training):
    """A buffer that only evaluation reads: no loss, gradient or parameter shows it."""
    fault = training.plant("optimizer.step()", NUDGE.format(tensor="model.bn1.running_var"))
    verdict = training.diverges(DIGITS, fault)
    assert _place(verdict) == (STEP, "parameters", "bn1.running_var", "update")


@pytest.mark.slow
def test_the_order_of_samples_that_a_loader_draws(training):
    fault = training.plant(
        "optimizer.zero_grad()", "if step == 8:\n    inputs, targets = inputs.roll(1, 0), targets.roll(1, 0)"
    )
    assert _place(training.diverges(DIGITS, fault))[:2] == (8, "batch")


@pytest.mark.slow
def test_a_fault_on_one_rank_of_two(training):
    ddp = (str(Path(sys.executable).parent / "torchrun"), "--standalone", "--nproc-per-node", "2", "ddp_train.py")
    nudge = NUDGE.replace("== 17", "== 5 and rank == 1").format(tensor="model.module[0].weight.data")
    verdict = training.diverges(ddp, training.plant("optimizer.step()", nudge, "ddp_train.py"))
    assert _place(verdict) == (5, "parameters", "0.weight", "update")
    assert verdict["divergence"]["stream"] == "rank1"


@pytest.mark.slow
def test_a_reduction_does_not_carry_the_blame_to_another_rank(training):
    """One more draw on rank 1 changes the gradients of both; rank 1 differs earlier in the step."""
    ddp = (str(Path(sys.executable).parent / "torchrun"), "--standalone", "--nproc-per-node", "2", "ddp_train.py")
    draw = "if step == 5 and rank == 1:\n    torch.rand(1)"
    verdict = training.diverges(ddp, training.plant("optimizer.zero_grad()", draw, "ddp_train.py"))
    assert (verdict["divergence"]["step"], verdict["divergence"]["stream"]) == (5, "rank1")
    assert (verdict["divergence"]["part"], verdict["divergence"]["cause"]) == ("rng", "random draws")


@pytest.mark.slow
def test_a_fault_in_a_loop_without_an_optimizer(training):
    nudge = "if step == 12:\n    param.data.view(-1)[0] = torch.nextafter(param.data.view(-1)[0], torch.tensor(9.0))"
    fault = training.plant("param.data.add_(-0.01 * param.grad)", nudge, after=True)
    verdict = training.diverges((sys.executable, "hand_update.py"), fault)
    assert verdict["divergence"]["step"] == 12
    assert verdict["divergence"]["part"] == "parameters"
    assert set(verdict["divergence"]["tensors"]) == {"weight", "bias"}


@pytest.mark.slow
def test_a_fault_in_the_second_of_two_optimizers(training):
    nudge = NUDGE.replace("== 17", "== 7").format(tensor="generator[2].weight.data")
    verdict = training.diverges((sys.executable, "gan.py"), training.plant("optim_g.step()", nudge))
    step, part, tensor, cause = _place(verdict)
    assert (step, part, cause) == (14, "parameters", "update")  # the 14th update: seven of each optimizer
    assert tensor == "2.weight"


@pytest.mark.slow
def test_a_fault_in_the_second_program_of_a_shell_script(training):
    nudge = NUDGE.replace("== 17", "== 4").replace("[5]", "[1]").format(tensor="model.weight.data")
    verdict = training.diverges(("sh", "stages.sh"), training.plant("optimizer.step()", nudge, "fit.py"))
    assert _place(verdict) == (4, "parameters", "weight", "update")
    assert verdict["divergence"]["stream"] == "fit"
    assert {o["path"]: o["equal"] for o in verdict["outputs"]} == {"data/points.npy": True, "fitted.pt": False}


@pytest.mark.slow
def test_a_fault_in_a_spawned_child(training):
    nudge = NUDGE.replace("== 17", "== 4").format(tensor="model.weight.data")
    verdict = training.diverges(
        (sys.executable, "spawn_child.py"), training.plant("optimizer.step()", nudge, after=True)
    )
    assert _place(verdict) == (5, "parameters", "weight", "update")
    assert verdict["divergence"]["stream"] == "spawn_child/spawn"


@pytest.mark.slow
def test_without_a_framework_the_outputs_say_where(training):
    fault = training.plant("p = 1 / (1 + np.exp(-(x[rows] @ w)))", "if step == 17: w[2] += 1e-9")
    verdict = training.diverges((sys.executable, "numpy_loop.py"), fault)
    assert verdict["divergence"]["step"] is None
    assert not verdict["divergence"]["cause"]
    different = {output["path"] for output in verdict["outputs"] if not output["equal"]}
    assert "weights.npz" in different


@pytest.mark.slow
def test_a_forest_with_another_seed(training):
    command = (sys.executable, "sklearn_pipeline.py")
    first, second = training.record(*command), training.record(*command, "--seed", "4")
    verdict = training.compare(first, second, status=1)
    assert {o["path"] for o in verdict["outputs"] if not o["equal"]} == {"model/pipeline.joblib", "model/scores.json"}
