"""The one place through which every call of the operator to the outside goes.

It feeds the request metrics, and the crash tests stop the process here before and after each
call. It makes no call itself.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol


@dataclass
class Call:
    """One call; whoever makes it sets ``code`` when the answer is there."""

    system: str
    operation: str
    target: str
    # HTTP status or "ok", "not_found", "error": what the metrics count by.
    code: str = ""
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0


class CallObserver(Protocol):
    """Sees every call before it is made and after its answer."""

    def begin(self, call: Call) -> None:
        """The call is about to be made."""

    def end(self, call: Call) -> None:
        """The call was answered or failed; ``code`` and ``seconds`` are set."""


_observers: list[CallObserver] = []
_store_call: ContextVar[Call | None] = ContextVar("store_call", default=None)


@contextmanager
def observed_calls(observer: CallObserver) -> Iterator[None]:
    """Show all calls to the observer inside the block."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


@asynccontextmanager
async def external_call(system: str, operation: str, target: str) -> AsyncIterator[Call]:
    """Mark one call to kube, ray, store or portal.

    ``operation`` is from a small fixed set, since it becomes a metric's label; ``target`` (a
    path or key) never does.
    """
    call = Call(system, operation, target)
    _begin(call)
    try:
        yield call
    except BaseException as error:
        call.code = call.code or type(error).__name__
        raise
    else:
        call.code = call.code or "ok"
    finally:
        _end(call)


def store_observer(operation: str, uri: str, result: str | None) -> None:
    """``Storage(observer=...)``: the store client's requests as calls.

    A task asks the store one thing at a time, so its begin and end find each other by a
    context variable.
    """
    if result is None:
        call = Call("store", operation, uri)
        _store_call.set(call)
        _begin(call)
        return
    pending = _store_call.get()
    if pending is not None:
        _store_call.set(None)
        pending.code = result
        _end(pending)


def _begin(call: Call) -> None:
    for observer in _observers:
        observer.begin(call)


def _end(call: Call) -> None:
    call.seconds = time.monotonic() - call.started
    for observer in _observers:
        observer.end(call)
