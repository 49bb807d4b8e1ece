"""The ``.wandb`` file of a W&B run: configuration, history, summary and artifacts.

When, where and as which run it was written is no content, nor what W&B measures of the machine and of itself.
Sources: wandb/proto/wandb_internal.proto and wandb/sdk/internal/datastore.py, W&B 0.12 to 0.31;
https://github.com/google/leveldb/blob/main/doc/log_format.md for the frames, whose blocks begin with the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reprokit.compare.files.content import Leaf, Records, Scalar
from reprokit.compare.files.json_file import leaves_of_document, parsed
from reprokit.compare.files.protobuf import grouped
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.unreadable import UnreadableError
from reprokit.digest import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reprokit.compare.files.content import Options
    from reprokit.compare.files.protobuf import Wire
    from reprokit.compare.files.source import Source

_MAGIC = b":W&B\xe1\xbe\x00"  # and the version of the format
_BLOCK, _FRAME = 32768, 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_MOST = 4_000_000
_HISTORY, _SUMMARY, _CONFIG, _ARTIFACT, _RUN, _EXIT, _USED = 2, 3, 5, 8, 17, 18, 25
# A record's own number, what is to be done with it and its name; output of the console, files that are listed,
# statistics, telemetry, definitions of axes, the end, header and footer, a warning to come, the environment, requests.
_NOISE = {1, 16, 19, 4, 13, 27, 6, 7, 11, 12, 20, 21, 22, 23, 26, 100, 200}
_READ = {_HISTORY, _SUMMARY, _CONFIG, _ARTIFACT, _RUN, _EXIT, _USED}
_OWN = {"_runtime", "_timestamp", "_wandb"}


def _messages(source: Source) -> Iterator[bytes]:
    """The records, put together from their frames, whose checksums are not looked at: what is damaged differs."""
    if source.head(len(_MAGIC)) != _MAGIC:
        raise UnreadableError("it does not begin as W&B's files do")
    at, whole, open_, count = len(_MAGIC), bytearray(), False, 0
    while at < source.size:
        if _BLOCK - at % _BLOCK < _FRAME:  # no frame begins so near to the end of a block
            at += _BLOCK - at % _BLOCK
            continue
        head = source.part(at, _FRAME).tobytes()
        size, form = int.from_bytes(head[4:6], "little"), head[6]
        if form not in (_FULL, _FIRST, _MIDDLE, _LAST) or open_ is (form in (_FULL, _FIRST)):
            raise UnreadableError("a frame in it is damaged")
        whole += source.part(at + _FRAME, size).tobytes()
        source.budget.spend(size)
        at, open_, count = at + _FRAME + size, form in (_FIRST, _MIDDLE), count + 1
        if count > _MOST:
            raise UnreadableError(f"it has more than {_MOST} records")
        if not open_:
            yield bytes(whole)
            whole.clear()
    if open_:
        raise UnreadableError("its last record is cut off")


def _text(fields: Wire, number: int) -> str:
    form, value = fields.get(number, [(2, b"")])[-1]
    if form != 2:
        raise UnreadableError("a text in it is a number")
    return bytes(value).decode("utf-8", "surrogateescape")


def _inner(fields: Wire, number: int) -> Iterator[Wire]:
    for form, value in fields.get(number, []):
        if form != 2:
            raise UnreadableError("a record in it is a number")
        yield grouped(value)


def _items(record: Wire, number: int = 1) -> Iterator[tuple[str, Any]]:
    """The keys and values of a record of changes; a key of several parts is joined by dots."""
    for item in _inner(record, number):
        name = ".".join(_texts(item, 2)) or _text(item, 1)
        if name.partition(".")[0] in _OWN:
            continue
        if 16 in item:
            yield name, parsed(_text(item, 16))
        else:  # a value of a type of its own: none, a truth value, a number, a text
            typed = {key: values[-1][1] for key, values in item.items() if key not in (1, 2)}
            yield (
                name,
                {str(key): value if isinstance(value, int) else bytes(value).hex() for key, value in typed.items()},
            )


def _texts(fields: Wire, number: int) -> list[str]:
    return [bytes(value).decode("utf-8", "surrogateescape") for form, value in fields.get(number, []) if form == 2]


@dataclass
class _Run:
    own: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    artifacts: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def add(self, record: Wire) -> None:
        """Adds one record."""
        self.history += [dict(_items(changed)) for changed in _inner(record, _HISTORY)]
        for number, known in ((_CONFIG, self.config), (_SUMMARY, self.summary)):
            for changed in _inner(record, number):
                known.update(_items(changed))
                for name, _value in _items(changed, 2):
                    known.pop(name, None)
        for run in _inner(record, _RUN):
            self._begin(run)
        for ended in _inner(record, _EXIT):
            self.facts["exit"] = int(ended.get(1, [(0, 0)])[-1][1])
        for one in _inner(record, _ARTIFACT):
            said = " ".join(
                _text(one, number) for number in (4, 5, 6, 7, 8)
            )  # type, name, digest, description, metadata
            self.artifacts.append(f"made {said}")
        self.artifacts += [f"used {_text(one, 2)} {_text(one, 3)}" for one in _inner(record, _USED)]
        for number in sorted(record.keys() - _NOISE - _READ):
            self.others += [f"{number}: {sha256_bytes(bytes(value))}" for form, value in record[number] if form == 2]

    def _begin(self, run: Wire) -> None:
        self.own = _text(run, 1) or self.own
        for number, known in ((4, self.config), (5, self.summary)):
            for changed in _inner(run, number):
                known.update(_items(changed))
        self.facts |= {"notes": _text(run, 9), "group": _text(run, 6), "type": _text(run, 7), "tags": _texts(run, 10)}

    def _rows(self) -> Iterator[Mapping[str, Scalar]]:
        for row in self.history:
            leaves = leaves_of_document(row)
            yield {path: leaf if isinstance(leaf, Scalar) else Scalar("", str(leaf)) for path, leaf in leaves.items()}

    def leaves(self) -> dict[str, Leaf]:
        """What the run logged."""
        own = self.own or "\0"
        document = {
            "config": self.config,
            "summary": self.summary,
            "run": self.facts,
            "artifacts": sorted(one.replace(own, "RUN") for one in self.artifacts),
            "others": self.others,
        }
        return {**leaves_of_document(document), "history": Records("column", self._rows)}


def read_run(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads a run: ``config/lr``, ``summary/loss``, and its history row by row.

    Raises:
        UnreadableError: it is damaged, or was not closed.
    """
    del options
    run = _Run()
    for message in _messages(source):
        run.add(grouped(memoryview(message)))
    return run.leaves()


RUN = Comparator("W&B run", (".wandb",), read_run, lambda source: source.head(7) == _MAGIC)
