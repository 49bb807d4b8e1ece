"""A second stream of a process, for steps that are counted in another way than the updates of its main stream.

Fits of estimators, rounds of boosting and marked steps each have their own: a scaler that is fitted before a network is
trained must not make the network's first update the second step.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reprokit.observe.process import Process
from reprokit.observe.recorder import Recorder
from reprokit.observe.sink import Sink
from reprokit.observe.switches import note_switches
from reprokit.trace.records import encode_record

if TYPE_CHECKING:
    from reprokit.observe.start import Session


_NOTED: set[str] = set()  # processes whose switches were noted at a step of a second stream


class BesideStream:
    """One more stream of the process that a session observes: its key is the process's, ``/`` and the branch.

    Switches hold for the process, so what they are is noted there.

    Attributes:
        whole: the observers of the process.
        recorder: writes the stream's rows.

    Args:
        session: the observers of the process.
        branch: what the steps are: ``steps``, ``fits``, ``xgboost``.
    """

    def __init__(self, session: Session, branch: str) -> None:
        self.config, self.whole = session.config, session
        self.process = Process(session.run, parent=session.process, branch=branch)
        self.process.hello(forked=False, role=branch)
        self._notes = Sink(os.path.join(self.process.directory, "notes"))
        self._fired: set[str] = set()
        self.recorder = Recorder(self)  # type: ignore[arg-type]  # it needs config, process, whole and fire only

    def fire(self, observer: str) -> None:
        """Says, once, that an observer saw something."""
        if observer not in self._fired:
            self._fired.add(observer)
            self._notes.write(encode_record("fired", observer))
            if observer == "steps" and self.whole.process.key not in _NOTED:
                _NOTED.add(self.whole.process.key)
                if "steps" not in self.whole.fired:
                    note_switches(self.whole, "first step")

    def note(self, *fields: str) -> None:
        """Appends one record to the stream's notes."""
        self._notes.write(encode_record(*fields))

    def close(self) -> None:
        """Closes the trace and says goodbye."""
        self.recorder.close()
        self._notes.write(encode_record("bye", str(self.process.pid)))
        self._notes.close()
