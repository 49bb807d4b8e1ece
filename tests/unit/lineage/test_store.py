"""The store: migrations, writers beside each other, locks, kills, newer versions; in SQLite and in PostgreSQL."""

import contextlib
import os
import pwd
import random
import socket
import sqlite3
import string
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from reprokit.errors import UnverifiedError, UsageError
from reprokit.lineage.merging import merge, normal
from reprokit.schema.lineage import Artifact, Association, Context, Event, Execution, Lineage

sa = pytest.importorskip("sqlalchemy", reason="needs the extra `lineage`")
from reprokit.lineage import migrating  # noqa: E402
from reprokit.lineage.store import Store  # noqa: E402
from reprokit.lineage.tables import METADATA, ONCE  # noqa: E402


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def place(request, tmp_path):
    """An empty store's place."""
    if request.param == "sqlite":
        return str(tmp_path / "graph.sqlite")
    url = request.getfixturevalue("postgresql")
    name = f"db{time.monotonic_ns()}"
    engine = sa.create_engine(url + "postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url + name


def line(count, name="n"):
    """A chain of runs, each of which used what the one before made."""
    runs = [Execution(id=f"{name}-run{i}", type="Run", properties={"exit_status": 0}) for i in range(count)]
    files = [Artifact(id=f"{name}-a{i}", type="File", name=f"{i}") for i in range(count + 1)]
    events = [Event(artifact=f"{name}-a{i}", execution=f"{name}-run{i}", type="INPUT") for i in range(count)]
    events += [Event(artifact=f"{name}-a{i + 1}", execution=f"{name}-run{i}", type="OUTPUT") for i in range(count)]
    context = Context(id="Project:p", type="Project")
    links = [Association(context="Project:p", execution=run.id) for run in runs]
    return Lineage(artifacts=files, executions=runs, events=events, contexts=[context], associations=links)


def test_a_graph_comes_back_and_walks_both_ways(place):
    graph = line(20)
    with Store(place) as store:
        store.add(graph)
        assert normal(store.everything()) == normal(graph)
        up = store.walk(["n-a10"], "up")
        assert {node.id for node in up.artifacts} == {f"n-a{i}" for i in range(11)}
        assert {node.id for node in up.executions} == {f"n-run{i}" for i in range(10)}
        assert [node.id for node in up.contexts] == ["Project:p"]
        assert {node.id for node in store.walk(["n-run19"], "down").artifacts} == {"n-a20"}
    with Store(place) as store:  # it was kept
        store.add(graph)
        assert store.counts()["event"] == 40
        assert store.types() == {"File": 21, "Run": 20}
        assert [node.id for node in store.find("n-a10")] == ["n-a10"]
        assert {node.id for node in store.around("n-a10").executions} == {"n-run9", "n-run10"}


def test_nodes_are_found_by_the_beginning_of_an_identifier(place):
    """In PostgreSQL under a language whose order of letters is not that of code points."""
    nodes = [Artifact(id=f"sha256:{text}", type="File") for text in ("abcdef0123", "abcdef0199", "abcdef02", "f" * 9)]
    run = Execution(id="urn:uuid:abcdef01-77", type="Run")
    with Store(place) as store:
        store.add(Lineage(artifacts=nodes, executions=[run]))
        assert store.find("abcdef01") == [nodes[0], nodes[1], run]
        assert store.find("sha256:abcdef01") == nodes[:2]
        assert store.find("urn:uuid:abcdef01") == [run]
        for text in ("ABCDEF01", "sha256:ABCDEF01", "abcdef0", "sha256:abcdef0", "bcdef012"):
            assert store.find(text) == []


def test_hostile_text_comes_back_as_it_was(place):
    texts = ["'; DROP TABLE lineage_event; --", "\x1b[2J", "日本語", "\u202e", "%s %(x)s :id", 'a"b\\c', "x" * 10_000]
    nodes = [Artifact(id=f"id {text}", type="File", name=text, uri=text, properties={text: text}) for text in texts]
    nul = Artifact(id="a\0b", type="File", name="\0")
    with Store(place) as store:
        store.add(Lineage(artifacts=[*nodes, nul]))
        assert normal(store.everything()) == normal(Lineage(artifacts=[*nodes, nul]))
        for node in nodes:
            assert store.find(node.name) == [node]


def test_migrations_lead_to_the_tables_that_the_code_uses(place):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    Store(place).close()
    engine = sa.create_engine(place if "://" in place else f"sqlite:///{place}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={
            "version_table": migrating.VERSION_TABLE,
            "include_object": lambda _object, name, _kind, _reflected, _other: name != ONCE,
        })  # fmt: skip
        assert compare_metadata(context, METADATA) == []
        connection.execute(sa.text("DROP INDEX lineage_artifact_name"))
        planted = compare_metadata(context, METADATA)
        assert [change[0] for change in planted] == ["add_index"]
        connection.rollback()
        assert connection.execute(sa.text(
            "SELECT count(*) FROM pg_indexes WHERE indexname = 'lineage_event_once' AND indexdef LIKE '%UNIQUE%'"
            if "://" in place else
            "SELECT count(*) FROM sqlite_master WHERE name = 'lineage_event_once' AND sql LIKE '%UNIQUE%'"
        )).scalar() == 1  # fmt: skip
    engine.dispose()


