"""S3 through its own client, against a server that the test starts."""

from __future__ import annotations

import hashlib
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.datasets.optout import OptOut
from reprokit.datasets.sources import object_store
from reprokit.errors import UnverifiedError, UsageError
from reprokit.verbs.manifest import ManifestOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Place

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the client and the server


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    boto3 = pytest.importorskip("boto3", reason="needs the extra `s3`")
    server_of = pytest.importorskip("moto.server", reason="needs moto[s3,server], of the extra `test`")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b""):
        pass  # what an earlier test left in this process
    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_DEFAULT_REGION", "us-east-1"),
                        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"), ("AWS_MAX_ATTEMPTS", "1")):  # fmt: skip
        monkeypatch.setenv(name, value)
    made = boto3.client("s3")
    made.create_bucket(Bucket="versions")
    made.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    made.create_bucket(Bucket="plain")
    yield made
    made.close()
    server.stop()


def put(client: Any, bucket: str, **objects: bytes) -> dict[str, str]:
    return {
        key: client.put_object(Bucket=bucket, Key=f"corpus/{key}", Body=body).get("VersionId", "")
        for key, body in objects.items()
    }


@pytest.mark.slow
def test_objects_with_their_versions(place: Place, client: Any) -> None:
    put(client, "versions", a=b"first")
    versions = put(client, "versions", a=b"one", b=b"two" * 99999, gone=b"x")
    client.delete_object(Bucket="versions", Key="corpus/gone")
    client.put_object(Bucket="versions", Key="other/c", Body=b"no part of it")
    made = place.create(path="s3://versions/corpus/").manifest
    assert [(one.path, one.digest, one.version) for one in made.snapshot.files] == [
        (key, "sha256:" + hashlib.sha256(body).hexdigest(), versions[key])
        for key, body in (("a", b"one"), ("b", b"two" * 99999))
    ]
    assert place.check().met
    put(client, "versions", a=b"ONE")
    found = place.check()
    assert (found.met, found.files.changed_paths) == (False, ["a"])


@pytest.mark.slow
def test_another_version_with_the_same_content_is_said(place: Place, client: Any) -> None:
    [first] = put(client, "versions", a=b"one").values()
    place.create(path="s3://versions/corpus/")
    assert place.check().warnings == []
    [second] = put(client, "versions", a=b"one").values()
    found = place.check()
    [warning] = found.warnings
    assert (found.met, warning.code) == (True, "RPK154")
    assert f"a: {second}, and the manifest says {first}" in warning.message
    put(client, "plain", a=b"one")
    assert place.check(root="s3://plain/corpus/").warnings == [], "a copy elsewhere has versions of its own"
    place.manifest.write_text(place.manifest.read_text().replace(first, "forged"))
    assert "says forged" in place.check().warnings[0].message


@pytest.mark.slow
def test_an_etag_that_was_forged_is_found(place: Place, client: Any) -> None:
    put(client, "versions", a=b"one")
    put(client, "plain", a=b"one")
    etag = place.create(path="s3://versions/corpus/").manifest.snapshot.files[0].etag
    assert etag
    place.reseal(lambda plain: plain["snapshot"]["files"][0].update(etag="forged"))
    found = place.check()
    assert (found.met, [one.code for one in found.findings]) == (False, ["RPK154"]), "a version has one for ever"
    assert f"a: etag {etag}, and the manifest says forged" in found.findings[0].message
    assert place.check(root="s3://plain/corpus/").met, "a copy elsewhere has etags of its own"
    place.create(path="s3://plain/corpus/")
    place.reseal(lambda plain: plain["snapshot"]["files"][0].update(etag="forged"))
    found = place.check()
    assert (found.met, len(found.warnings)) == (True, 1), "without versions it may have been uploaded again, in parts"
    assert f"a: etag {etag}, and the manifest says forged" in found.warnings[0].message
    assert not place.check(ManifestOptions(paranoid=True)).met


@pytest.mark.slow
def test_an_opt_out_list_is_not_passed_over_in_silence(place: Place, client: Any) -> None:
    put(client, "versions", a=b"user\nann\n")
    place.create(path="s3://versions/corpus/")
    (place.root / "out.txt").write_text("ann\n")
    with pytest.raises(UsageError, match="RPK164"):
        place.check(opt_out=[OptOut(place.root / "out.txt", "user")])


@pytest.mark.slow
def test_versions_without_reading(place: Place, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = put(client, "versions", a=b"one")
    monkeypatch.setattr(object_store._S3, "content", lambda *_: pytest.fail("an object was read"))
    made = place.create(path="s3://versions/corpus/", read=False).manifest
    assert made.snapshot.files[0].digest == f"s3-version:{versions['a']}"
    assert place.check().met
    put(client, "versions", a=b"one")
    assert not place.check().met, "the same content in another version is another object"
    put(client, "plain", a=b"one")
    with pytest.raises(UsageError, match="keeps no versions"):
        place.create(path="s3://plain/corpus/", read=False)


@pytest.mark.slow
def test_a_bucket_without_versions_is_read(place: Place, client: Any) -> None:
    put(client, "plain", a=b"one")
    made = place.create(path="s3://plain/corpus/").manifest
    assert (made.snapshot.files[0].version, bool(made.snapshot.files[0].etag)) == (None, True)
    assert made.snapshot.files[0].digest == "sha256:" + hashlib.sha256(b"one").hexdigest()


@pytest.mark.slow
def test_what_is_not_there(place: Place, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnverifiedError, match="RPK161"):
        place.create(path="s3://nowhere/x")
    with pytest.raises(UsageError, match="RPK151"):
        place.create(path="s3://plain/corpus/")
    put(client, "plain", a=b"one")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UnverifiedError, match="RPK161"):
        place.create(path="s3://plain/corpus/")


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    storage = pytest.importorskip("google.cloud.storage", reason="needs the extra `gcs`")
    emulator = pytest.importorskip("gcp_storage_emulator.server", reason="needs gcp-storage-emulator")
    server = emulator.create_server("127.0.0.1", 0, in_memory=True)
    server.start()
    port = server._api._httpd.server_port
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "test")
    client = storage.Client()
    yield client.create_bucket("corpus")
    client.close()
    server.stop()


@pytest.mark.slow
def test_generations(place: Place, gcs: Any) -> None:
    for name, body in (("text/a", b"one"), ("text/b", b"two" * 9999), ("other", b"x")):
        gcs.blob(name).upload_from_string(body)
    made = place.create(path="gs://corpus/text/").manifest
    listed = {blob.name: str(blob.generation) for blob in gcs.list_blobs(prefix="text/")}
    assert [(one.path, one.digest, one.version) for one in made.snapshot.files] == [
        (key, "sha256:" + hashlib.sha256(body).hexdigest(), listed[f"text/{key}"])
        for key, body in (("a", b"one"), ("b", b"two" * 9999))
    ]
    assert place.check().met
    gcs.blob("text/a").upload_from_string(b"ONE")
    assert place.check().files.changed_paths == ["a"]
    unread = place.create(path="gs://corpus/text/", read=False).manifest
    assert unread.snapshot.files[1].digest == f"gcs-generation:{listed['text/b']}"
    assert place.check().warnings == []
    place.reseal(lambda plain: plain["snapshot"]["files"][0].update(etag="forged"))
    found = place.check()
    assert (found.met, "etag" in found.warnings[0].message) == (True, True), "its metadata may have been changed"
    with pytest.raises(UnverifiedError, match="RPK161"):
        place.create(path="gs://nowhere/")
