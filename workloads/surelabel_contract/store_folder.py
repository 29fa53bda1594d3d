"""Objects below one URI, by keys relative to it; what every request has in common.

It refuses to delete: output data is never deleted.
"""

from __future__ import annotations

import fcntl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from surelabel_contract.errors import StorageNotAllowedError
from surelabel_contract.model import sha256_hex
from surelabel_contract.stages import ObjectRef
from surelabel_contract.store_errors import (
    ExistsError,
    NotFoundInStoreError,
    TooLargeError,
    result_of,
    translated,
)

if TYPE_CHECKING:
    from surelabel_contract.store import Storage

# Observes each request: operation, result ("ok", "not_found", "exists", "error"), called before
# with result None. Metrics and fault injection hang on it.
Observer = Callable[[str, str, str | None], None]


@dataclass(frozen=True)
class Entry:
    """An object in a listing; ``version`` is the ETag for ``replace``."""

    key: str
    size: int
    version: str | None = None


@dataclass(frozen=True)
class Folder:
    """Objects below one URI, by keys relative to it."""

    storage: Storage
    store: ObjectStore
    uri: str
    path: str

    def uri_of(self, key: str) -> str:
        """The full URI of a key."""
        shown = quote(key) if self.uri.startswith("file://") else key
        return f"{self.uri.rstrip('/')}/{shown}"

    # -- reading

    def read(self, key: str, max_bytes: int | None = None) -> bytes:
        """The object's bytes; NotFoundInStoreError, TooLargeError."""
        with self._request("get", key):
            result = obstore.get(self.store, self.path + key)
            self._limit(key, result.meta["size"], max_bytes)
            return bytes(result.bytes())

    async def read_async(self, key: str, max_bytes: int | None = None) -> bytes:
        """``read`` for the operator."""
        async with self._request_async("get", key):
            result = await obstore.get_async(self.store, self.path + key)
            self._limit(key, result.meta["size"], max_bytes)
            return bytes(await result.bytes_async())

    async def read_versioned_async(self, key: str) -> tuple[bytes, str | None]:
        """The object's bytes and the version that ``replace_async`` wants."""
        async with self._request_async("get", key):
            result = await obstore.get_async(self.store, self.path + key)
            data = bytes(await result.bytes_async())
            return data, self._version(data, result.meta.get("e_tag"))

    def read_range(self, key: str, start: int, end: int) -> bytes:
        """Bytes [start, end) of the object."""
        if end <= start:
            return b""
        with self._request("get", key):
            return bytes(obstore.get_range(self.store, self.path + key, start=start, end=end))

    def read_chunks(self, key: str, chunk_bytes: int) -> Iterator[bytes]:
        """The object in pieces of about ``chunk_bytes``, one in memory at a time."""
        with self._request("get", key):
            for chunk in obstore.get(self.store, self.path + key).stream(chunk_bytes):
                yield bytes(chunk)

    def size(self, key: str) -> int | None:
        """The object's size in bytes; None if there is none."""
        try:
            with self._request("head", key):
                return int(obstore.head(self.store, self.path + key)["size"])
        except NotFoundInStoreError:
            return None

    async def size_async(self, key: str) -> int | None:
        """``size`` for the operator."""
        try:
            async with self._request_async("head", key):
                return int((await obstore.head_async(self.store, self.path + key))["size"])
        except NotFoundInStoreError:
            return None

    def entries(self, prefix: str) -> list[Entry]:
        """Objects whose keys begin with ``prefix``, which must end in a slash; sorted by key."""
        with self._request("list", prefix):
            found = [
                entry for page in obstore.list(self.store, self.path + prefix) for entry in page
            ]
        return self._sorted(found)

    async def entries_async(self, prefix: str) -> list[Entry]:
        """``entries`` for the operator."""
        async with self._request_async("list", prefix):
            found = [
                entry
                async for page in obstore.list(self.store, self.path + prefix)
                for entry in page
            ]
        return self._sorted(found)

    # -- writing

    def create(self, key: str, data: bytes) -> bool:
        """Write the object unless the key exists; False if it does (nothing is changed)."""
        try:
            with self._request("create", key):
                obstore.put(self.store, self.path + key, data, mode="create", use_multipart=False)
        except ExistsError:
            return False
        return True

    async def create_async(self, key: str, data: bytes) -> bool:
        """``create`` for the operator."""
        try:
            async with self._request_async("create", key):
                await obstore.put_async(
                    self.store, self.path + key, data, mode="create", use_multipart=False
                )
        except ExistsError:
            return False
        return True

    def write(self, key: str, data: bytes) -> ObjectRef:
        """Write or overwrite the object; its reference."""
        with self._request("put", key):
            obstore.put(self.store, self.path + key, data)
        return reference(key, data)

    async def replace_async(self, key: str, data: bytes, version: str | None) -> bool:
        """Overwrite the object if it still has ``version``; False if somebody else was faster."""
        if self.uri.startswith("file://"):
            return self._replace_local(key, data, version)
        try:
            async with self._request_async("replace", key):
                await obstore.put_async(
                    self.store, self.path + key, data, mode={"e_tag": version}, use_multipart=False
                )
        except ExistsError:
            return False
        return True

    @contextmanager
    def writer(self, key: str) -> Iterator[Any]:
        """A file-like object that streams into ``key``; nothing appears there before the end."""
        with (
            self._request("put", key),
            obstore.open_writer(self.store, self.path + key) as writer,
        ):
            yield writer

    # -- below: what every request has in common

    def _replace_local(self, key: str, data: bytes, version: str | None) -> bool:
        # Local files have no If-Match: a lock beside the file orders the writers instead.
        path = Path("/") / (self.path + key)
        if not path.exists():
            return False
        with self._request("replace", key), path.with_name(f".{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._version(path.read_bytes(), None) != version:
                return False
            obstore.put(self.store, self.path + key, data)
        return True

    def _version(self, data: bytes, e_tag: str | None) -> str | None:
        # A local file's ETag has the time in it, which two quick writes can share.
        return sha256_hex(data) if self.uri.startswith("file://") else e_tag

    def _limit(self, key: str, size: int, max_bytes: int | None) -> None:
        if max_bytes is not None and size > max_bytes:
            raise TooLargeError(f"{self.uri_of(key)} has {size} bytes; at most {max_bytes}.")

    def _sorted(self, found: list[Any]) -> list[Entry]:
        cut = len(self.path)
        entries = [Entry(e["path"][cut:], int(e["size"]), e.get("e_tag")) for e in found]
        return sorted(entries, key=lambda entry: entry.key)

    @contextmanager
    def _request(self, operation: str, key: str) -> Iterator[None]:
        observe, uri = self.storage.observer, self.uri_of(key)
        self._check_key(uri, key)
        observe(operation, uri, None)
        try:
            yield
        except (BaseError, OSError) as error:
            observe(operation, uri, result_of(error))
            raise translated(operation, uri, error, given=self.storage.has_credentials) from error
        observe(operation, uri, "ok")

    def _check_key(self, uri: str, key: str) -> None:
        if ".." in key.split("/"):
            raise StorageNotAllowedError(f"{uri!r}: '..' is not allowed in a key.")
        # A local folder may hold links; without prefixes there is nothing that they lead out of.
        if self.uri.startswith("file://") and self.storage.access.prefixes is not None:
            self.storage.allowed.check_local(uri, f"/{self.path}{key}")

    @asynccontextmanager
    async def _request_async(self, operation: str, key: str) -> AsyncIterator[None]:
        with self._request(operation, key):
            yield


def reference(key: str, data: bytes) -> ObjectRef:
    """Key, size and digest of an object with this content."""
    return ObjectRef(key=key, size=len(data), sha256=sha256_hex(data))