def test_head_is_the_newest_migration():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "reprokit.lineage:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == migrating.HEAD


@pytest.mark.parametrize("version", ["99", "0", "-1", "", "\u0661", "of another program"])
def test_a_newer_store_is_refused_and_left_alone(place, version):
    """So is one of a version that there never was."""
    Store(place).close()
    engine = sa.create_engine(place if "://" in place else f"sqlite:///{place}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE lineage_version SET version_num = :to"), {"to": version})
    with pytest.raises(UsageError) as caught:
        Store(place)
    assert caught.value.code == "RPK142"
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM lineage_version")).scalar() == version
    engine.dispose()


def test_other_programs_tables_stay_theirs(place):
    """Alembic's own version table, and MLMD's tables, whose names differ from ours in nothing but the prefix."""
    engine = sa.create_engine(place if "://" in place else f"sqlite:///{place}")
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('somebody-elses')"))
        connection.execute(sa.text("CREATE TABLE artifact (id INTEGER)"))
        connection.execute(sa.text("CREATE TABLE event (id INTEGER)"))
    with Store(place) as store:
        store.add(line(2))
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "somebody-elses"
    engine.dispose()


WRITER = textwrap.dedent(
    """
    import sys
    from reprokit.lineage.store import Store
    from reprokit.schema.lineage import Artifact, Event, Execution, Lineage
    place, name = sys.argv[1:]
    with Store(place, wait=60) as store:
        for i in range(15):
            run = f"run-{name}-{i}"
            both = [Artifact(id=f"shared{j}", type="File", properties={name: i}) for j in range(10)]
            if name == "b":
                both.reverse()
            store.add(Lineage(artifacts=both, executions=[Execution(id=run, type="Run")],
                              events=[Event(artifact=a.id, execution=run, type="INPUT") for a in both]))
    """
)


def _run_at_once(code, place, names):
    with contextlib.ExitStack() as all_ended:
        for writer in [
            all_ended.enter_context(subprocess.Popen([sys.executable, "-c", code, place, name], stderr=subprocess.PIPE))
            for name in names
        ]:
            told = writer.communicate(timeout=300)[1]
            assert writer.returncode == 0, told.decode()


def test_two_processes_write_at_once_into_a_store_that_neither_finds(place):
    _run_at_once(WRITER, place, "ab")
    with Store(place) as store:
        held = store.everything()
    assert len(held.executions) == 30
    assert len(held.events) == 300
    assert [node.properties for node in held.artifacts] == [{"a": 14, "b": 14}] * 10


