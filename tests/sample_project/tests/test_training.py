import pytest

from tiny.training import train


@pytest.mark.repro(tier="bitwise", runs=2)
def test_training(repro):
    model, accuracy = train()
    repro.check("model", model)
    repro.check("accuracy", accuracy)
    assert accuracy > 0.5
