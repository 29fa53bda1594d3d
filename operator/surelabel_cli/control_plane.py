"""etcd, kube-apiserver and kube-controller-manager in a folder, without root or containers.

Everything listens on one address with a certificate that clients verify, and asks for a token;
anonymous requests are refused. Ports, keys and data stay in the folder, so the same control
plane comes back when it is started again there. It runs no pods: there is no scheduler and no
node, unless a ``Setup`` prepares it for those (the tests' real cluster does).
"""

from __future__ import annotations

import json
import secrets
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
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

ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"

# What makes deletion by ownerReferences, namespaces and admission policies behave as in a real
# cluster; the rest of the controllers are about pods and nodes.
_CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "validatingadmissionpolicy-status-controller",
)
_TOKEN_DAYS = 365
_ADMINISTRATORS = "system:masters"


@dataclass(frozen=True)
class Setup:
    """Where a control plane listens and what it is for; by default a loopback one without nodes."""

    address: str = "127.0.0.1"
    # Stands before every command, such as one that enters a network namespace.
    launcher: tuple[str, ...] = ()
    # Further users that get a token, with their group ("" for none).
    users: Mapping[str, str] = field(default_factory=dict)
    api_server: tuple[str, ...] = (
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        # A second API server never comes, so its lease would only write to etcd.
        "--endpoint-reconciler-type=none",
    )
    controllers: tuple[str, ...] = _CONTROLLERS


WITHOUT_NODES = Setup()


class ControlPlane:
    """A control plane in ``folder``, as a context manager.

    ``binaries``: a folder with etcd, kube-apiserver and kubectl; without kube-controller-manager
    (envtest's assets have none) nothing is deleted by ownerReferences.
    """

    def __init__(self, folder: Path, binaries: Path, setup: Setup = WITHOUT_NODES) -> None:
        self.family = ProcessFamily(folder)
        self.folder = self.family.folder
        self.binaries = binaries
        self.setup = setup
        self.kubeconfig = self.folder / "admin.kubeconfig"
        self._children: dict[str, Child] = {}
        self._ports: dict[str, int] = {}

    @property
    def url(self) -> str:
        """The API server's address."""
        return f"https://{self.setup.address}:{self._ports['api']}"

    @property
    def ca_file(self) -> Path:
        """The certificate that clients verify the server with."""
        return self.folder / "certs" / "apiserver.crt"

    @property
    def kubectl(self) -> Path:
        """The kubectl of the same version."""
        return self.binaries / "kubectl"

    @property
    def components(self) -> tuple[str, ...]:
        """The components that this control plane has, in the order of their start."""
        names = (ETCD, API_SERVER, CONTROLLER_MANAGER)
        return tuple(name for name in names if (self.binaries / name).exists())

    def __enter__(self) -> Self:
        self.family.__enter__()
        try:
            self.start()
        except BaseException:
            self.family.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.family.stop()

    def start(self) -> None:
        """Start all components and write the administrator's kubeconfig; ready on return."""
        for attempt in (1, 2, 3):
            self._ports = self._choose_ports(fresh=attempt > 1)
            try:
                for name in (ETCD, API_SERVER):
                    self.start_component(name)
                self.wait_ready()
            except ProcessError as error:
                # Between choosing a port and listening on it somebody else may take it.
                self.stop()
                if attempt == 3 or "address already in use" not in str(error):
                    raise
            else:
                break
        self.user_kubeconfig("admin", self.kubeconfig)
        if CONTROLLER_MANAGER in self.components:
            self.start_component(CONTROLLER_MANAGER)

    def stop(self) -> None:
        """Stop all components; their data stays."""
        for name in reversed(tuple(self._children)):
            self.stop_component(name)

    def start_component(self, name: str) -> None:
        """Start one component with its old ports and data; does not wait for it."""
        arguments = {
            ETCD: self._etcd_arguments,
            API_SERVER: self._api_server_arguments,
            CONTROLLER_MANAGER: self._controller_manager_arguments,
        }[name]
        self._children[name] = self.family.start(
            name, [*self.setup.launcher, self.binaries / name, *arguments()]
        )

    def stop_component(self, name: str, *, kill: bool = False) -> None:
        """Stop one component (the API server takes some seconds), or kill it."""
        child = self._children.pop(name)
        if kill:
            child.kill()
        else:
            child.stop()

    def restart_component(self, name: str, *, kill: bool = False) -> None:
        """Stop (or kill) one component, start it again, wait until the control plane is ready."""
        self.stop_component(name, kill=kill)
        self.start_component(name)
        self.wait_ready()

    def check(self) -> None:
        """ProcessError if a component has ended by itself."""
        for child in self._children.values():
            child.check()

    def wait_ready(self, seconds: float = 60) -> None:
        """Wait until the API server says so and its first namespaces exist."""
        wait_until(
            "kube-apiserver",
            # readyz alone comes before the default namespace.
            lambda: self._answers("/readyz") and self._answers("/api/v1/namespaces/default"),
            self._children.get(API_SERVER),
            seconds,
        )

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The API server's JSON answer to a request as administrator; HTTPError otherwise."""
        request = urllib.request.Request(  # noqa: S310 - always https
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._tokens()['admin']}",
                "Content-Type": "application/json",
            },
        )
        context = ssl.create_default_context(cafile=str(self.ca_file))
        # No proxy of the environment stands between us and this machine.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(request, timeout=10) as answer:
            data = answer.read()
        return json.loads(data) if data.startswith(b"{") else data.decode()

    def user_kubeconfig(self, user: str, path: Path) -> Path:
        """Write a kubeconfig with the token of one of the users to ``path``."""
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        write_private(path, kubeconfig_text(cluster, self._tokens()[user]))
        return path

    def service_account_kubeconfig(self, namespace: str, name: str, path: Path) -> Path:
        """Write a kubeconfig with a token of the ServiceAccount (TokenRequest API) to ``path``."""
        return service_account_kubeconfig(self.kubectl, self.kubeconfig, namespace, name, path)

    # -- below: files and arguments

    def _answers(self, path: str) -> bool:
        try:
            self.request("GET", path)
        except (OSError, ssl.SSLError, urllib.error.URLError):
            return False
        return True

    def _choose_ports(self, *, fresh: bool) -> dict[str, int]:
        file = self.folder / "ports.json"
        if file.exists() and not fresh:
            ports: dict[str, int] = json.loads(file.read_text())
            return ports
        names = ("etcd", "peer", "api", "manager")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        file.write_text(json.dumps(ports))
        return ports

    def _tokens(self) -> dict[str, str]:
        file = self.folder / "tokens.csv"
        if not file.exists():
            users = dict.fromkeys(("admin", "controller-manager"), _ADMINISTRATORS)
            lines = [
                f'{secrets.token_urlsafe(32)},{user},{user},"{group}"'
                for user, group in {**users, **self.setup.users}.items()
            ]
            write_private(file, "\n".join(lines) + "\n")
        rows = [line.split(",") for line in file.read_text().splitlines()]
        return {user: token for token, user, *_ in rows}

    def _etcd_arguments(self) -> list[str]:
        client = f"http://127.0.0.1:{self._ports['etcd']}"
        peer = f"http://127.0.0.1:{self._ports['peer']}"
        return [
            f"--data-dir={self.folder / 'etcd'}",
            # A killed process loses nothing by it; only a machine that loses power does.
            "--unsafe-no-fsync",
            "--log-level=warn",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]

    def _api_server_arguments(self) -> list[str]:
        self._tokens()
        certificates = self.folder / "certs"
        # The server makes this key with its certificate on the first start, before it reads it
        # here; it needs no openssl on the machine.
        key = certificates / "apiserver.key"
        return [
            f"--etcd-servers=http://127.0.0.1:{self._ports['etcd']}",
            f"--cert-dir={certificates}",
            f"--secure-port={self._ports['api']}",
            f"--bind-address={self.setup.address}",
            "--anonymous-auth=false",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--shutdown-delay-duration=0",
            *self.setup.api_server,
        ]

    def _controller_manager_arguments(self) -> list[str]:
        kubeconfig = self.user_kubeconfig(
            "controller-manager", self.folder / "controller-manager.kubeconfig"
        )
        return [
            f"--kubeconfig={kubeconfig}",
            f"--root-ca-file={self.ca_file}",
            f"--controllers={','.join(self.setup.controllers)}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._ports['manager']}",
            f"--cert-dir={self.folder / 'manager-certs'}",
        ]