def test_a_new_file_that_another_process_is_at_is_waited_for(tmp_path):
    """SQLite itself does not wait where a file is turned to its write-ahead log: one opener of two was refused."""
    place = tmp_path / "graph.sqlite"
    other = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE of_the_other (key INTEGER)")
    with pytest.raises(UnverifiedError, match="is locked"):
        Store(place, wait=0.3)
    leaving = threading.Timer(0.3, other.execute, ["COMMIT"])
    leaving.start()
    with Store(place) as store:
        assert store.counts()["event"] == 0
    leaving.join()
    other.close()


def test_a_locked_store_is_waited_for_and_then_named(tmp_path):
    place = tmp_path / "graph.sqlite"
    Store(place).close()
    blocker = sqlite3.connect(place, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with Store(place, wait=0.3) as store:
        assert store.counts()["event"] == 0  # who reads does not wait
        begun = time.monotonic()
        with pytest.raises(UnverifiedError) as caught:
            store.add(line(1))
        assert 0.2 < time.monotonic() - begun < 9  # without `wait` it is ten
        assert caught.value.code == "RPK141"
        assert str(place) in caught.value.message
        blocker.execute("COMMIT")
        store.add(line(1))
        assert store.counts()["event"] == 2
    blocker.close()


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from reprokit.lineage import writing
    from reprokit.lineage.store import Store
    from reprokit.schema.lineage import Artifact, Event, Execution, Lineage
    insert = writing._insert
    def dying(connection, table, rows):
        insert(connection, table, rows)
        if table.name == "lineage_event":
            os.kill(os.getpid(), signal.SIGKILL)
    writing._insert = dying
    with Store(sys.argv[1]) as store:
        store.add(Lineage(artifacts=[Artifact(id="half", type="File")], executions=[Execution(id="r", type="Run")],
                          events=[Event(artifact="half", execution="r", type="INPUT")]))
    """
)


def test_a_writer_that_is_killed_in_the_middle_leaves_nothing(place):
    with Store(place) as store:
        store.add(line(1))
    assert subprocess.run([sys.executable, "-c", KILLED, place], check=False, timeout=120).returncode == -9
    with Store(place) as store:
        assert normal(store.everything()) == normal(line(1))
        store.add(line(2))
        assert normal(store.everything()) == merge([line(1), line(2)])


@pytest.mark.slow
def test_a_server_that_goes_away_is_named_and_nothing_is_half_written(postgresql):
    url = postgresql + "postgres"
    with Store(url) as store:
        store.add(line(1, "before"))
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:  # what a restart does to a client in the middle of its work
            connection.execute(sa.text(
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND datname = 'postgres'"
            ))  # fmt: skip
        engine.dispose()
        with pytest.raises(UnverifiedError) as caught:
            store.add(line(1, "after"))
        assert caught.value.code == "RPK141"
        store.add(line(1, "after"))
        assert {node.id for node in store.everything().executions} == {"before-run0", "after-run0"}


@pytest.mark.parametrize(
    ("make", "code"),
    [(lambda path: path.write_bytes(b"this is no database" * 100), "RPK141"), (lambda path: path.mkdir(), "RPK141")],
)  # fmt: skip
def test_what_is_no_database_is_named(tmp_path, make, code):
    place = tmp_path / "graph.sqlite"
    make(place)
    with pytest.raises(UnverifiedError) as caught:
        Store(place)
    assert caught.value.code == code


def test_a_truncated_database_is_named(tmp_path):
    place = tmp_path / "graph.sqlite"
    with Store(place) as store:
        store.add(line(300))
    sqlite3.connect(place).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    place.write_bytes(place.read_bytes()[: place.stat().st_size // 2])
    for rest in tmp_path.glob("graph.sqlite-*"):
        rest.unlink()
    with pytest.raises(UnverifiedError) as caught, Store(place) as store:
        store.everything()
    assert caught.value.code == "RPK141"


def test_texts_of_any_length_are_kept_and_found(place):
    """An ordered index of PostgreSQL takes 2,704 bytes, after it has compressed what can be."""
    text = "".join(random.Random(0).choices(string.ascii_letters, k=9000))
    node = Artifact(id=f"id{text}", type=text, name=text, uri=f"file:///{text}", properties={text: text})
    run = Execution(id=f"run{text}", type="Run", name=text)
    other = Artifact(id=f"id{text}!", type="File")
    events = [Event(artifact=one.id, execution=run.id, type="INPUT", path=(text,)) for one in (node, other)]
    graph = Lineage(artifacts=[node, other], executions=[run], events=events)
    assert node.id != other.id
    with Store(place) as store:
        store.add(graph)
        store.add(graph)
        assert normal(store.everything()) == normal(graph)
        assert store.find(text) == [node, run]
        assert store.find(f"file:///{text}") == [node]
        assert store.known([node.id]) == [node]
    assert Event(artifact=f"id{text}", execution="r", type="INPUT").artifact == node.id
    assert Lineage.parse(graph.canonical(), "the graph") == graph


def test_only_what_has_exactly_an_identifier_is_known_by_it(place):
    """A stranger's node may be called like a digest, or begin with one."""
    digest = "sha256:" + "a" * 64
    nodes = [Artifact(id=f"{digest}0", type="Model"), Artifact(id="x", type="Model", name=digest, uri=digest)]
    with Store(place) as store:
        store.add(Lineage(artifacts=nodes))
        assert store.known([digest]) == []
        assert store.known(["x"]) == [nodes[1]]
        assert store.find("") == []


@pytest.mark.parametrize("name", ["a b?c#d%41.sqlite", "line\nbreak.sqlite", "日本.sqlite", "-dash", "'quote\".sqlite"])
def test_a_path_may_have_any_name(tmp_path, name):
    with Store(tmp_path / name) as store:
        store.add(line(1))
    assert name in os.listdir(tmp_path)
    with Store(tmp_path / name) as store:
        assert store.counts()["event"] == 2


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///x?mode=memory&uri=true"])
def test_a_store_that_keeps_nothing_is_refused(url):
    """What waits is taken away when the store has it."""
    with pytest.raises(UsageError) as caught:
        Store(url)
    assert caught.value.code == "RPK143"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:hunter2@db/x",
        "nonsense://me:hunter2@db/x",
        "postgresql+nodriver://me:hunter2@127.0.0.1:9/x",
        "postgresql://me:hunter2@127.0.0.1:port/x",
        "postgresql://me:hunter2@127.0.0.1:9/x",
        "postgres://me@127.0.0.1:9/x?password=hunter2",
        "sqlite://me:hunter2@db/x",
    ],
)
def test_no_message_shows_a_password(url):
    with pytest.raises((UsageError, UnverifiedError)) as caught:
        Store(url, wait=1)
    assert caught.value.code in ("RPK141", "RPK143")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rows_that_somebody_else_wrote_are_named(tmp_path):
    place = tmp_path / "graph.sqlite"
    with Store(place) as store:
        store.add(line(2))
    for column, value in (("properties", "{"), ("state", "GONE"), ("properties", "[1]")):
        with sqlite3.connect(place) as connection:
            connection.execute(f"UPDATE lineage_artifact SET {column} = ?", (value,))
        connection.close()
        with pytest.raises(UnverifiedError) as caught, Store(place) as store:
            store.everything()
        assert caught.value.code == "RPK141"


