"""What can go wrong with a request to a store, and how obstore says it."""

from __future__ import annotations

from obstore.exceptions import AlreadyExistsError, NotFoundError, PreconditionError


class StorageError(Exception):
    """The store could not be asked, or refused; the message names operation and URI."""


class NotFoundInStoreError(StorageError):
    """No such object."""


class TooLargeError(StorageError):
    """The object is larger than the reader allows."""


class ExistsError(StorageError):
    """The key exists, or has another version than the writer knew."""


def result_of(error: BaseException) -> str:
    """What an observer is told of a request that ended so."""
    if isinstance(error, AlreadyExistsError | PreconditionError):
        return "exists"
    return "not_found" if isinstance(error, NotFoundError | FileNotFoundError) else "error"


def translated(operation: str, uri: str, error: BaseException) -> StorageError:
    """obstore's error as one of ours."""
    if isinstance(error, NotFoundError | FileNotFoundError):
        return NotFoundInStoreError(f"{uri} does not exist.")
    if isinstance(error, AlreadyExistsError | PreconditionError):
        return ExistsError(uri)
    # The first line alone: below it obstore prints the whole request.
    lines = str(error).splitlines() or [type(error).__name__]
    return StorageError(f"{operation} {uri}: {lines[0][:300]}")
