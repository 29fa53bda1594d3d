"""An HTTP proxy in front of the real API server that answers some requests itself and cuts watches.

Plain HTTP towards the operator, verified TLS towards the server. A request that is answered with
a fault never reaches the server.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from faults.admin import verified_context

# Status of the fault for this method and path, or None.
Faults = Callable[[str, str], int | None]


class FaultyProxy:
    """As a context manager; ``kubeconfig`` leads through it."""

    def __init__(
        self, kubeconfig: Path, folder: Path, faults: Faults, watch_seconds: float
    ) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        self.kubeconfig = folder / "proxied.kubeconfig"
        self.answered: Counter[int] = Counter()
        self.cut = 0
        outer, lock = self, threading.Lock()
        context = verified_context(config)
        host = urlsplit(config["clusters"][0]["cluster"]["server"]).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _forward(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    fault = faults(self.command, self.path)
                    if fault is not None:
                        outer.answered[fault] += 1
                if fault is not None:
                    self._answer_fault(fault)
                    return
                watch = "watch=true" in self.path or "watch=1" in self.path
                server = http.client.HTTPSConnection(
                    host, timeout=watch_seconds if watch else 60, context=context
                )
                try:
                    headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
                    headers["Accept-Encoding"] = "identity"
                    server.request(self.command, self.path, data or None, headers)
                    answer = server.getresponse()
                    if watch:
                        self._stream(answer)
                    else:
                        self._answer(answer.status, dict(answer.getheaders()), answer.read())
                except (OSError, http.client.HTTPException):
                    self.close_connection = True
                finally:
                    server.close()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815

            def _answer_fault(self, status: int) -> None:
                body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
                body |= {"reason": "Conflict" if status == 409 else "", "message": "a test's fault"}
                headers = {"Content-Type": "application/json"}
                if status == 429:
                    headers["Retry-After"] = "1"
                self._answer(status, headers, json.dumps(body).encode())

            def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _stream(self, answer: http.client.HTTPResponse) -> None:
                self.close_connection = True
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                end = time.monotonic() + watch_seconds
                while time.monotonic() < end:
                    try:
                        data = answer.read1(65_536)
                    except TimeoutError:
                        break
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                    if not data:
                        return
                # Without the last chunk, perhaps within a line: as when the connection breaks.
                outer.cut += 1

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        url = f"http://127.0.0.1:{self._server.server_port}"
        config["clusters"][0]["cluster"] = {"server": url}
        self.kubeconfig.write_text(yaml.safe_dump(config))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