@pytest.mark.parametrize("url", ["nonsense://x/y", "postgresql+nodriver://x", "://"])
def test_a_url_that_is_none_is_usage(url):
    with pytest.raises(UsageError) as caught:
        Store(url)
    assert caught.value.code == "RPK143"


def test_a_server_that_is_not_there_is_named_without_the_password():
    pytest.importorskip("psycopg", reason="needs the extra `postgresql`")
    with pytest.raises(UnverifiedError) as caught:
        Store("postgresql+psycopg://me:hunter2@127.0.0.1:9/none", wait=1)
    assert caught.value.code == "RPK141"
    assert "hunter2" not in str(caught.value)


@pytest.fixture
def unwritable(tmp_path):
    """A directory, and how to take the right to write away from it, root's too."""
    room = tmp_path / "room"
    room.mkdir()
    if os.geteuid():
        yield room, lambda: room.chmod(0o500)
        room.chmod(0o700)
        return
    mounted = subprocess.run(["mount", "-t", "tmpfs", "none", room], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("root may write everywhere, and may not mount here")
    yield room, lambda: subprocess.run(["mount", "-o", "remount,ro", room], check=True)
    subprocess.run(["umount", room], check=True)


def test_a_store_is_read_where_nothing_can_be_written(unwritable):
    room, protect = unwritable
    with Store(room / "graph.sqlite") as store:
        store.add(line(2))
    protect()
    with Store(room / "graph.sqlite") as store:
        assert normal(store.everything()) == normal(line(2))
        with pytest.raises(UnverifiedError) as caught:
            store.add(line(3))
        assert caught.value.code == "RPK141"


def test_eight_processes_write_the_same_parts_in_other_orders(place):
    """What comes of it is what merging says, and nothing stands twice."""
    code = WRITER.partition("with Store")[0] + textwrap.dedent(
        """
        import random
        with Store(place, wait=60) as store:
            order = list(range(12))
            random.Random(name).shuffle(order)
            for i in order:
                files = [Artifact(id=f"a{j}", type="File", properties={"p": j}) for j in range(i, i + 4)]
                run = f"run{i}"
                store.add(Lineage(artifacts=files, executions=[Execution(id=run, type="Run", started=i + 1)],
                                  events=[Event(artifact=a.id, execution=run, type="INPUT") for a in files]))
        """
    )
    _run_at_once(code, place, "01234567")
    with Store(place) as store:
        held = normal(store.everything())
    assert len(held.events) == 48
    assert [node.id for node in held.artifacts] == sorted(f"a{j}" for j in range(15))
    assert [node.properties for node in held.artifacts] == [{"p": int(node.id[1:])} for node in held.artifacts]
    assert {node.id: node.started for node in held.executions} == {f"run{i}": i + 1 for i in range(12)}


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch, tmp_path):
    """As in a container that runs under a number that no file of users knows."""
    from reprokit.launch.lineage_opening import opened_graph

    for name in ("HOME", "REPROKIT_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for store in ("", str(tmp_path / "graph.sqlite")):
        monkeypatch.setenv("REPROKIT_LINEAGE", store)
        with pytest.raises(UsageError) as caught, opened_graph(tmp_path):
            pass
        assert caught.value.code == "RPK143"
        assert "REPROKIT_HOME" in caught.value.message


def test_a_recording_asks_the_store_which_files_a_run_made(place, tmp_path, monkeypatch):
    """So that a file of a known origin, which is in no manifest, is not warned of (RPK190)."""
    from reprokit.launch import lineage_made
    from reprokit.schema.config import Config

    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REPROKIT_LINEAGE", place)
    monkeypatch.setattr(lineage_made, "_WAIT_SECONDS", 60.0)
    asked = ["n-a0", "n-a1", "n-a3", "elsewhere", "'; DROP TABLE lineage_event; --"]
    assert lineage_made.made_earlier(asked, Config(), tmp_path) == set()  # there are no tables yet
    with Store(place) as store:
        store.add(line(3))
    assert lineage_made.made_earlier(asked, Config(), tmp_path) == {"n-a1", "n-a3"}


@pytest.mark.parametrize("answers", [True, False])
def test_a_recording_waits_for_no_database(answers, tmp_path, monkeypatch):
    """One that takes a connection and says nothing, and one whose port is closed."""
    pytest.importorskip("psycopg", reason="needs the extra `postgresql`")
    from reprokit.launch import lineage_made
    from reprokit.schema.config import Config

    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if answers:
            silent.listen()
        monkeypatch.setenv("REPROKIT_LINEAGE", f"postgresql://me:secret@127.0.0.1:{silent.getsockname()[1]}/x")
        assert lineage_made.made_earlier(["a"], Config(), tmp_path) == set()
