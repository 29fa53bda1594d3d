"""``surelabel up`` as a user has it: everything comes, the operator has its own rights only, and
nothing stays."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from surelabel_cli import local_stack
from surelabel_cli.errors import UserError
from surelabel_cli.local_stack import LocalStack, _values
from surelabel_cli.processes import ProcessFamily, free_ports
from surelabel_cli.reaper import marked_processes
from surelabel_cli.samples import prepare_samples
from surelabel_cli.toolchain import Toolchain
from surelabel_contract.errors import StorageNotAllowedError
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Storage
from surelabel_operator.settings import Settings

pytestmark = [pytest.mark.cluster, pytest.mark.ray, pytest.mark.timeout(600)]

_START_SECONDS = 400


@dataclass
class Running:
    """The command, and what it printed until it was ready."""

    process: subprocess.Popen[str]
    folder: Path
    said: str
    toolchain: Toolchain

    def kubectl(self, kubeconfig: Path, *arguments: str) -> str:
        done = subprocess.run(
            [self.toolchain.require("kubectl"), f"--kubeconfig={kubeconfig}", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    def processes(self) -> list[int]:
        folders = (self.folder, self.folder / "cluster", self.folder / "ray")
        return [pid for folder in folders for pid in marked_processes(str(folder))]


def command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "surelabel_cli.main", "up", f"--workdir={folder}"]


@pytest.fixture(scope="module")
def running(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("up").resolve()
    with subprocess.Popen(
        command(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        # A line that never comes must not hold the test for ever.
        limit = threading.Timer(_START_SECONDS, process.kill)
        limit.start()
        said = ""
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if line.startswith("Ctrl-C ends"):
                break
        limit.cancel()
        try:
            assert "export KUBECONFIG=" in said, said
            yield Running(process, folder, said, toolchain)
        finally:
            process.kill()


def test_on_a_users_cluster_jobs_reach_the_samples_and_nothing_of_the_stack(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    ray: Any = SimpleNamespace(url="http://127.0.0.1:1", token_file=folder / "ray" / "token")
    stack = LocalStack(
        folder=folder,
        kubeconfig=folder / "kubeconfig",
        kubectl=folder / "kubectl",
        helm=folder / "helm",
        ray=ray,
        control_plane=None,
        family=ProcessFamily(folder),
        metrics_port=1,
    )
    settings = Settings.model_validate(_values(stack)["settings"])
    storage = Storage(StorageAccess(prefixes=settings.prefixes("anyone"), local_files=True))
    private = (
        *(stack.operator_kubeconfig, stack.settings_file, ray.token_file),
        *(folder / "cluster" / "kubeconfig", folder / "logs" / "operator.log"),
    )
    for path in private:
        for uri in (path.as_uri(), f"{stack.data.as_uri()}/../{path.relative_to(folder)}"):
            with pytest.raises(StorageNotAllowedError):
                storage.check(uri)
    for sample in prepare_samples(stack.data):
        job, team = yaml.safe_load_all(sample.read_text(encoding="utf-8"))
        storage.check(job["spec"]["output"]["uri"])
        assert storage.read(job["spec"]["input"]["manifest"])
        assert storage.read(team["spec"]["simulated"]["truthURI"])


class Probe:
    """Stands for an operator: /readyz answers one text after the other, then the last again."""

    def __init__(self, folder: Path, *texts: str) -> None:
        self.family = ProcessFamily(folder)
        self.command = [sys.executable, "-c", _PROBE, str(folder / "port"), *texts]
        self.port = free_ports(1)[0]
        (folder / "port").write_text(str(self.port))


_PROBE = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
texts = [text for text in sys.argv[2:] if not text.startswith("--")]
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write((texts.pop(0) if len(texts) > 1 else texts[0]).encode())
HTTPServer(("127.0.0.1", int(open(sys.argv[1]).read())), Handler).serve_forever()
"""
HELD = "standby: Lease surelabel-system/surelabel is held by 'surelabel/other'.\n"


def stack_of(folder: Path, probe: Probe, said: list[str]) -> LocalStack:
    ray: Any = SimpleNamespace(url="http://127.0.0.1:1", token_file=folder / "ray" / "token")
    return LocalStack(
        folder=folder,
        kubeconfig=folder / "kubeconfig",
        kubectl=folder / "kubectl",
        helm=folder / "helm",
        ray=ray,
        control_plane=None,
        family=probe.family,
        metrics_port=probe.port,
        say=said.append,
    )


def test_an_operator_that_only_stands_by_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_stack, "_LEASE_SECONDS", 0.5)
    probe, said = Probe(tmp_path.resolve(), HELD), list[str]()
    with probe.family, pytest.raises(UserError) as refused:
        stack_of(tmp_path.resolve(), probe, said).start_operator(probe.command)
    holder = "Lease surelabel-system/surelabel is held by 'surelabel/other'."
    assert said == [f"operator standby: {holder} Waiting for it to end"]
    assert holder in str(refused.value)
    assert "End it first" in str(refused.value)


def test_an_operator_that_gets_the_lease_of_a_dead_one_is_ready(tmp_path: Path) -> None:
    probe, said = Probe(tmp_path.resolve(), HELD, HELD, HELD, HELD, "ok\n"), list[str]()
    with probe.family:
        stack_of(tmp_path.resolve(), probe, said).start_operator(probe.command)
    assert len(said) == 1


def told(running: Running, pattern: str) -> str:
    found = re.search(pattern, running.said, re.M)
    assert found, running.said
    return found.group(1)


def test_the_printed_kubeconfig_reaches_the_installed_resources(running: Running) -> None:
    kubeconfig = Path(told(running, r"^export KUBECONFIG=(.+)$"))
    assert "No resources found" in running.kubectl(kubeconfig, "get", "slj,swt", "-A")


def test_the_printed_addresses_answer(running: Running) -> None:
    metrics = told(running, r"^Metrics +(\S+)$")
    with urllib.request.urlopen(metrics, timeout=30) as answer:
        assert b"labeling_" in answer.read()
    token = Path(told(running, r"^ +its token +(\S+)$")).read_text()
    request = urllib.request.Request(
        told(running, r"^Ray dashboard +(\S+)$") + "/api/jobs/",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.read() == b"[]"


def test_the_operator_runs_with_the_rights_of_the_chart(running: Running) -> None:
    operator = running.folder / "operator" / "kubeconfig"
    who = running.kubectl(operator, "auth", "whoami")
    assert "system:serviceaccount:surelabel-system:surelabel-operator" in who
    for arguments in (
        ("list", "secrets"),
        ("create", "pods"),
        ("update", "labelingjobs.surelabel.dev"),
        ("delete", "leases", "--namespace=surelabel-system"),
    ):
        assert running.kubectl(operator, "auth", "can-i", *arguments).startswith("no"), arguments
    assert running.kubectl(operator, "auth", "can-i", "watch", "labelingjobs.surelabel.dev") == (
        "yes\n"
    )


def test_no_secret_stands_in_the_output_or_in_the_settings(running: Running) -> None:
    token = (running.folder / "ray" / "token").read_text()
    for text in (running.said, (running.folder / "operator" / "settings.yaml").read_text()):
        assert token not in text


def test_a_second_one_in_the_same_folder_is_refused(running: Running) -> None:
    done = subprocess.run(
        command(running.folder), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "in use by another running command" in done.stderr
    assert "Traceback" not in done.stderr
    assert running.process.poll() is None


def test_sigterm_ends_everything(running: Running) -> None:
    assert running.processes()
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(90) == 0
    assert running.processes() == []
