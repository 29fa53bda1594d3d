"""Control plane, local Ray and the operator in a folder: what ``up``, the demo and tests stand on.

The operator runs as the chart's ServiceAccount with the chart's rights and settings, not as
administrator.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surelabel_cli.control_plane import ControlPlane, service_account_kubeconfig
from surelabel_cli.errors import UserError
from surelabel_cli.installation import NAMESPACE, SERVICE_ACCOUNT, install
from surelabel_cli.local_ray import LocalRay
from surelabel_cli.processes import Child, ProcessError, ProcessFamily, free_ports, wait_until
from surelabel_cli.toolchain import find_toolchain
from surelabel_operator.server import STANDBY

# The name that the samples give to the Ray cluster.
RAY_NAME = "local"
_TOKEN_SECRET = "local-ray"  # noqa: S105 - the Secret's name
_OPERATOR_STOP_SECONDS = 20.0
# The Lease of an operator that was killed is free after 15 s.
_LEASE_SECONDS = 20.0

Say = Callable[[str], None]


@dataclass
class LocalStack:
    """A running stack; ``kubeconfig`` is the administrator's, ``control_plane`` is None on a
    cluster of the user's."""

    folder: Path
    kubeconfig: Path
    kubectl: Path
    helm: Path
    ray: LocalRay
    control_plane: ControlPlane | None
    family: ProcessFamily
    metrics_port: int
    say: Say = lambda _: None
    # More environment for the operator, before it is started.
    operator_environment: dict[str, str] = field(default_factory=dict)
    operator: Child | None = None

    @property
    def ray_url(self) -> str:
        """Ray's dashboard and Jobs API."""
        return self.ray.url

    @property
    def metrics_url(self) -> str:
        """The operator's metrics."""
        return f"http://127.0.0.1:{self.metrics_port}/metrics"

    @property
    def data(self) -> Path:
        """Where jobs of a cluster of the user's may read and write; no secret lies in it."""
        return self.folder / "data"

    @property
    def settings_file(self) -> Path:
        """The operator's settings."""
        return self.folder / "operator" / "settings.yaml"

    @property
    def operator_kubeconfig(self) -> Path:
        """The operator's kubeconfig: its ServiceAccount's rights."""
        return self.folder / "operator" / "kubeconfig"

    def start_operator(self, command: list[str] | None = None) -> None:
        """Start the operator (or ``command`` in its place); ready and at work on return.

        UserError where another one holds the Lease for longer than one that was killed can.
        """
        self.operator = self.family.start(
            "operator",
            [
                *(command or [sys.executable, "-m", "surelabel_operator"]),
                f"--settings={self.settings_file}",
                f"--kubeconfig={self.operator_kubeconfig}",
                f"--namespace={NAMESPACE}",
            ],
            env={
                **{k: v for k, v in os.environ.items() if k != "KUBECONFIG"},
                # The folder has one operator at a time: its Lease is its own after a crash, too.
                "POD_NAME": "up-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:10],
                **self.operator_environment,
            },
        )
        wait_until("The operator", lambda: bool(self._readiness()), self.operator, 60)
        if self._works():
            return
        waits = self._standby()
        self.say(f"operator standby: {waits} Waiting for it to end")
        try:
            wait_until("The Lease", self._works, self.operator, _LEASE_SECONDS)
        except ProcessError:
            # Of the operator's end, if it is that.
            self.operator.check()
            raise UserError(
                f"the operator would only stand by: {self._standby() or waits} That one carries "
                "out this cluster's jobs, with its own Ray and settings. End it first (another "
                f"`surelabel up`; or kubectl -n {NAMESPACE} scale deployment --all --replicas=0), "
                "or use it as it is, without this command."
            ) from None

    def stop_operator(self, *, kill: bool = False) -> None:
        """Stop the operator in its own time, or kill it."""
        if self.operator is not None:
            if kill:
                self.operator.kill()
            else:
                self.operator.stop(_OPERATOR_STOP_SECONDS)
            self.operator = None

    def check(self) -> None:
        """ProcessError if one of the parts has ended by itself."""
        if self.operator is not None:
            self.operator.check()
        self.ray.check()
        if self.control_plane is not None:
            self.control_plane.check()

    def _works(self) -> bool:
        said = self._readiness()
        return bool(said) and not said.startswith(STANDBY)

    def _standby(self) -> str:
        """Whom the operator waits for, as it says."""
        return self._readiness().removeprefix(STANDBY)

    def _readiness(self) -> str:
        """What the operator says once it is ready; empty until then."""
        url = f"http://127.0.0.1:{self.metrics_port}/readyz"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=5) as answer:
                return str(answer.read().decode().strip())
        except (OSError, urllib.error.URLError):
            return ""


