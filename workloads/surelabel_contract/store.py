"""The only client for object stores; every read and write passes its prefix check.

``Storage`` knows what a job may touch; ``Folder`` is one place in it with relative keys. Sync
methods serve the stages, ``_async`` twins the operator. Everybody imports from here; the parts lie
in allowed_uris.py, store_client.py, store_folder.py and store_errors.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from obstore.store import LocalStore, ObjectStore

from surelabel_contract.allowed_uris import SCHEMES, AllowedUris
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store_client import connect, is_mounted
from surelabel_contract.store_errors import (
    ForbiddenError,
    ImpossibleNameError,
    NotFoundInStoreError,
    StorageError,
    TooLargeError,
    UnusableStoreError,
)
from surelabel_contract.store_folder import Entry, Folder, Observer, reference

__all__ = [
    "SCHEMES",
    "Entry",
    "Folder",
    "ForbiddenError",
    "ImpossibleNameError",
    "NotFoundInStoreError",
    "Observer",
    "Storage",
    "StorageError",
    "TooLargeError",
    "UnusableStoreError",
    "reference",
]


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
        self.allowed = AllowedUris(access)

    @property
    def has_credentials(self) -> bool:
        """Whether credentials of a Secret count, and not the process's own."""
        return self._credentials is not None or is_mounted()

    def check(self, uri: str) -> None:
        """StorageNotAllowedError unless the job may use ``uri``; opens nothing."""
        self.allowed.resolve(uri)

    def folder(self, uri: str) -> Folder:
        """The folder at ``uri``; StorageNotAllowedError unless the job may use it."""
        # Of "s3://" the slashes are no end of a folder's name.
        name = uri if uri.rstrip("/").endswith(":") else uri.rstrip("/")
        root, path = self.allowed.resolve(f"{name}/")
        return Folder(self, self._open(root), name, path)

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
        root, path = self.allowed.resolve(uri)
        parent, _, name = path.rpartition("/")
        shown = quote(parent) if root == "file://" else parent
        return Folder(self, self._open(root), f"{root}/{shown}", f"{parent}/"), name

    def _open(self, root: str) -> ObjectStore:
        store = self._stores.get(root)
        if store is None:
            if root == "file://":
                store = LocalStore("/")
            else:
                store = connect(root, self.access, self._credentials, self._timeout)
            self._stores[root] = store
        return store
