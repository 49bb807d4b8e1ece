"""How reprokit observes toytrain, compares its weight files and renders a verdict in one line."""

import functools
import struct

from reprokit.compare.files import Comparator, Scalar
from reprokit.trace.raw import CORE, Column


class Observer:
    """Observes `Trainer.step`. Whatever fails here is caught: the script must not see it."""

    def __init__(self, toytrain, session):
        self.session, self.recorder, self.on = session, session.recorder(), True
        original = toytrain.Trainer.step

        @functools.wraps(original)
        def step(trainer, batch):
            loss = original(trainer, batch)
            if self.on:
                try:
                    self.after_step(trainer, batch, loss)
                except Exception as error:
                    self.stop()
                    self.session.failed("toytrain", error)
            return loss

        toytrain.Trainer.step = step

    def after_step(self, trainer, batch, loss):
        """Writes the row of an update."""
        recorder = self.recorder
        recorder.add_loss(loss, struct.pack("<d", loss), "float64")
        if recorder.flags & CORE:
            recorder.add_generators("before forward", [])
            self._add("batch", {"batch": repr(batch)})
            self._add("parameters", {"slope": repr(trainer.slope), "offset": repr(trainer.offset)})
        recorder.end_step()
        self.session.fire("toytrain.step")

    def _add(self, part, values):
        hasher = self.recorder.hash
        columns = tuple(Column(name, name, "text") for name in values)
        digests = b"".join(hasher.digest(hasher.prepare(b"text|"), text.encode()) for text in values.values())
        self.recorder.add(self.recorder.block(part, columns), digests, part)

    def forked(self):
        """A forked child has a trace of its own."""
        self.recorder.forked()

    def begin(self):
        """Another run begins in this process."""
        self.recorder.forked()
        self.on = True

    def stop(self):
        """Observes no more."""
        self.on = False

    def close(self):
        """At exit."""
        self.recorder.close()


def arm(module, session):
    """Observes toytrain in this process."""
    return Observer(module, session)


def read_back(module):
    """Every switch as it is now."""
    return {"toytrain.strict": module.strict}


def apply(module, switches):
    """Sets switches; returns why the others could not be set."""
    refused = {}
    for name, value in switches.items():
        if name == "toytrain.strict":
            module.strict = bool(value)
        else:
            refused[name] = "toytrain has no such switch"
    return refused


def seed(module, seed):
    """toytrain has no generator of its own."""


def read_weights(source, options):
    """Name -> number; comments are no content."""
    with source.stream() as stream:
        lines = stream.read().decode().splitlines()
    pairs = [line.partition("=") for line in lines if not line.startswith("#")]
    return {name: Scalar("float", value) for name, _, value in pairs}


WEIGHTS = Comparator("toytrain weights", (".toy",), read_weights)


def render(verdict):
    """A verdict in one line."""
    return f"toy says {verdict.tier.value}\n"
