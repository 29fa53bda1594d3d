"""A real Prometheus on loopback, with the chart's alerts, that scrapes one operator."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self

import yaml

from chart.rendering import NAMESPACE
from faults.workbench import until


class PrometheusServer:
    """As a context manager; ended by its own process id."""

    def __init__(
        self, binary: Path, folder: Path, rules: dict[str, Any], operator_port: int
    ) -> None:
        self._binary, self._folder, self._rules = binary, folder, rules
        self._target = f"127.0.0.1:{operator_port}"
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir()
        (self._folder / "rules.yaml").write_text(yaml.safe_dump(self._rules))
        # As the ServiceMonitor and the PodMonitor do it: the target has the operator's namespace,
        # and labels of its own win.
        scrape = {
            "job_name": "surelabel-operator-metrics",
            "honor_labels": True,
            "static_configs": [{"targets": [self._target], "labels": {"namespace": NAMESPACE}}],
        }
        (self._folder / "prometheus.yaml").write_text(
            yaml.safe_dump(
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": ["rules.yaml"],
                    "scrape_configs": [scrape],
                }
            )
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self._binary,
                    f"--config.file={self._folder / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                    "--log.level=warn",
                ],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            until("Prometheus", self._scrapes, seconds=60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query; AssertionError with Prometheus' own words."""
        answer = self._get("query", query=expr)
        found = answer["data"]["result"]
        # A scalar is data as well.
        return found if answer["data"]["resultType"] == "vector" else [{"value": found}]

    def rules(self) -> list[dict[str, Any]]:
        """The rules with their health and state."""
        groups = self._get("rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    @property
    def _log(self) -> Path:
        return self._folder / "prometheus.log"

    def _scrapes(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            return any(found["value"][1] == "1" for found in self.query("up"))
        except OSError:
            # Not listening yet.
            return False

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 503:
                    raise ConnectionRefusedError from None
                words = error.read().decode()
            raise AssertionError(f"{parameters}: {words}") from None
        return found


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
