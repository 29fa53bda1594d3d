"""The Backend of plain processes, whose stages the fork server starts."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from faults.fork_server import fork
from process_backend import ProcessBackend, signal_stage


class ForkedBackend(ProcessBackend):
    """As ProcessBackend; a stage starts in milliseconds instead of seconds."""

    def __init__(
        self,
        root: Path,
        address: str,
        changed: Callable[[str, str], None] = lambda _namespace, _name: None,
    ) -> None:
        super().__init__(root, changed)
        self._address = address

    def _start(self, folder: Path, config_uri: str, meta: str, env: Mapping[str, str]) -> None:
        fork(
            self._address,
            "stage",
            config_uri,
            env=dict(env),
            folder=str(folder),
            output=str(folder / "log"),
            meta=meta,
        )

    def start(self, name: str, config_uri: str, meta: str, env: Mapping[str, str]) -> None:
        """Start a stage that somebody else than an operator submitted."""
        self._start(self._root / name, config_uri, meta, {**os.environ, **env})

    def kill(self, name: str) -> None:
        """End a stage with -9."""
        (self._root / name / "stopped").touch()
        signal_stage(self._root / name, signal.SIGKILL)

    def ended(self, code: str) -> bool:
        """Whether a stage with this code has ended."""
        return any((path / "rc").exists() for path in self._root.glob(f"*-{code}-p*"))
