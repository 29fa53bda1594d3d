"""Real processes in milliseconds: a server that has imported everything forks them.

Started as ``python fork_server.py SOCKET``, it serves until its standard input closes. What it
forks is a session of its own and a child of the server, so it outlives whoever asked for it; a
SIGKILL ends it as it ends any process. One datagram asks for one process: either the server got
it or nothing has happened.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

# How many threads add up a sum must not change a label; threads do not survive a fork, either.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

_PRELOADED = (
    *("faults.programs", "surelabel_operator.__main__", "surelabel_operator.local"),
    *("kopf", "kubernetes.aio.client", "kubernetes.aio.config", "aiohttp"),
    *("numpy", "scipy.sparse", "scipy.stats", "pyarrow.parquet", "pyarrow.dataset"),
    *("sklearn.linear_model", "surelabel.tasks.text_classification.features", "encodings.cp437"),
    *("sklearn.svm", "sklearn.feature_extraction.text", "sklearn.model_selection", "skops.io"),
    *("surelabel.stages.prepare", "surelabel.stages.annotate", "surelabel.stages.consolidate"),
    *("surelabel.stages.train", "surelabel.stages.infer", "surelabel.stages.export"),
)
_REQUEST_MAX = 128 * 1024


class ForkServer:
    """The server as a context manager; also opened by its socket alone (``address``)."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="surelabel-fork-")
        self.address = f"{self._folder.name}/socket"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        ready = Path(self._folder.name) / "ready"
        self._process = subprocess.Popen(
            [sys.executable, __file__, self.address, str(ready)],
            stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            start_new_session=True,
        )
        while not ready.exists():
            if self._process.poll() is not None:
                raise RuntimeError("the fork server did not start")
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(30)
        self._folder.cleanup()


def fork(address: str, function: str, *arguments: Any, **where: Any) -> int:
    """Pid of a new process that runs ``faults.programs.<function>(*arguments)``; 0 if refused.

    ``env`` is its whole environment, ``output`` the file for what it prints; ``folder`` must not
    exist yet (else 0): it is made, and gets ``pid``, ``meta.json`` (from ``meta``) and ``rc``.
    """
    request = json.dumps({"function": function, "arguments": arguments, **where}).encode()
    if len(request) > _REQUEST_MAX:
        raise ValueError(f"a request of {len(request)} bytes; at most {_REQUEST_MAX}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(address)
        client.sendall(request)
        return int(client.recv(64))


class Server:
    """Accepts requests, forks, and reaps."""

    def __init__(self, address: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(address)
        self._listener.listen(64)
        self._selector = selectors.DefaultSelector()
        # By pidfd.
        self._children: dict[int, int] = {}

    def serve(self) -> None:
        """Until standard input closes; then end all children."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(0, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj == 0:
                    for pid in self._children.values():
                        with suppress(ProcessLookupError):
                            os.killpg(pid, signal.SIGKILL)
                    return
                else:
                    self._reap(key.fd)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        with client:
            data = client.recv(_REQUEST_MAX)
            # Nobody there: whoever asked was killed before it had asked.
            if data:
                pid = self._start(json.loads(data))
                with suppress(OSError):
                    client.sendall(str(pid).encode())

    def _start(self, request: Mapping[str, Any]) -> int:
        folder = Path(request["folder"]) if request.get("folder") else None
        if folder is not None:
            try:
                folder.mkdir()
            except FileExistsError:
                return 0
        pid = os.fork()
        if pid == 0:
            self._be(request, folder)
        descriptor = os.pidfd_open(pid)
        self._children[descriptor] = pid
        self._selector.register(descriptor, selectors.EVENT_READ)
        return pid

    def _reap(self, descriptor: int) -> None:
        pid = self._children.pop(descriptor)
        self._selector.unregister(descriptor)
        os.close(descriptor)
        os.waitpid(pid, 0)

    def _be(self, request: Mapping[str, Any], folder: Path | None) -> None:
        """The child's life; does not return."""
        code = 70
        try:
            os.setsid()
            output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            # No socket or pidfd of the server may live on in here.
            os.closerange(3, 256)
            os.environ.clear()
            os.environ.update(request["env"])
            if folder is not None:
                _write(folder / "pid", str(os.getpid()))
                _write(folder / "meta.json", request["meta"])
            function = getattr(sys.modules["faults.programs"], request["function"])
            code = function(*request["arguments"])
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
                if folder is not None:
                    # By itself, so that a process that is gone without it was killed.
                    _write(folder / "rc", str(code))
            os._exit(code)


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".tmp")
    draft.write_text(text)
    draft.rename(path)


def main() -> None:
    """Import, then serve."""
    for module in _PRELOADED:
        importlib.import_module(module)
    threads = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    # Arrow's allocator knows of fork, and starts its thread again in the child.
    if len(set(threads) - {"jemalloc_bg_thd"}) != 1:
        raise RuntimeError(f"a preloaded module has started threads, so no fork: {threads}")
    # The collector of a child must not touch, and so copy, the pages of what was imported.
    gc.collect()
    gc.freeze()
    server = Server(sys.argv[1])
    Path(sys.argv[2]).touch()
    server.serve()


if __name__ == "__main__":
    main()
