"""Resume equals uninterrupted: a whole restore passes, and each part that is left out is caught and named."""

from __future__ import annotations

import random

import pytest

from reprokit.checks import InvarianceError, resume, worker_invariant
from reprokit.errors import UsageError

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

pytestmark = pytest.mark.torch

PARTS = ("model", "optimizer", "scheduler", "scaler", "rng", "loader")


class Loader:
    """A loader with a position, as a stateful one has."""

    def __init__(self):
        self.position = 0

    def batch(self):
        self.position += 1
        return torch.full((4, 8), 0.1 * (self.position % 5))

    def state_dict(self):
        return {"position": self.position}

    def load_state_dict(self, state):
        self.position = state["position"]


def make():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    return {"model": model, "optimizer": optimizer, "scheduler": scheduler, "scaler": scaler, "loader": Loader()}


def train(parts, steps):
    losses = []
    for _ in range(steps):
        parts["optimizer"].zero_grad()
        loss = parts["model"](parts["loader"].batch()).square().mean()
        parts["scaler"].scale(loss).backward()
        parts["scaler"].step(parts["optimizer"])
        parts["scaler"].update()
        parts["scheduler"].step()
        losses.append(loss.item())
    return losses


def save(parts, path):
    states = {name: part.state_dict() for name, part in parts.items()}
    torch.save({**states, "rng": torch.get_rng_state()}, path)


def load_without(*left_out):
    def load(parts, path):
        saved = torch.load(path)
        for name, part in parts.items():
            if name not in left_out:
                part.load_state_dict(saved[name])
        if "rng" not in left_out:
            torch.set_rng_state(saved["rng"])

    return load


def test_a_whole_restore_ends_where_the_uninterrupted_training_ends():
    random.seed(5)
    torch.manual_seed(7)
    before = torch.get_rng_state().clone(), random.getstate()
    resume(make, train, 6, 3, save, load_without())
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()


@pytest.mark.parametrize("part", PARTS)
def test_each_part_that_is_not_restored_is_caught_and_named(part):
    with pytest.raises(InvarianceError) as caught:
        resume(make, train, 6, 3, save, load_without(part))
    assert caught.value.code == "RPK079"
    named = [line for line in str(caught.value).splitlines() if "not restored" in line]
    assert [line.split(": ")[1] for line in named] == ["random generators (torch)" if part == "rng" else part]
    assert "resumed after 3 of 6 steps" in str(caught.value)
    assert caught.value.hint.startswith("Save and restore:")


def test_all_that_is_missing_is_named_at_once():
    with pytest.raises(InvarianceError) as caught:
        resume(make, train, 6, 3, save, load_without("optimizer", "scaler"))
    assert "not restored: optimizer: " in str(caught.value)
    assert "not restored: scaler: " in str(caught.value)
    assert "not restored: model" not in str(caught.value)


def test_generators_that_training_does_not_draw_from_need_not_be_saved():
    def quiet():
        parts = make()
        parts["model"].eval()
        return parts

    resume(quiet, train, 6, 3, save, load_without("rng"))


def test_a_part_without_a_readable_state_is_named_as_a_suspect():
    class Opaque:
        position = 0

    def opaque():
        return {**make(), "loader": Opaque()}

    def step(parts, steps):
        for _ in range(steps):
            parts["loader"].position += 1
            with torch.no_grad():
                parts["model"][0].bias += parts["loader"].position

    def store(parts, path):
        save({name: part for name, part in parts.items() if name != "loader"}, path)

    with pytest.raises(InvarianceError, match="not readable: loader has no state"):
        resume(opaque, step, 4, 2, store, load_without("loader"))


def test_state_outside_of_all_parts_is_said_to_lie_there():
    def step(parts, steps):
        for _ in range(steps):
            parts["model"].calls = getattr(parts["model"], "calls", 0) + 1
            with torch.no_grad():
                parts["model"][0].bias += parts["model"].calls

    with pytest.raises(InvarianceError, match="something lies outside of them"):
        resume(make, step, 4, 2, save, load_without())


def test_training_that_differs_from_itself_is_not_blamed_on_resuming():
    def noisy(parts, steps):
        with torch.no_grad():
            parts["model"][0].bias += random.SystemRandom().random()

    with pytest.raises(InvarianceError, match="without any interruption") as caught:
        resume(make, noisy, 4, 2, save, load_without())
    assert caught.value.code == "RPK075"


@pytest.mark.parametrize("at", [0, 6, 7])
def test_the_interruption_lies_inside(at):
    with pytest.raises(UsageError, match="RPK077"):
        resume(make, train, 6, at, save, load_without())


def test_parts_without_any_state_are_refused():
    with pytest.raises(UsageError, match="RPK077"):
        resume(object, lambda parts, steps: None, 2, 1, lambda parts, path: None, lambda parts, path: None)


class Numbers(torch.utils.data.Dataset):
    """Numbers, with a random part where asked."""

    def __init__(self, noise=False):
        self.noise = noise

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return torch.full((2,), float(index)) + (torch.rand(2) if self.noise else 0)


def loaders(dataset, **named):
    return lambda workers: torch.utils.data.DataLoader(dataset, 4, num_workers=workers, **named)


def test_worker_invariant_holds_also_for_shuffled_batches():
    worker_invariant(loaders(Numbers()))
    worker_invariant(loaders(Numbers(), shuffle=True))


def test_worker_invariant_names_the_batch_and_random_draws():
    with pytest.raises(InvarianceError) as caught:
        worker_invariant(loaders(Numbers(noise=True)))
    assert "batch 0 differs between 0 and 2 workers" in str(caught.value)
    assert "random draws inside the workers" in str(caught.value)


def test_worker_invariant_tells_order_from_content_and_from_noise():
    with pytest.raises(InvarianceError, match="same batches in another order"):
        worker_invariant(lambda workers: [1.0, 2.0] if workers else [2.0, 1.0])
    with pytest.raises(InvarianceError, match="3 and 2 batches"):
        worker_invariant(lambda workers: [1.0, 2.0] + ([] if workers else [3.0]))
    noise = iter(range(100))
    with pytest.raises(InvarianceError, match="twice with 0 workers"):
        worker_invariant(lambda workers: [next(noise)])


@pytest.mark.parametrize("arguments", [(lambda n: [1.0], (2,)), (lambda n: [1.0], (-1, 0)), (lambda n: [], (0, 2))])
def test_worker_invariant_refuses_what_varies_nothing(arguments):
    with pytest.raises(UsageError, match="RPK077"):
        worker_invariant(*arguments)
