"""Every kind of data, written by the library that users write it with."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sqlite3
import subprocess
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zstandard

from reprokit.datasets.pointers import dvc_md5
from reprokit.datasets.sources.archives import Limits, content_of
from reprokit.errors import UnverifiedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Place

    from reprokit.schema.dataset import DatasetManifest

DATASETS = "needs the extra `datasets`"


def columns(manifest: DatasetManifest, number: int = 0) -> list[tuple[str, str, bool]]:
    assert manifest.schema_fingerprint is not None
    return [(one.name, one.type, one.nullable) for one in manifest.schema_fingerprint.tables[number].columns]


def fingerprint(manifest: DatasetManifest) -> str:
    assert manifest.schema_fingerprint is not None
    return manifest.schema_fingerprint.digest


def compressed(name: str, data: bytes) -> bytes:
    import bz2
    import lzma

    packers = {
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "zst": zstandard.ZstdCompressor().compress,
    }
    return packers[name.rpartition(".")[2]](data)


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_csv_and_json_lines_with_any_compression(place: Place, suffix: str) -> None:
    rows = b'id,text,score\n1,\xc3\xa9,0.5\n2,"a\nb",\n'
    lines = b'{"id": 1, "tags": ["x"]}\n\n{"id": 2.5}\n'
    for name, data in (("a.csv", rows), ("b.jsonl", lines)):
        place.write(name + suffix, compressed(suffix, data) if suffix else data)
    found = place.create().manifest
    assert columns(found, 0) == [("id", "int64", False), ("text", "string", False), ("score", "double", True)]
    assert columns(found, 1) == [("id", "double", False), ("tags", "list<item: string not null>", True)]
    assert found.statistics.rows == 4


DAMAGED = [
    ("a.csv", b"id,text\n1\n"),
    ("a.csv", b"id,id\n1,2\n"),
    ("a.csv", b"id\n\xff\xfe\n"),
    ("a.csv", b'id\n"open\n'),
    ("a.csv.gz", gzip.compress(b"id\n" + b"1\n" * 9999)[:-12]),
    ("a.jsonl", b'{"id": 1}\n[1]\n'),
    ("a.jsonl", b'{"id": \n'),
    ("a.jsonl.zst", b"no zstd"),
    ("a.npy", b"\x93NUMPY\x01\x00junk"),
    ("a.zip", b"PK\x03\x04junk"),
    ("a.tar", b"x" * 512),
    ("a.tar.gz", gzip.compress(b"x" * 2048)),
    ("a.parquet", b"PAR1junkPAR1"),
    ("a.arrow", b"ARROW1\0\0junk"),
    ("a.jsonl", b"[" * 100_000 + b"\n"),
]


@pytest.mark.parametrize(("name", "content"), DAMAGED, ids=[f"{n}-{i}" for i, (n, _) in enumerate(DAMAGED)])
def test_a_damaged_file_is_named(place: Place, name: str, content: bytes) -> None:
    if name.endswith(("parquet", "arrow")):
        pytest.importorskip("pyarrow", reason=DATASETS)
    place.write(name, content)
    with pytest.raises(UnverifiedError, match=f"RPK156: {name}") as error:
        place.create()
    assert error.value.code == "RPK156"
    assert not place.manifest.exists()
    assert place.create(format="bytes").manifest.snapshot.file_count == 1


def test_an_array_of_objects_is_not_unpickled(place: Place) -> None:
    np.save(place.data / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UnverifiedError, match="RPK156"):
        place.create()


class TestArrow:
    """Parquet and Arrow."""

    @pytest.fixture
    def arrow(self) -> Any:
        return pytest.importorskip("pyarrow", reason=DATASETS)

    def table(self, pa: Any, **changes: Any) -> Any:
        fields = {
            "id": (pa.int32(), False),
            "text": (pa.string(), True),
            "tags": (pa.list_(pa.float32()), True),
        } | changes
        data = {"id": [1, 2, 3, 4], "text": ["a", None, "ccc", "a"], "tags": [[1.0], None, [], [2.0]]}
        schema = pa.schema([pa.field(name, kind, nullable) for name, (kind, nullable) in fields.items()])
        return pa.table({name: data[name] for name in fields}, schema)

    def describe(self, place: Place, table: Any, parts: int = 1, **options: Any) -> DatasetManifest:
        from pyarrow import parquet

        for old in place.data.iterdir():
            old.unlink()
        size = -(-table.num_rows // parts)
        for number in range(parts):
            parquet.write_table(table.slice(number * size, size), place.data / f"part-{number}.parquet", **options)
        return place.create().manifest

    def test_layout_does_not_matter(self, place: Place, arrow: Any) -> None:
        table = self.table(arrow)
        plain = self.describe(place, table)
        assert columns(plain) == [("id", "int32", False), ("text", "string", True), ("tags", "list<item: float>", True)]
        for options in ({"row_group_size": 1}, {"compression": "gzip"}, {"parts": 4}, {"use_dictionary": False}):
            other = self.describe(place, table, **options)
            assert fingerprint(other) == fingerprint(plain), options
            assert other.statistics == plain.statistics
        large = table.set_column(1, arrow.field("text", arrow.large_string()), table["text"].cast(arrow.large_string()))
        packed = table.set_column(1, "text", table["text"].dictionary_encode())
        assert {fingerprint(self.describe(place, other)) for other in (large, packed)} == {fingerprint(plain)}

    def test_names_types_order_and_nulls_matter(self, place: Place, arrow: Any) -> None:
        pa = arrow
        tables = [self.table(pa), self.table(pa, id=(pa.int64(), False)), self.table(pa, id=(pa.int32(), True)),
                  self.table(pa).select(["text", "id", "tags"]), self.table(pa).rename_columns(["id", "texts", "tags"]),
                  self.table(pa, tags=(pa.list_(pa.field("item", pa.float32(), nullable=False)), True)),
                  self.table(pa).drop_columns(["tags"])]  # fmt: skip
        assert len({fingerprint(self.describe(place, table)) for table in tables}) == len(tables)

    def test_ipc_files_and_streams(self, place: Place, arrow: Any) -> None:
        from pyarrow import feather, ipc

        table = self.table(arrow)
        prints = set()
        for name in ("file", "stream", "feather"):
            path = place.data / "t.arrow"
            if name == "feather":
                feather.write_feather(table, str(path), compression="zstd")
            else:
                with (ipc.new_file if name == "file" else ipc.new_stream)(str(path), table.schema) as writer:
                    writer.write_table(table, max_chunksize=2)
            found = place.create().manifest
            assert found.statistics.rows == 4
            prints.add(fingerprint(found))
        assert len(prints) == 1

    def test_statistics(self, place: Place, arrow: Any) -> None:
        found = {one.name: one for one in self.describe(place, self.table(arrow)).statistics.columns}
        assert (found["id"].minimum, found["id"].maximum, found["text"].nulls, found["text"].longest) == (1, 4, 1, 3)
        assert (found["tags"].nulls, found["tags"].shortest, found["tags"].longest) == (1, 0, 1)


class TestHuggingFace:
    """What `datasets` saves."""

    @pytest.fixture
    def library(self) -> Any:
        return pytest.importorskip("datasets", reason=DATASETS)

    def test_a_dictionary_of_splits(self, place: Place, library: Any) -> None:
        features = library.Features({"text": library.Value("string"), "label": library.ClassLabel(names=["no", "yes"])})
        rows = {name: library.Dataset.from_dict({"text": texts, "label": [0] * len(texts)}, features=features)
                for name, texts in (("train", ["a", "b", "c"]), ("test", ["d", "a"]))}  # fmt: skip
        library.DatasetDict(rows).save_to_disk(str(place.data), num_shards={"train": 2, "test": 1})
        loaded = library.load_from_disk(str(place.data))
        made = place.create()
        found = made.manifest
        assert {split.name: split.rows for split in found.sampling.splits} == {k: len(v) for k, v in loaded.items()}
        assert (found.sampling.disjoint, found.sampling.overlaps[0].rows) == (False, 1)
        assert columns(found) == [("text", "string", True), ("label", "int64", True)]
        assert found.schema_fingerprint.tables[0].features["label"]["names"] == ["no", "yes"]
        before = fingerprint(found)
        info = place.data / "train" / "dataset_info.json"
        for path in place.data.glob("*/dataset_info.json"):
            path.write_text(info.read_text().replace('"no"', '"never"'))
        assert fingerprint(place.create().manifest) != before, "names of classes matter"

    def test_an_index_that_leads_outside_is_refused(self, place: Place) -> None:
        place.write("state.json", json.dumps({"_data_files": [{"filename": "../../etc/passwd"}]}))
        place.write("dataset_info.json", "{}")
        with pytest.raises(UnverifiedError, match="RPK156"):
            place.create()


def test_webdataset_shards(place: Place) -> None:
    wds = pytest.importorskip("webdataset", reason=DATASETS)
    with wds.TarWriter(str(place.data / "shard-0.tar")) as writer:
        for number in range(5):
            writer.write({"__key__": f"a/{number:04}", "txt": f"text {number}", "cls": number % 2})
    found = place.create().manifest
    assert found.statistics.rows == 5
    assert columns(found) == [("__key__", "string", False), ("cls", "binary", False), ("txt", "binary", False)]
    assert found.snapshot.archives[0].members == 10


def tar(path: Path, files: dict[str, bytes], mode: str, mtime: int = 0) -> None:
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), mtime
            archive.addfile(member, io.BytesIO(data))


def test_archives_are_what_they_hold(place: Place) -> None:
    files = {"d/a.txt": b"one", "b.txt": b"two" * 1000, "c": b""}
    other = dict(reversed(files.items()))
    tar(place.data / "1.tar", files, "w")
    tar(place.data / "2.tar.gz", other, "w:gz", 99)
    tar(place.data / "3.tar.xz", files, "w:xz")
    (place.data / "4.tar.zst").write_bytes(compressed("x.zst", (place.data / "1.tar").read_bytes()))
    for name, how in (("5.zip", zipfile.ZIP_STORED), ("6.zip", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(place.data / name, "w", how) as archive:
            for member, data in other.items():
                archive.writestr(member, data)
    found = place.create().manifest.snapshot.archives
    assert len(found) == 6
    assert len({(one.digest, one.members, one.bytes) for one in found}) == 1
    subprocess.run(["tar", "xf", "2.tar.gz"], cwd=place.data, check=True)
    tar(place.data / "1.tar", {**files, "c": b"!"}, "w")
    assert place.create().manifest.snapshot.archives[0].digest != found[0].digest


def test_an_archive_that_was_cut_between_two_members(place: Place) -> None:
    tar(place.data / "a.tar", {"one": b"1" * 512, "two": b"2" * 512}, "w")
    whole = (place.data / "a.tar").read_bytes()
    (place.data / "a.tar").write_bytes(whole[:1024])
    with pytest.raises(UnverifiedError, match="cut short"):
        place.create()


def test_an_archive_that_unpacks_to_too_much(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(40 << 20))
    with pytest.raises(UnverifiedError, match="RPK163"):
        content_of(str(tmp_path / "bomb.zip"), "bomb.zip", Limits(ratio=10))
    with pytest.raises(UnverifiedError, match="RPK163"):
        content_of(str(tmp_path / "bomb.zip"), "bomb.zip", Limits(members=0))
    assert content_of(str(tmp_path / "bomb.zip"), "bomb.zip").bytes == 40 << 20


def test_token_files(place: Place) -> None:
    tokens = np.arange(5, 1005, dtype=np.uint16)
    tokens.tofile(place.data / "train.bin")
    np.save(place.data / "val.npy", tokens.reshape(100, 10).astype(np.int32))
    found = place.create(dtype="uint16").manifest
    assert found.statistics.tokens == 2000
    assert [(one.minimum, one.maximum) for one in found.statistics.columns] == [(5, 1004)]
    assert sorted(columns(found, 0) + columns(found, 1)) == [("token", "int32[10]", False), ("token", "uint16", False)]
    place.write("train.bin", b"123")
    with pytest.raises(UnverifiedError, match="no whole number of uint16"):
        place.create(dtype="uint16")
    with pytest.raises(UsageError, match="RPK164"):
        place.create(dtype="words")


def test_tokenizers(place: Place) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason=DATASETS)
    from tokenizers import models, trainers

    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.train_from_iterator(["low lower lowest"] * 9, trainers.BpeTrainer(vocab_size=20, show_progress=False))
    tokenizer.save(str(place.data / "tokenizer.json"))
    tokenizer.model.save(str(place.data))
    first = place.create().manifest
    by_path = {one.path: one for one in first.schema_fingerprint.tokenizers}
    assert by_path["tokenizer.json"].entries == by_path["vocab.json"].entries == tokenizer.get_vocab_size()
    again = json.loads((place.data / "tokenizer.json").read_text())
    place.write("tokenizer.json", json.dumps(again, indent=9, sort_keys=True))
    second = place.create().manifest
    assert fingerprint(second) == fingerprint(first), "the layout does not matter"
    again["model"]["merges"].pop()
    place.write("tokenizer.json", json.dumps(again))
    assert fingerprint(place.create().manifest) != fingerprint(first)


class TestQueries:
    """Answers of a database."""

    @pytest.fixture
    def base(self, place: Place) -> Path:
        pytest.importorskip("sqlalchemy", reason=DATASETS)
        path = place.root / "posts.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE post (id INTEGER, text TEXT, score REAL)")
            connection.executemany("INSERT INTO post VALUES (?, ?, ?)", [(n, f"t{n}", None) for n in range(9000)])
        connection.close()
        return path

    def execute(self, path: Path, statement: str) -> None:
        connection = sqlite3.connect(path)
        with connection:
            connection.execute(statement)
        connection.close()

    def test_order_counts_when_it_is_said_to(self, place: Place, base: Path) -> None:
        def digest(order: str, by: str) -> str:
            query = f"SELECT * FROM post ORDER BY id {by}"
            return place.create(query=query, database=str(base), order=order).manifest.snapshot.digest

        assert digest("any", "ASC") == digest("any", "DESC")
        assert digest("query", "ASC") != digest("query", "DESC")
        assert digest("query", "ASC") == digest("query", "ASC")

    def test_another_answer_is_noticed(self, place: Place, base: Path) -> None:
        made = place.create(query="SELECT * FROM post WHERE id < 100", database=str(base))
        assert (made.manifest.snapshot.query.rows, made.manifest.statistics.rows) == (100, 100)
        assert columns(made.manifest) == [("id", "int64", False), ("text", "string", False), ("score", "null", True)]
        assert place.check().met
        self.execute(base, "UPDATE post SET text = 'other' WHERE id = 500")
        assert place.check().met, "a row that the query does not ask for"
        self.execute(base, "UPDATE post SET text = 'other' WHERE id = 5")
        found = place.check()
        assert (found.met, [one.code for one in found.findings]) == (False, ["RPK154"])

    def test_a_query_is_taken_literally(self, place: Place, base: Path) -> None:
        made = place.create(query="SELECT '12:30 :x ::y' AS t, '50% %s' AS p, '\\' AS b", database=str(base))
        found = made.manifest.statistics.columns
        assert [one.longest for one in found] == [12, 6, 1]

    def test_nothing_is_written(self, place: Place, base: Path) -> None:
        before = base.read_bytes()
        for query in ("DELETE FROM post", "UPDATE post SET id = 1 RETURNING id", "DROP TABLE post"):
            with pytest.raises((UnverifiedError, UsageError), match=r"RPK16[04]"):
                place.create(query=query, database=str(base))
        assert base.read_bytes() == before

    def test_what_cannot_be_asked(self, place: Place, base: Path) -> None:
        with pytest.raises(UnverifiedError, match="RPK160"):
            place.create(query="SELECT nonsense FROM nowhere", database=str(base))
        with pytest.raises(UsageError, match="RPK003"):
            place.create(query="SELECT 1", database=str(place.root / "gone.sqlite"))
        assert not (place.root / "gone.sqlite").exists()
        with pytest.raises(UsageError, match="same name"):
            place.create(query="SELECT id, id FROM post", database=str(base))
        with pytest.raises(UnverifiedError, match="RPK160") as error:
            place.create(query="SELECT 1", database="postgresql+psycopg://me:geheim@127.0.0.1:1/db?password=geheim")
        assert "geheim" not in str(error.value)


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


def test_git_lfs_pointers_stand_for_their_content(place: Place) -> None:
    content = b"the content " * 1000
    place.write("big.bin", content)
    place.write("notes.txt", "plain")
    with_content = place.create().manifest
    place.write("big.bin", LFS.format(hashlib.sha256(content).hexdigest(), len(content)))
    with_pointer = place.create().manifest
    assert with_pointer.snapshot.digest == with_content.snapshot.digest
    assert with_pointer.snapshot.bytes == with_content.snapshot.bytes
    assert (with_pointer.snapshot.files[0].pointer, with_pointer.snapshot.pointers[0].kind) == ("git-lfs", "git-lfs")
    assert place.check().met
    place.write("big.bin", LFS.format("0" * 64, len(content)))
    assert place.check().files.changed_paths == ["big.bin"]
    place.write("big.bin", LFS.format("zz", 1))
    assert place.create().manifest.snapshot.files[0].pointer is None, "no pointer, just a text"


def test_dvc_pointers_are_compared_with_what_lies_beside_them(place: Place) -> None:
    yaml = pytest.importorskip("yaml", reason=DATASETS)
    place.write("raw/a.txt", "a")
    place.write("raw/sub/b.txt", "b")
    place.write("one.txt", "one")

    def point(path: str, md5: str) -> None:
        place.write(f"{path}.dvc", yaml.safe_dump({"outs": [{"md5": md5, "size": 3, "hash": "md5", "path": path}]}))

    point("one.txt", hashlib.md5(b"one").hexdigest())
    point("raw", dvc_md5(str(place.data / "raw")))
    point("gone.txt", "0" * 32)
    made = place.create()
    assert [(one.path, one.present, one.agrees) for one in made.manifest.snapshot.pointers] == [
        ("gone.txt.dvc", False, None), ("one.txt.dvc", True, True), ("raw.dvc", True, True)]  # fmt: skip
    assert made.met
    place.write("raw/sub/b.txt", "B")
    made = place.create()
    assert [(one.code, "raw.dvc" in one.message) for one in made.findings] == [("RPK162", True)]
    for text in ("outs: 7\n", "outs:\n- {md5: x, path: ../../etc/passwd}\n", "a: [", "&a [*a]\n"):
        place.write("one.txt.dvc", text)
        with pytest.raises(UnverifiedError, match="RPK156"):
            place.create()


def test_the_digest_of_a_directory_is_that_of_dvc(place: Place) -> None:
    """As DVC documents it: the md5 of the JSON list."""
    place.write("raw/a.txt", "a")
    place.write("raw/sub/b.txt", "b")
    listed = [{"md5": "0cc175b9c0f1b6a831c399e269772661", "relpath": "a.txt"},
              {"md5": "92eb5ffee6ae2fec3ad71c777531578f", "relpath": "sub/b.txt"}]  # fmt: skip
    assert dvc_md5(str(place.data / "raw")) == hashlib.md5(json.dumps(listed).encode()).hexdigest() + ".dir"


def test_dvc_files_of_other_versions_and_of_imports(place: Place) -> None:
    yaml = pytest.importorskip("yaml", reason=DATASETS)
    text = b"one\r\ntwo\r\n"
    place.write("old.txt", text)
    place.write("in/here.txt", b"x")
    os.mkfifo(place.data / "pipe")

    def point(name: str, out: dict[str, Any], **more: Any) -> None:
        place.write(f"{name}.dvc", yaml.safe_dump({"outs": [out], **more}))

    point("old", {"md5": hashlib.md5(text.replace(b"\r\n", b"\n")).hexdigest(), "path": "old.txt"})
    point("new", {"md5": hashlib.md5(text).hexdigest(), "hash": "md5", "path": "old.txt"})
    point("wrong", {"md5": "0" * 32, "path": "old.txt"})
    point("inside", {"md5": hashlib.md5(b"x").hexdigest(), "hash": "md5", "path": "here.txt"}, wdir="in")
    point("far", {"etag": "abc", "path": "far.bin"})
    point("never", {"hash": "md5", "path": "never.bin"}, deps=[{"path": "https://example.org/a"}])
    point("waits", {"md5": "0" * 32, "hash": "md5", "path": "pipe"})
    made = place.create()
    assert {one.path: (one.digest.partition(":")[0], one.agrees) for one in made.manifest.snapshot.pointers} == {
        "old.dvc": ("dvc-md5-dos2unix", True), "new.dvc": ("dvc-md5", True), "wrong.dvc": ("dvc-md5-dos2unix", False),
        "inside.dvc": ("dvc-md5", True), "far.dvc": ("dvc-etag", None), "never.dvc": ("dvc-none", None),
        "waits.dvc": ("dvc-md5", None),
    }  # fmt: skip
    assert [one.code for one in made.findings] == ["RPK162"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_two(place: Place) -> None:
    found = []
    for contents in (["1", "2"], ["2"], ["2", "1"]):
        with zipfile.ZipFile(place.data / "z.zip", "w") as archive:
            for content in contents:
                archive.writestr("x", content)
        found.append(content_of(str(place.data / "z.zip"), "z.zip"))
    assert len({one.digest for one in found}) == 3
    assert [one.members for one in found] == [2, 1, 2]
