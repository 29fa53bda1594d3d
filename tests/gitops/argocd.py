"""Argo CD's part of running a Lua script: its libraries, its conversions, no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lupa.lua51 import LuaRuntime, lua_type

ARGOCD = Path(__file__).resolve().parents[2] / "docs" / "gitops" / "argocd"
SCRIPTS = ARGOCD / "resource_customizations" / "surelabel.dev"
# Argo CD opens package, base, table, and of os only time and date.
_CLOSED = "string = nil; math = nil; io = nil; debug = nil; coroutine = nil; os = nil; python = nil"


def script(name: str) -> str:
    """The text of a script below ``SCRIPTS``."""
    return (SCRIPTS / name).read_text(encoding="utf-8")


def run(text: str, obj: dict[str, Any]) -> Any:
    """What the script returns for the object."""
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.execute('getmetatable("").__index = nil')
    table_from = lua.table_from
    lua.execute(_CLOSED)
    lua.globals().obj = table_from(obj, recursive=True)
    return _from_lua(lua.execute(text), obj)


def _from_lua(value: Any, origin: Any) -> Any:
    """JSON's types; an empty table is a list where the object had one, as Argo CD repairs it."""
    if lua_type(value) != "table":
        return value
    entries = dict(value.items())
    if not entries:
        return [] if isinstance(origin, list) else {}
    if set(entries) == set(range(1, len(entries) + 1)):
        before = origin if isinstance(origin, list) else []
        return [
            _from_lua(entries[at + 1], before[at] if at < len(before) else None)
            for at in range(len(entries))
        ]
    known = origin if isinstance(origin, dict) else {}
    return {key: _from_lua(inner, known.get(key)) for key, inner in entries.items()}