def kubeconfig_text(cluster: dict[str, Any], token: str, namespace: str = "default") -> str:
    """A kubeconfig (JSON, which is YAML) with one cluster and one user."""
    context = {"cluster": "surelabel", "user": "surelabel", "namespace": namespace}
    value = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "surelabel", "cluster": cluster}],
        "users": [{"name": "surelabel", "user": {"token": token}}],
        "contexts": [{"name": "surelabel", "context": context}],
        "current-context": "surelabel",
    }
    return json.dumps(value, indent=1) + "\n"


def service_account_kubeconfig(
    kubectl: Path, kubeconfig: Path, namespace: str, name: str, path: Path
) -> Path:
    """Write a kubeconfig for a ServiceAccount of the cluster of ``kubeconfig`` to ``path``.

    The token comes from the TokenRequest API; the cluster may shorten its life.
    """
    common: list[str | Path] = [kubectl, f"--kubeconfig={kubeconfig}"]
    hours = f"{_TOKEN_DAYS * 24}h"
    token = _output([*common, "create", "token", name, f"-n={namespace}", f"--duration={hours}"])
    view = json.loads(
        _output([*common, "config", "view", "--minify", "--flatten", "--raw", "-ojson"])
    )
    write_private(path, kubeconfig_text(view["clusters"][0]["cluster"], token.strip(), namespace))
    return path


def _output(command: list[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        shown = " ".join(str(part) for part in command[1:4])
        raise ProcessError(f"kubectl {shown} failed: {done.stderr.strip()[-1_000:]}")
    return done.stdout
