"""A local Ray head: its token, its restart, its end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import SharedRay
from surelabel_cli.local_ray import LocalRay
from surelabel_cli.reaper import marked_processes

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    """One of our own, since it is killed."""
    with LocalRay(tmp_path_factory.mktemp("ray"), cpus=1) as ray:
        yield ray


def submit(url: str, token: str, entrypoint: str) -> str:
    request = urllib.request.Request(
        f"{url}/api/jobs/",
        data=json.dumps({"entrypoint": entrypoint}).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.loads(answer.read())["submission_id"])


def until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("token", ["", "wrong"])
def test_the_jobs_api_refuses_a_request_without_the_token(ray: LocalRay, token: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        ray.request("/api/jobs/", token=token)
    refused.value.close()
    assert refused.value.code in (401, 403)


def test_the_token_is_readable_by_its_owner_only(ray: LocalRay) -> None:
    assert ray.token_file.stat().st_mode & 0o077 == 0


def test_a_restarted_head_has_the_same_address_and_no_jobs(ray: LocalRay) -> None:
    url, token = ray.url, ray.token
    submit(url, token, "setsid sleep 1000")
    assert until(lambda: b"1000" in _command_lines(ray.folder), 60)
    ray.kill()
    assert marked_processes(str(ray.folder)) == []
    ray.start()
    assert (ray.url, ray.token) == (url, token)
    assert ray.request("/api/jobs/") == []


def test_the_shared_head_runs_a_job_that_uses_ray(ray_head: SharedRay) -> None:
    code = "import ray; ray.init(); print(ray.get(ray.remote(lambda: 6 * 7).remote()))"
    job = submit(ray_head.url, ray_head.token, f'{sys.executable} -c "{code}"')
    path = f"{ray_head.url}/api/jobs/{job}"

    def get(more: str = "") -> dict[str, str]:
        request = urllib.request.Request(
            path + more, headers={"Authorization": f"Bearer {ray_head.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, str] = json.loads(answer.read())
            return found

    assert until(lambda: get()["status"] in ("SUCCEEDED", "FAILED"), 120)
    assert get()["status"] == "SUCCEEDED"
    assert get("/logs")["logs"].rstrip().endswith("42")


def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from surelabel_cli.local_ray import LocalRay\n"
        "with LocalRay(Path(sys.argv[1]), cpus=1): print('ready', flush=True); time.sleep(1000)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    assert marked_processes(str(tmp_path))
    parent.kill()
    parent.wait(30)
    parent.stdout.close()
    assert until(lambda: marked_processes(str(tmp_path)) == [], 15)


def _command_lines(folder: Path) -> bytes:
    lines = b""
    for pid in marked_processes(str(folder)):
        try:
            lines += Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
    return lines
