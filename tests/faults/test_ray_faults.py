"""Ray forgets its jobs, or says that a job failed which has committed: the job goes on."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from faults import small_job
from faults.fork_server import ForkServer
from faults.lane_stages import RayRun
from faults.workbench import Workbench, condition, until
from surelabel_cli.local_ray import LocalRay

# A Ray job takes seconds of a core before its stage begins.
pytestmark = [pytest.mark.cluster, pytest.mark.ray, pytest.mark.timeout(900)]

_SECONDS = 600.0


@pytest.fixture(scope="module")
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    """A Ray head that may be killed."""
    with LocalRay(tmp_path_factory.mktemp("ray")) as found:
        yield found


class LyingRay:
    """An HTTP proxy in front of the Jobs API, in whose answers what has SUCCEEDED has FAILED."""

    def __init__(self, url: str) -> None:
        self.lies: Counter[str] = Counter()
        outer, host = self, urlsplit(url).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _forward(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server = http.client.HTTPConnection(host, timeout=60)
                try:
                    headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
                    headers["Accept-Encoding"] = "identity"
                    server.request(self.command, self.path, data or None, headers)
                    answer = server.getresponse()
                    body = outer._changed(answer.read()) if answer.status == 200 else answer.read()
                    self.send_response(answer.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except (OSError, http.client.HTTPException):
                    self.close_connection = True
                finally:
                    server.close()

            do_GET = do_POST = do_DELETE = _forward  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _changed(self, body: bytes) -> bytes:
        answer = json.loads(body)
        for job in answer if isinstance(answer, list) else [answer]:
            if isinstance(job, dict) and job.get("status") == "SUCCEEDED":
                self.lies[job["submission_id"]] += 1
                job |= {
                    "status": "FAILED",
                    "message": "Job entrypoint command failed with exit code 1",
                    "error_type": "JOB_ENTRYPOINT_COMMAND_ERROR",
                    "driver_exit_code": 1,
                }
        return json.dumps(answer).encode()


def bench_on(url: str, ray: LocalRay, folder: Path, plane: Any, server: ForkServer) -> Workbench:
    cluster = {"name": "x", "url": url, "tokenSecret": "ray", "namespaces": ["*"]}
    return Workbench(
        folder,
        plane.kubeconfig,
        server.address,
        settings={"rayClusters": [cluster]},
        token_file=ray.token_file,
    )


def test_ray_jobs_that_say_failed_after_they_committed_count_as_done(
    ray: LocalRay, control_plane: Any, fork_server: ForkServer, tmp_path: Path
) -> None:
    folder = tmp_path / "bench"
    with (
        LyingRay(ray.url) as lying,
        bench_on(lying.url, ray, folder, control_plane, fork_server) as bench,
    ):
        bench.start().apply(bench.body())
        job = bench.wait("Succeeded", "True", seconds=_SECONDS)
        commits = small_job.commits_of(bench.out)
        assert set(commits.values()) == {1}
        # No second attempt of any step, and the operator did hear of failures.
        attempts = small_job.attempts_of(bench.out)
        assert len(attempts) == len(commits) and all(n.endswith("-a1") for n in attempts), attempts
        assert set(lying.lies) & set(attempts), lying.lies
        assert condition(job, "Stalled")["status"] == "False"
        assert not job["status"]["step"].get("failures")
        assert len(bench.lines()) == 12


def test_the_ray_head_is_killed_in_a_stage_and_comes_back_without_its_jobs(
    ray: LocalRay, control_plane: Any, fork_server: ForkServer, tmp_path: Path
) -> None:
    folder = tmp_path / "bench"
    with bench_on(ray.url, ray, folder, control_plane, fork_server) as bench:
        uid = bench.start().apply(bench.body())
        jobs = RayRun(ray.url, ray.token_file, uid)

        def training() -> str:
            # Once its submission is written down: before, it would be submitted again as it was.
            step = bench.job().get("status", {}).get("step", {})
            recorded = step.get("name", "") if "submittedTime" in step else ""
            return recorded if "-tra-p" in recorded and recorded in jobs.running() else ""

        lost: str = until("the training", training, _SECONDS)
        ray.kill()
        before = small_job.commits_of(bench.out)
        assert not any("/tra-p" in f"/{step}" for step in before), "training was too fast"
        job = bench.wait("Ready", "False", reason="RayUnreachable", seconds=_SECONDS)
        assert ray.url in condition(job, "Ready")["message"]
        assert condition(job, "Succeeded")["status"] == "Unknown"
        assert condition(job, "Stalled")["status"] == "False"
        assert job["status"]["step"]["name"] == lost
        ray.start()
        assert lost not in jobs.started()
        job = bench.wait("Succeeded", "True", seconds=_SECONDS)
        assert condition(job, "Ready")["status"] == "True"
        commits = small_job.commits_of(bench.out)
        assert set(commits.values()) == {1} and set(before) < set(commits)
        # Only the step that was lost was tried again.
        attempts = small_job.attempts_of(bench.out)
        assert [name for name in attempts if not name.endswith("-a1")] == [f"{lost[:-1]}2"]
        assert len(attempts) == len(commits) + 1
        assert jobs.running() == []
        assert len(bench.lines()) == 12
