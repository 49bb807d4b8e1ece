"""Objects in S3 and Google Cloud Storage: their versions, as the store's own client lists them, and their content.

The client looks for its credentials where it always does. Each object is read by its version, so that what was hashed
is what is named; without reading, the version itself stands for the content.
"""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from reprokit.datasets.entries import Entry
from reprokit.datasets.sources import needed
from reprokit.errors import UnverifiedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCHEMES = ("s3://", "gs://")
_PIECE = 1 << 20
_UNDER_WAY = 16


class Listed(NamedTuple):
    """An object as its store lists it; ``version`` is an S3 VersionId or a GCS generation, "" where there is none."""

    key: str
    size: int
    version: str
    etag: str


def entries(url: str, *, read: bool = True, client: Any = None, threads: int = 8) -> Iterator[Entry]:
    """The objects below a URL, sorted by key.

    Args:
        url: ``s3://BUCKET/PREFIX`` or ``gs://BUCKET/PREFIX``.
        read: digest the content; else the digest is the version's name (``s3-version:…``, ``gcs-generation:…``).
        client: a client of the store's library, where the caller has one.
        threads: how many objects are read at once.

    Raises:
        UnverifiedError: RPK150, its library is missing; RPK161, it does not answer.
        UsageError: RPK164, there are no versions to name, and nothing is to be read.
    """
    bucket, _, prefix = url.partition("://")[2].partition("/")
    scheme = url.partition("://")[0]
    kind: type[_S3 | _Gcs] = _S3 if scheme == "s3" else _Gcs
    if not bucket:
        raise UsageError("RPK164", f"{url} names no bucket")
    try:
        store = kind(bucket, client)
        content = [one for one in store.listed(prefix) if one.size or not one.key.endswith("/")]
        found = sorted(content, key=lambda one: one.key)
        if not read and any(not one.version for one in found):
            raise UsageError("RPK164", f"{url} keeps no versions, so its objects must be read")
        names = [(one, _relative(one.key, prefix)) for one in found]
        if not read:
            for one, name in names:
                yield Entry(name, f"{store.digest_name}:{one.version}", one.size, None, None, one.version, one.etag)
            return
        yield from _read_all(names, store.content, threads)
    except kind.errors() as error:
        raise UnverifiedError("RPK161", f"{url}: {error}") from None


def _relative(key: str, prefix: str) -> str:
    base = prefix if prefix.endswith("/") or not prefix else prefix.rpartition("/")[0] + "/"
    return key.removeprefix(base) if key.startswith(base) else key


def _read_all(names: list[tuple[Listed, str]], content: Callable[[Listed], IO[bytes]], threads: int) -> Iterator[Entry]:
    waiting: deque[tuple[Listed, str, Future[str]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for one, name in names:
            waiting.append((one, name, pool.submit(_sha256, content, one)))
            if len(waiting) >= _UNDER_WAY:
                yield _entry(*waiting.popleft())
        while waiting:
            yield _entry(*waiting.popleft())


def _entry(one: Listed, name: str, digest: Future[str]) -> Entry:
    return Entry(name, digest.result(), one.size, None, None, one.version or None, one.etag or None)


def _sha256(content: Callable[[Listed], IO[bytes]], one: Listed) -> str:
    state, count = hashlib.sha256(), 0
    body = content(one)
    try:
        while piece := body.read(_PIECE):
            state.update(piece)
            count += len(piece)
    finally:
        body.close()
    if count != one.size:
        raise UnverifiedError(
            "RPK153", f"{one.key} had {one.size} bytes when it was listed, and {count} when it was read"
        )
    return "sha256:" + state.hexdigest()


class _S3:
    digest_name = "s3-version"

    def __init__(self, bucket: str, client: Any) -> None:
        self._bucket = bucket
        self._client = client or needed("boto3", "S3").client("s3")

    @staticmethod
    def errors() -> tuple[type[Exception], ...]:
        exceptions = needed("botocore.exceptions", "S3")
        return exceptions.BotoCoreError, exceptions.ClientError

    def listed(self, prefix: str) -> Iterator[Listed]:
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            for one in page.get("Versions", ()):
                if one["IsLatest"]:
                    version = one["VersionId"] if one["VersionId"] != "null" else ""
                    yield Listed(one["Key"], one["Size"], version, one["ETag"].strip('"'))

    def content(self, one: Listed) -> IO[bytes]:
        at = {"VersionId": one.version} if one.version else {"IfMatch": one.etag}
        body: IO[bytes] = self._client.get_object(Bucket=self._bucket, Key=one.key, **at)["Body"]
        return body


class _Gcs:
    digest_name = "gcs-generation"

    def __init__(self, bucket: str, client: Any) -> None:
        self._client = client or needed("google.cloud.storage", "Google Cloud Storage").Client()
        self._bucket = self._client.bucket(bucket)

    @staticmethod
    def errors() -> tuple[type[Exception], ...]:
        what = "Google Cloud Storage"
        credentials, network = needed("google.auth.exceptions", what), needed("requests.exceptions", what)
        found = needed("google.api_core.exceptions", what).GoogleAPIError
        return found, credentials.GoogleAuthError, network.RequestException

    def listed(self, prefix: str) -> Iterator[Listed]:
        for blob in self._client.list_blobs(self._bucket, prefix=prefix):
            yield Listed(blob.name, int(blob.size or 0), str(blob.generation), blob.etag or "")

    def content(self, one: Listed) -> IO[bytes]:
        body: IO[bytes] = self._bucket.blob(one.key, generation=int(one.version)).open("rb")
        return body