@contextmanager
def local_stack(
    folder: Path,
    *,
    kubeconfig: Path | None = None,
    operator: bool = True,
    values: Mapping[str, Any] | None = None,
    say: Say = lambda _: None,
) -> Iterator[LocalStack]:
    """A stack in ``folder``, which keeps everything for the next time; all processes end with it.

    ``kubeconfig``: a cluster of the user's instead of a local control plane. ``values``: more of
    the chart's values. Without ``operator`` it is installed, but ``start_operator`` starts it.
    """
    folder = folder.resolve()
    kubectl, helm, binaries = _tools(local=kubeconfig is None)
    with ExitStack() as parts:
        family = parts.enter_context(ProcessFamily(folder))
        # Ray takes longest, so it starts first and is waited for last.
        ray = parts.enter_context(LocalRay(folder / "ray", wait=False))
        plane = None
        if binaries is not None:
            plane = parts.enter_context(ControlPlane(folder / "cluster", binaries))
            say(f"control plane ready at {plane.url}")
        stack = LocalStack(
            folder=folder,
            kubeconfig=plane.kubeconfig if plane is not None else _existing(kubeconfig),
            kubectl=kubectl,
            helm=helm,
            ray=ray,
            control_plane=plane,
            family=family,
            metrics_port=free_ports(1)[0],
            say=say,
        )
        chart_values = _merged(_values(stack), values or {})
        token = {_TOKEN_SECRET: {"token": ray.token}}
        install(
            helm,
            kubectl,
            stack.kubeconfig,
            values=chart_values,
            secrets=token,
            settings_file=stack.settings_file,
        )
        service_account_kubeconfig(
            kubectl, stack.kubeconfig, NAMESPACE, SERVICE_ACCOUNT, stack.operator_kubeconfig
        )
        say(f"resources and rights installed (namespace {NAMESPACE})")
        ray.wait_ready()
        say(f"Ray ready at {ray.url}")
        # Before the others end, the operator ends in its own time.
        parts.callback(stack.stop_operator)
        if operator:
            stack.start_operator()
            say(f"operator ready, metrics at {stack.metrics_url}")
        yield stack


def _tools(*, local: bool) -> tuple[Path, Path, Path | None]:
    """kubectl, helm and, for a local control plane, the folder of its programs."""
    on_path = [shutil.which(name) for name in ("kubectl", "helm")]
    if not local and all(on_path):
        kubectl, helm = (Path(found) for found in on_path if found)
        return kubectl, helm, None
    toolchain = find_toolchain()
    binaries = toolchain.control_plane if local else None
    return toolchain.require("kubectl"), toolchain.require("helm"), binaries


def _existing(kubeconfig: Path | None) -> Path:
    if kubeconfig is None or not kubeconfig.exists():
        raise UserError(
            f"--kubeconfig: must be a file; got {kubeconfig}. Name another, or leave it out, and a "
            "local control plane is started."
        )
    return kubeconfig.absolute()


def _values(stack: LocalStack) -> dict[str, Any]:
    local = stack.control_plane is not None
    everywhere = ["*"]
    # Only this user can reach a local control plane. On a cluster of their own others may create
    # jobs as well, and those shall not read this machine's files, among them the operator's
    # kubeconfig and Ray's token beside the data.
    prefix = "file:///" if local else stack.data.as_uri() + "/"
    return {
        "settings": {
            "rayClusters": [
                {
                    "name": RAY_NAME,
                    "url": stack.ray.url,
                    "tokenSecret": _TOKEN_SECRET,
                    "namespaces": everywhere,
                }
            ],
            "storage": {
                "localFiles": True,
                "allowedPrefixes": [{"namespaces": everywhere, "prefixes": [prefix]}],
            },
            "logFormat": "text",
        },
        "rbac": {"clusterWideSecrets": local},
        "metrics": {"port": stack.metrics_port},
    }


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in more.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = _merged(old or {}, value) if both else value
    return result
