"""The only client for object stores; every read and write passes its prefix check.

``Storage`` knows what a job may touch; ``Folder`` is one place in it with relative keys. Sync
methods serve the stages, ``_async`` twins the operator. It refuses to delete: output data is
never deleted.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import AsyncIterator, Callable, Container, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import AzureStore, GCSStore, LocalStore, ObjectStore, S3Store

from surelabel_contract.errors import StorageNotAllowedError
from surelabel_contract.model import sha256_hex
from surelabel_contract.stages import ObjectRef, StorageAccess

SCHEMES = ("s3", "gs", "az", "file")
# By scheme: sets of credential keys, each of which is complete; nothing else ever completes one.
CREDENTIALS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "s3": (("aws_access_key_id", "aws_secret_access_key"),),
    "az": (
        ("azure_storage_account_name", "azure_storage_account_key"),
        ("azure_storage_account_name", "azure_storage_sas_token"),
    ),
    "gs": (("google_service_account_key",),),
}
CREDENTIAL_KEYS = frozenset(
    {"aws_session_token", *(key for sets in CREDENTIALS.values() for one in sets for key in one)}
)
# obstore reads the environment whenever it makes a client. All else can be overruled, but these
# would count beside the credentials that were given.
_NOT_OVERRULED: Mapping[str, tuple[str, ...]] = {
    "s3": ("AWS_SERVER_SIDE_ENCRYPTION", "AWS_SSE_KMS_KEY_ID", "AWS_SSE_CUSTOMER_KEY_BASE64"),
    "az": ("AZURE_ENCRYPTION_KEY",),
    "gs": (
        *("GOOGLE_BEARER_TOKEN", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH"),
        "SERVICE_ACCOUNT",
    ),
}
_KEY_PREFIX = {"s3": "aws_", "az": "azure_", "gs": "google_"}
# obstore panics over a line break in a header, or a port or address that is none: so these come
# first.
_BUCKET = re.compile(r"[A-Za-z0-9$][A-Za-z0-9$._-]*")
_REGION = re.compile(r"[A-Za-z0-9._-]+")
_ENDPOINT = re.compile(
    r"https?://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>\d{1,5}))?(/[\w.~-]*)*", re.A
)
_VISIBLE = re.compile(r"[!-~]+")
_PORT_MAX = 65_535

# Observes each request: operation, result ("ok", "not_found", "exists", "error"), called before
# with result None. Metrics and fault injection hang on it.
Observer = Callable[[str, str, str | None], None]


class StorageError(Exception):
    """The store could not be asked, or refused; the message names operation and URI."""


class NotFoundInStoreError(StorageError):
    """No such object."""


class TooLargeError(StorageError):
    """The object is larger than the reader allows."""


@dataclass(frozen=True)
class Entry:
    """An object in a listing; ``version`` is the ETag for ``replace``."""

    key: str
    size: int
    version: str | None = None


def _nothing(_operation: str, _uri: str, _result: str | None) -> None:
    return None


class Storage:
    """The stores that one job may use.

    ``credentials``: values of CREDENTIAL_KEYS (from a Secret), which count alone, so that an
    incomplete set opens nothing; None: the process's ambient credentials count.
    ``timeout_seconds`` bounds one request, retries included threefold.
    """

    def __init__(
        self,
        access: StorageAccess,
        credentials: Mapping[str, str] | None = None,
        *,
        timeout_seconds: float = 30,
        observer: Observer = _nothing,
    ) -> None:
        self.access = access
        self._credentials = None if credentials is None else dict(credentials)
        self._timeout = timeout_seconds
        self.observer = observer
        self._stores: dict[str, ObjectStore] = {}
        self._prefixes = (
            None if access.prefixes is None else tuple(_plain_prefix(p) for p in access.prefixes)
        )

    def check(self, uri: str) -> None:
        """StorageNotAllowedError unless the job may use ``uri``; opens nothing."""
        self._resolve(uri)

    def folder(self, uri: str) -> Folder:
        """The folder at ``uri``; StorageNotAllowedError unless the job may use it."""
        root, path = self._resolve(uri.rstrip("/") + "/")
        return Folder(self, self._open(root), uri.rstrip("/"), path)

    def read(self, uri: str, max_bytes: int | None = None) -> bytes:
        """The object at ``uri``; TooLargeError above ``max_bytes``."""
        folder, name = self._parent(uri)
        return folder.read(name, max_bytes)

    async def read_async(self, uri: str, max_bytes: int | None = None) -> bytes:
        """``read`` for the operator."""
        folder, name = self._parent(uri)
        return await folder.read_async(name, max_bytes)

    def locate(self, uri: str) -> tuple[Folder, str]:
        """The folder of the object at ``uri`` and its key there, to stream or slice it."""
        return self._parent(uri)

    def _parent(self, uri: str) -> tuple[Folder, str]:
        root, path = self._resolve(uri)
        parent, _, name = path.rpartition("/")
        shown = quote(parent) if root == "file://" else parent
        return Folder(self, self._open(root), f"{root}/{shown}", f"{parent}/"), name

    def _resolve(self, uri: str) -> tuple[str, str]:
        """(scheme and bucket, path without a slash at its front) of an allowed URI."""
        scheme, separator, rest = uri.partition("://")
        if not separator or scheme not in SCHEMES:
            raise StorageNotAllowedError(
                f"{uri!r}: scheme must be one of {', '.join(SCHEMES)}; got {scheme!r}."
            )
        # Not urlsplit: in a store "#" and "?" are letters of a key like any other.
        place, _, path = rest.partition("/")
        # Encoded dots as well, since a server between may decode them.
        if ".." in path.split("/") or ".." in unquote(path).split("/"):
            raise StorageNotAllowedError(f"{uri!r}: '..' is not allowed in a URI.")
        if scheme != "file":
            self._check(uri, uri)
            if not _BUCKET.fullmatch(place):
                raise StorageNotAllowedError(
                    f"{uri!r}: a bucket's name has letters, digits, '.', '_', '-'; got {place!r}."
                )
            return f"{scheme}://{place}", path.lstrip("/")
        if not self.access.local_files:
            raise StorageNotAllowedError(
                f"{uri!r}: local files are off on this cluster. Use s3://, gs:// or az://."
            )
        if place not in ("", "localhost"):
            raise StorageNotAllowedError(
                f"{uri!r}: a local file has no host; got {place!r}. Write file:///absolute/path."
            )
        return "file://", self.check_local(uri, "/" + unquote(path)).lstrip("/")

    def check_local(self, uri: str, path: str) -> str:
        """The path with all links followed, so that none leads out of an allowed prefix."""
        resolved = str(Path(path).resolve()) + ("/" if path.endswith("/") else "")
        self._check(uri, f"file://{resolved}")
        return resolved

    def _check(self, uri: str, resolved: str) -> None:
        if self._prefixes is None:
            return
        for prefix in self._prefixes:
            # "s3://bucket/a" must not allow "s3://bucket/ab".
            if resolved.startswith(prefix + "/") or resolved == prefix:
                return
        shown = ", ".join(self.access.prefixes or ()) or "none"
        raise StorageNotAllowedError(
            f"{uri!r} lies under none of the allowed prefixes ({shown}). "
            "Ask who runs the operator to allow it, or bring a Secret with spec.storage.secretName."
        )

    def _open(self, root: str) -> ObjectStore:
        store = self._stores.get(root)
        if store is None:
            store = LocalStore("/") if root == "file://" else self._connect(root)
            self._stores[root] = store
        return store

    def _connect(self, root: str) -> ObjectStore:
        scheme, _, place = root.partition("://")
        given, endpoint = self._credentials, self.access.endpoint
        timeout = timedelta(seconds=self._timeout)
        client: dict[str, Any] = {"timeout": timeout, "connect_timeout": timeout}
        if (endpoint or (_ambient_endpoint() if given is None else "")).startswith("http://"):
            client["allow_http"] = True
        retry: Any = {"max_retries": 3, "retry_timeout": 3 * timeout}
        options = _options(scheme, self.access)
        if given is not None:
            options = {**_only(scheme, given, self.access.region), **options}
        # Untyped on purpose: obstore has one class per cloud, and which one is a matter of data.
        connect: Any = {"s3": S3Store, "az": AzureStore, "gs": GCSStore}[scheme]
        try:
            store: ObjectStore = connect(
                place, client_options=client, retry_config=retry, **options
            )
        except (BaseError, ValueError):
            # Without obstore's words: they quote parts of what they could not read.
            raise StorageNotAllowedError(_refused(root, given)) from None
        return store


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
        except _ExistsError:
            return False
        return True

    async def create_async(self, key: str, data: bytes) -> bool:
        """``create`` for the operator."""
        try:
            async with self._request_async("create", key):
                await obstore.put_async(
                    self.store, self.path + key, data, mode="create", use_multipart=False
                )
        except _ExistsError:
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
        except _ExistsError:
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
            observe(operation, uri, _result_of(error))
            raise _translated(operation, uri, error) from error
        observe(operation, uri, "ok")

    def _check_key(self, uri: str, key: str) -> None:
        if ".." in key.split("/"):
            raise StorageNotAllowedError(f"{uri!r}: '..' is not allowed in a key.")
        # A local folder may hold links; without prefixes there is nothing that they lead out of.
        if self.uri.startswith("file://") and self.storage.access.prefixes is not None:
            self.storage.check_local(uri, f"/{self.path}{key}")

    @asynccontextmanager
    async def _request_async(self, operation: str, key: str) -> AsyncIterator[None]:
        with self._request(operation, key):
            yield


def _plain_prefix(prefix: str) -> str:
    """The prefix as it is compared: without a slash at its end, a local one with links followed."""
    if not prefix.startswith("file://"):
        return prefix.rstrip("/")
    path = "/" + unquote(prefix.removeprefix("file://")).lstrip("/")
    return f"file://{Path(path).resolve()}".rstrip("/")


def missing_credentials(scheme: str, given: Container[str]) -> str:
    """The keys, in words, that ``given`` lacks for the scheme; "" if it is complete."""
    lacking = [[key for key in one if key not in given] for one in CREDENTIALS.get(scheme, ())]
    return "" if [] in lacking else ", or ".join(" and ".join(keys) for keys in lacking)


def _options(scheme: str, access: StorageAccess) -> dict[str, Any]:
    """What the spec says of the store, as far as it belongs to the scheme."""
    endpoint, region = access.endpoint, access.region
    if endpoint is not None and not _is_endpoint(endpoint):
        raise StorageNotAllowedError(
            f"spec.storage.endpoint: must be http(s)://host[:port]; got {endpoint!r}."
        )
    if scheme == "gs":
        return {} if endpoint is None else {"base_url": endpoint}
    if scheme == "az":
        return {} if endpoint is None else {"endpoint": endpoint}
    if region is not None and not _REGION.fullmatch(region):
        raise StorageNotAllowedError(
            f"spec.storage.region: has letters, digits, '.', '_', '-'; got {region!r}."
        )
    options = {
        "region": region,
        "endpoint": endpoint,
        # It has the last word, so that AWS_ENDPOINT_URL_S3 has not.
        "aws_endpoint_url_s3": endpoint,
        "aws_server_side_encryption": access.sse_type,
        "aws_sse_kms_key_id": access.sse_key_id,
        "conditional_put": "etag",
    }
    return {key: value for key, value in options.items() if value is not None}


def _is_endpoint(text: str) -> bool:
    match = _ENDPOINT.fullmatch(text)
    if match is None or int(match["port"] or 0) > _PORT_MAX:
        return False
    host = match["host"]
    if not host.startswith("[") and not host.rpartition(".")[2].isdigit():
        return True
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _only(scheme: str, given: Mapping[str, str], region: str | None) -> dict[str, Any]:
    """Options by which these credentials count, and nothing that the environment says of
    credentials, addresses and signing."""
    missing = missing_credentials(scheme, given)
    if missing:
        raise StorageNotAllowedError(f"{scheme}://: the credentials given lack {missing}.")
    for key, value in given.items():
        # Google's is JSON, which is read and not sent.
        if scheme != "gs" and key.startswith(_KEY_PREFIX[scheme]) and not _VISIBLE.fullmatch(value):
            raise StorageNotAllowedError(
                f"{key}: must be visible ASCII, without spaces and line breaks. Correct the Secret."
            )
    for name in os.environ:
        if name.upper() in _NOT_OVERRULED[scheme]:
            raise StorageNotAllowedError(
                f"{scheme}://: this process's environment has {name}, which would count beside the "
                "credentials given. Ask who runs it to unset it."
            )
    if scheme == "gs":
        return {
            "service_account_key": given["google_service_account_key"],
            # Over the key's own gcs_base_url as well: only an endpoint leads elsewhere.
            "base_url": "https://storage.googleapis.com",
            "skip_signature": False,
        }
    if scheme == "az":
        return _only_azure(given)
    address = f"https://s3.{region or 'us-east-1'}.amazonaws.com"
    return {
        # Not as options: there AWS_SESSION_TOKEN would complete them.
        "credential_provider": lambda: {
            "access_key_id": given["aws_access_key_id"],
            "secret_access_key": given["aws_secret_access_key"],
            "token": given.get("aws_session_token"),
            "expires_at": None,
        },
        "region": "us-east-1",
        "endpoint": address,
        "aws_endpoint_url_s3": address,
        "virtual_hosted_style_request": False,
        "s3_express": False,
        "skip_signature": False,
        "request_payer": False,
    }


def _only_azure(given: Mapping[str, str]) -> dict[str, Any]:
    name, key = given["azure_storage_account_name"], given.get("azure_storage_account_key")
    if not name.isalnum():
        raise StorageNotAllowedError(
            "azure_storage_account_name: has letters and digits only. Correct the Secret."
        )
    if key is not None:
        secret = {"credential_type": "access_key", "account_key": key}
    else:
        secret = {"credential_type": "sas_token", "sas_key": given["azure_storage_sas_token"]}
    return {
        "account_name": name,
        **secret,
        "endpoint": f"https://{name}.blob.core.windows.net",
        "use_emulator": False,
        "use_fabric_endpoint": False,
        "skip_signature": False,
    }


def _refused(root: str, given: Mapping[str, str] | None) -> str:
    prefix = _KEY_PREFIX[root.partition("://")[0]]
    if given is None:
        what = f"the variables {prefix.upper()}* of this process's environment"
    else:
        keys = sorted(key for key in given if key.startswith(prefix))
        what = f"the Secret's {', '.join(keys)}"
    return f"{root}: no client can be made of spec.storage and {what}. Correct what is malformed."


def _ambient_endpoint() -> str:
    """The endpoint that the store client takes from the environment of the process."""
    return os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""


class _ExistsError(StorageError):
    pass


def _result_of(error: BaseException) -> str:
    if isinstance(error, AlreadyExistsError | PreconditionError):
        return "exists"
    return "not_found" if isinstance(error, NotFoundError | FileNotFoundError) else "error"


def _translated(operation: str, uri: str, error: BaseException) -> StorageError:
    if isinstance(error, NotFoundError | FileNotFoundError):
        return NotFoundInStoreError(f"{uri} does not exist.")
    if isinstance(error, AlreadyExistsError | PreconditionError):
        return _ExistsError(uri)
    # The first line alone: below it obstore prints the whole request.
    lines = str(error).splitlines() or [type(error).__name__]
    return StorageError(f"{operation} {uri}: {lines[0][:300]}")


def reference(key: str, data: bytes) -> ObjectRef:
    """Key, size and digest of an object with this content."""
    return ObjectRef(key=key, size=len(data), sha256=sha256_hex(data))
