"""The control plane as users get it: tokens, certificates, its return, its end."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from surelabel_cli.control_plane import API_SERVER, CONTROLLER_MANAGER, ETCD, ControlPlane
from surelabel_cli.reaper import marked_processes

pytestmark = pytest.mark.cluster

_PARENT = """
import sys, time
from pathlib import Path
from surelabel_cli.control_plane import ControlPlane
with ControlPlane(Path(sys.argv[1]), Path(sys.argv[2])):
    print("ready", flush=True)
    time.sleep(1000)
"""


@pytest.fixture(scope="module")
def plane(devcluster_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One of our own, since it is stopped and started."""
    with ControlPlane(tmp_path_factory.mktemp("plane"), devcluster_bin) as plane:
        yield plane


def kubectl(plane: ControlPlane, *arguments: str, kubeconfig: Path | None = None) -> str:
    done = subprocess.run(
        [plane.kubectl, f"--kubeconfig={kubeconfig or plane.kubeconfig}", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def get(plane: ControlPlane, token: str | None) -> int:
    request = urllib.request.Request(f"{plane.url}/api")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    context = ssl.create_default_context(cafile=str(plane.ca_file))
    try:
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_client_and_server_have_the_same_version(plane: ControlPlane) -> None:
    found = json.loads(kubectl(plane, "version", "--output=json"))
    assert found["clientVersion"]["gitVersion"] == found["serverVersion"]["gitVersion"]
    assert found["serverVersion"]["gitVersion"].startswith("v1.")


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_request_without_a_valid_token_is_refused(plane: ControlPlane, token: str | None) -> None:
    assert get(plane, token) == 401


def test_a_client_without_the_certificate_refuses_the_server(plane: ControlPlane) -> None:
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(f"{plane.url}/api", timeout=10)


def test_secrets_are_readable_by_their_owner_only(plane: ControlPlane) -> None:
    for file in (plane.kubeconfig, plane.folder / "tokens.csv"):
        assert file.stat().st_mode & 0o077 == 0


def test_a_service_account_has_its_own_rights_only(plane: ControlPlane, tmp_path: Path) -> None:
    kubectl(plane, "create", "serviceaccount", "reader", "--namespace=default")
    config = plane.service_account_kubeconfig("default", "reader", tmp_path / "reader.kubeconfig")
    assert "system:serviceaccount:default:reader" in kubectl(
        plane, "auth", "whoami", kubeconfig=config
    )
    assert "is forbidden" in kubectl(plane, "get", "secrets", kubeconfig=config)


def test_children_are_deleted_with_their_owner(plane: ControlPlane) -> None:
    kubectl(plane, "create", "configmap", "owner")
    uid = kubectl(plane, "get", "configmap", "owner", "--output=jsonpath={.metadata.uid}")
    child = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "child",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
            ],
        },
    }
    plane.request("POST", "/api/v1/namespaces/default/configmaps", child)
    kubectl(plane, "delete", "configmap", "owner")
    assert kubectl(plane, "wait", "--for=delete", "configmap/child", "--timeout=60s") == (
        "configmap/child condition met\n"
    ) or "not found" in kubectl(plane, "get", "configmap", "child")


@pytest.mark.parametrize("component", [ETCD, API_SERVER])
def test_objects_survive_a_killed_component(plane: ControlPlane, component: str) -> None:
    name = f"before-{component}"
    kubectl(plane, "create", "configmap", name)
    plane.restart_component(component, kill=True)
    assert name in kubectl(plane, "get", "configmaps")


def test_the_same_control_plane_comes_back_in_the_same_folder(
    devcluster_bin: Path, tmp_path: Path
) -> None:
    with ControlPlane(tmp_path, devcluster_bin) as first:
        kubectl(first, "create", "configmap", "kept")
        before = first.kubeconfig.read_text()
    with ControlPlane(tmp_path, devcluster_bin) as second:
        assert second.kubeconfig.read_text() == before
        assert "kept" in kubectl(second, "get", "configmaps")
        assert second.components == (ETCD, API_SERVER, CONTROLLER_MANAGER)


def test_nothing_is_left_when_the_parent_is_killed(devcluster_bin: Path, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path), str(devcluster_bin)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    assert len(marked_processes(str(tmp_path))) == 3
    parent.send_signal(signal.SIGKILL)
    parent.wait(30)
    parent.stdout.close()
    deadline = time.monotonic() + 15
    while marked_processes(str(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
