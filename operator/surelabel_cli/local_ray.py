"""A Ray head on this machine, reachable through its Jobs API by those who have its token.

The Jobs API listens on 127.0.0.1; what Ray opens beyond that (it cannot be bound to one address)
asks for the token as well. Ports are its own, so that several heads run side by side. All of
Ray's processes and those of its jobs end with this process, whatever they forked.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from surelabel_cli.processes import (
    Child,
    ProcessError,
    ProcessFamily,
    free_ports,
    wait_until,
    write_private,
)

# Unix sockets have paths of at most 107 characters, of which Ray's session takes 65.
_LONGEST_TEMPORARY = 40
_START_SECONDS = 120.0
# Not 127.0.0.1, which Ray replaces by the machine's outer address.
_NODE = "127.0.0.2"
_START_ATTEMPTS = 3


class LocalRay:
    """A Ray head in ``folder`` (ports, token, logs), as a context manager.

    ``cpus``: how many Ray may give away, all by default. ``object_store_mib`` is reserved in
    shared memory as it is used. With ``wait`` off the head is not ready before ``wait_ready``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cpus: int | None = None,
        object_store_mib: int = 256,
        wait: bool = True,
    ) -> None:
        self.family = ProcessFamily(folder)
        self.folder = self.family.folder
        self.cpus = cpus or os.cpu_count() or 1
        self.object_store_mib = object_store_mib
        self._wait = wait
        self._ports: dict[str, int] = {}
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """The address of the dashboard and of the Jobs API."""
        return f"http://127.0.0.1:{self._ports['dashboard-port']}"

    @property
    def address(self) -> str:
        """Where a driver on this machine connects, with the token's file in its environment."""
        return f"{_NODE}:{self._ports['port']}"

    @property
    def token_file(self) -> Path:
        """A file with nothing but the token."""
        return self.folder / "token"

    @property
    def token(self) -> str:
        """What the Jobs API wants as bearer token."""
        return self.token_file.read_text()

    def __enter__(self) -> Self:
        self.family.__enter__()
        try:
            self._launch()
            if self._wait:
                self.wait_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.family.stop()
        self._remove_temporary()

    def start(self) -> None:
        """Start the head again after ``kill``, with the same address and token but no memory of
        earlier jobs; ready on return."""
        self._launch()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the head takes jobs; ProcessError if it does not, started thrice."""
        for attempt in range(1, _START_ATTEMPTS + 1):
            try:
                wait_until("Ray", self._ready, self._child, _START_SECONDS)
            except ProcessError:
                # Ray gives its own parts 30 s, by a constant; a busy machine needs more.
                self.family.kill_all()
                if attempt == _START_ATTEMPTS:
                    raise ProcessError(self._why_not()) from None
                self._launch()
            else:
                return

    def _why_not(self) -> str:
        log = self._child.log if self._child is not None else self.folder
        last = self._child.log_end().strip().splitlines()[-1:] if self._child is not None else []
        return (
            f"Ray did not start in {_START_ATTEMPTS} attempts. Its last word: "
            f"{last[0] if last else 'none'} All of it: {log}. If this machine is busy with "
            "something else, try again when it is not."
        )

    def check(self) -> None:
        """ProcessError if the head has ended."""
        if self._child is not None:
            self._child.check()

    def kill(self) -> None:
        """End every process of Ray and of its jobs at once."""
        self.family.kill_all()

    def request(self, path: str, *, token: str | None = None) -> Any:
        """The JSON answer to a GET of the dashboard; HTTPError otherwise."""
        request = urllib.request.Request(  # noqa: S310 - always http://127.0.0.1
            self.url + path,
            headers={"Authorization": f"Bearer {self.token if token is None else token}"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.loads(answer.read())

    # -- below: start, readiness, environment, temporary folder

    def _launch(self) -> None:
        if not self.token_file.exists():
            write_private(self.token_file, secrets.token_urlsafe(32))
        if not self._ports:
            names = (
                *("port", "dashboard-port", "dashboard-agent-listen-port"),
                *("dashboard-agent-grpc-port", "runtime-env-agent-port", "metrics-export-port"),
                *("node-manager-port", "object-manager-port", "ray-client-server-port"),
            )
            self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._remove_temporary()
        self._child = self.family.start("ray", self._command(), env=self._environment())

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
            *(f"--node-ip-address={_NODE}", "--dashboard-host=127.0.0.1"),
            *(f"--{name}={port}" for name, port in self._ports.items()),
            # Worker ports from the kernel: the default range is the same for every head.
            *("--min-worker-port=0", "--max-worker-port=0"),
            f"--temp-dir={self._make_temporary()}",
            f"--num-cpus={self.cpus}",
            f"--object-store-memory={self.object_store_mib * 2**20}",
            "--disable-usage-stats",
            # Neither an autoscaler nor a copy of the workers' logs has a reader here.
            *("--no-monitor", "--include-log-monitor=false"),
            "--log-style=record",
            "--log-color=false",
        ]

    def _ready(self) -> bool:
        # A submission goes through the agent of the head node; before that one is registered the
        # Jobs API answers 500.
        try:
            self.request("/api/version")
            nodes = self.request("/nodes?view=summary")["data"]["summary"]
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            return False
        return any(node.get("raylet", {}).get("state") == "ALIVE" for node in nodes)

    def _environment(self) -> dict[str, str]:
        # Settings of another Ray on this machine must not reach this one.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        return {
            **environment,
            # Jobs start as `python`: the one that runs this, whether or not it is active.
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
            "RAY_AUTH_MODE": "token",
            # The path, not the token: an environment is easily printed.
            "RAY_AUTH_TOKEN_PATH": str(self.token_file),
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONUNBUFFERED": "1",
        }

    def _make_temporary(self) -> str:
        parent = tempfile.gettempdir()
        if len(parent) > _LONGEST_TEMPORARY - len("/surelabel-ray-12345678"):
            parent = "/tmp"  # noqa: S108 - mkdtemp makes a private folder in it
        temporary = tempfile.mkdtemp(prefix="surelabel-ray-", dir=parent)
        (self.folder / "temporary").write_text(temporary)
        return temporary

    def _remove_temporary(self) -> None:
        note = self.folder / "temporary"
        if note.exists():
            # Files of processes that were just killed may still be vanishing.
            shutil.rmtree(note.read_text(), ignore_errors=True)
            note.unlink()
