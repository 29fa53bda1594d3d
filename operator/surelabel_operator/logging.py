"""Structured logs on standard error: one JSON object or one line of text a record.

Values of Secrets never reach a logger: they stay in ``SecretText``, which prints as stars.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

# What every record has; everything else was given as ``extra`` and belongs into the output.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Kopf attaches whole settings and references to its records.
_UNWANTED = frozenset({"settings", "k8s_ref", "k8s_skip"})


class SecretText:
    """A secret that neither str, repr nor a format string shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def reveal(self) -> str:
        """The secret itself, for the one place that sends it."""
        return self._value


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={value}" for key, value in _fields(record).items())
        line = f"{_time_of(record)} {record.levelname:7} {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure_logging(form: Literal["json", "text"] = "json", level: int = logging.INFO) -> None:
    """Send all logs of the process to standard error in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Kopf logs every event of every object at INFO.
    logging.getLogger("kopf").setLevel(max(level, logging.WARNING))
    # It warns that it takes no signals outside the main thread, where it runs on purpose.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
    for name in ("aiohttp.access", "asyncio", "kubernetes"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {
        key: value
        for key, value in vars(record).items()
        if key not in _STANDARD and key not in _UNWANTED
    }
