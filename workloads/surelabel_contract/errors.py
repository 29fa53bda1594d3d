"""Errors that carry a reason for status conditions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class ConfigurationError(Exception):
    """A mistake that only a person can mend: a retry would fail the same way.

    ``reason`` is PascalCase for conditions; the message names field, rule, value and next step.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle by their message alone; shards raise these in other processes.
        return _restored, (type(self), self.reason, str(self))


def _restored(kind: type[ConfigurationError], reason: str, message: str) -> ConfigurationError:
    error = kind.__new__(kind, message)
    error.reason = reason
    return error


class StorageNotAllowedError(ConfigurationError):
    """A URI that this namespace may not use (reason ``StorageNotAllowed``)."""

    def __init__(self, message: str) -> None:
        super().__init__("StorageNotAllowed", message)


class ImpossibleUriError(StorageNotAllowedError):
    """A URI that no object can have, whatever is allowed."""


@contextmanager
def uri_of_field(field: str) -> Iterator[None]:
    """What is refused inside is told with the field that the URI stands in."""
    try:
        yield
    except StorageNotAllowedError as error:
        raise type(error)(f"{field}: {error}") from None
