"""Parts of the graph that wait: whole or not there, added once, never lost, and no hostage to a bad one."""

import os
import subprocess
import sys
import textwrap

import pytest

from reprokit.errors import UnverifiedError
from reprokit.lineage.merging import merge, normal
from reprokit.lineage.spool import drain, leave, waiting
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage


def part(number):
    run = f"urn:uuid:{number}"
    return Lineage(
        artifacts=[Artifact(id=f"a{number}", type="File"), Artifact(id="shared", type="DatasetManifest")],
        executions=[Execution(id=run, type="Run")],
        events=[Event(artifact="shared", execution=run, type="INPUT"),
                Event(artifact=f"a{number}", execution=run, type="OUTPUT")],
    )  # fmt: skip


def test_what_waits_is_added_in_full_and_taken_away(tmp_path):
    parts = [part(number) for number in range(250)]
    for one in parts:
        leave(tmp_path, one)
    assert len(waiting(tmp_path)) == 250
    added = []
    assert drain(tmp_path, added.append).added == 250
    assert merge(added) == merge(parts)
    assert waiting(tmp_path) == []
    assert drain(tmp_path, added.append).added == 0


def test_a_part_that_is_left_twice_waits_once(tmp_path):
    assert leave(tmp_path, part(1)) == leave(tmp_path, part(1))
    assert len(waiting(tmp_path)) == 1


def test_parts_keep_the_order_in_which_they_came(tmp_path):
    """Also where the clock of files ticks every few milliseconds: they were sorted by their names' digests then."""
    left = [leave(tmp_path, part(number), safe=False) for number in range(60)]
    assert waiting(tmp_path) == left


def test_nothing_is_taken_away_when_the_store_refuses(tmp_path):
    for number in range(3):
        leave(tmp_path, part(number))

    def refuse(_lineage):
        raise UnverifiedError("RPK141", "gone")

    with pytest.raises(UnverifiedError):
        drain(tmp_path, refuse)
    assert len(waiting(tmp_path)) == 3


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"schema": "reprokit.verdict/1"}', b"[]", b"[" * 100_000,
                b'{"schema": "reprokit.lineage/1", "events": [{"artifact": "a"}]}'],
)  # fmt: skip
def test_what_is_no_part_of_a_graph_is_put_aside_and_the_rest_is_added(tmp_path, content):
    (tmp_path / "bad.json").write_bytes(content)
    leave(tmp_path, part(1))
    added = []
    done = drain(tmp_path, added.append)
    assert done.added == 1
    assert normal(added[0]) == normal(part(1))
    assert [path for path, _ in done.refused] == [tmp_path / "refused" / "bad.json"]
    assert (tmp_path / "refused" / "bad.json").read_bytes() == content
    assert drain(tmp_path, added.append).refused == []


def test_a_part_from_a_newer_version_waits_for_it(tmp_path):
    newer = tmp_path / "newer.json"
    newer.write_bytes(b'{"schema": "reprokit.lineage/2"}')
    done = drain(tmp_path, lambda _lineage: None)
    assert [path for path, _ in done.refused] == [newer]
    assert newer.exists()


def test_links_and_half_written_files_are_passed_over(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target = leave(tmp_path / "elsewhere", part(1))
    (tmp_path / "link.json").symlink_to(target)
    (tmp_path / ".half.json.tmp").write_bytes(b"{")
    assert waiting(tmp_path) == []
    assert waiting(tmp_path / "missing") == []


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotADirectoryError):
        leave(tmp_path / "file" / "below", part(1))


def test_a_writer_that_is_killed_leaves_a_whole_part_or_none(tmp_path):
    """The writer is killed between its write and its rename, which is the worst moment."""
    script = textwrap.dedent(
        f"""
        import os, pathlib, signal
        from reprokit.lineage.spool import leave
        from reprokit.schema.lineage import Artifact, Lineage
        leave(pathlib.Path({str(tmp_path)!r}), Lineage(artifacts=[Artifact(id="first", type="File")]))
        pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        leave(pathlib.Path({str(tmp_path)!r}), Lineage(artifacts=[Artifact(id="second", type="File")]))
        """
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert done.returncode == -9
    added = []
    assert drain(tmp_path, added.append).refused == []
    assert [node.id for node in merge(added).artifacts] == ["first"]


def test_where_nothing_can_wait_nothing_waits(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / ("x" * 300)):
        assert waiting(place) == []


def test_what_cannot_be_listed_is_not_passed_over(tmp_path, monkeypatch):
    """An answer without it might be wrong."""

    def denied(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(UnverifiedError) as caught:
        waiting(tmp_path)
    assert caught.value.code == "RPK141"
    assert str(tmp_path) in caught.value.message


def test_a_part_that_cannot_be_taken_away_is_added_and_said(tmp_path, monkeypatch):
    path, added = leave(tmp_path, part(1)), []

    def denied(_self, missing_ok=False):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(type(path), "unlink", denied)
    done = drain(tmp_path, added.append)
    assert (done.added, len(added)) == (1, 1)
    assert done.refused == [(path, "it was added, and cannot be taken away: Operation not permitted")]
