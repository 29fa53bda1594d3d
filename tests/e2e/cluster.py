"""A real cluster of one node on this machine, from etcd to KubeRay.

One at a time on a machine. It lives in one folder and one network namespace; all of it, pods
included, ends with the ``with`` block, and at the latest when the next one starts. The logs stay
till then.
"""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from e2e import leftovers, network, services
from e2e.containerd import Containerd
from e2e.kubelet import NODE, start_kubelet
from e2e.prerequisites import find
from e2e.program_image import write_program_image
from e2e.tools import NodeTools
from surelabel_cli import reaper
from surelabel_cli.control_plane import ControlPlane, Setup
from surelabel_cli.processes import Child, FolderInUseError, ProcessFamily, wait_until

FOLDER = Path("/var/lib/surelabel-e2e")
PROBE_IMAGE = "surelabel/probe:e2e"
# Of the times: how long the images alone kept the cluster from being ready.
AFTER_ALL_ELSE = "images, after all else"
_SCHEDULER, _PROXY = "system:kube-scheduler", "system:kube-proxy"
# In a pod these two would have Roles of their own; they are not what is tested.
_DNS, _RAY_OPERATOR = "coredns", "kuberay-operator"


class NodeCluster:
    """The cluster, as a context manager; ``images`` are docker-archives for the node."""

    def __init__(self, tools: NodeTools, images: Sequence[Path]) -> None:
        self._tools = tools
        self._images = images
        self._family = ProcessFamily(FOLDER)
        # Everything but the logs.
        self._folder = FOLDER / "run"
        self._kernel_settings = FOLDER / "kernel-settings.json"
        self._client = self._folder / "kubelet-client"
        self.control_plane = ControlPlane(
            self._folder / "control-plane", tools.toolchain.control_plane, _setup(self._client)
        )
        self._containerd = Containerd(
            self._family, self._folder / "containerd", FOLDER / "images", PROBE_IMAGE
        )
        self._running: dict[str, Child] = {}
        # What the start took, in seconds; some parts start side by side.
        self.seconds: dict[str, float] = {}
        self._open = ExitStack()

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.control_plane.kubeconfig

    @property
    def data(self) -> Path:
        """A folder for volumes of pods; it ends with the cluster."""
        return self._folder / "volumes"

    def __enter__(self) -> Self:
        with self._timed("all"), ExitStack() as opening:
            try:
                opening.enter_context(self._family)
            except FolderInUseError as error:
                raise RuntimeError(
                    f"{FOLDER} belongs to a cluster that runs. There is one at a time on a "
                    "machine: end that one, or wait for it."
                ) from error
            # Of a run that was killed.
            reaper.end_marked(str(self.control_plane.folder))
            leftovers.undo(self._folder, self._kernel_settings)
            shutil.rmtree(FOLDER / "logs", ignore_errors=True)
            opening.callback(self._end)
            self._start_all()
            self._open = opening.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def start(self, name: str) -> None:
        """Start a part of the node: containerd, kubelet, kube-proxy, kube-scheduler, coredns or
        kuberay-operator. Only containerd is ready on return."""
        start = {
            "containerd": self._containerd.start,
            "kubelet": self._start_kubelet,
            "kube-proxy": self._start_proxy,
            "kube-scheduler": self._start_scheduler,
            "coredns": self._start_dns,
            "kuberay-operator": self._start_ray_operator,
        }[name]
        self._running[name] = start()

    def stop(self, name: str, *, kill: bool = False) -> None:
        """Stop a part of the node, or kill it; pods run on."""
        child = self._running.pop(name)
        if kill:
            child.kill()
        else:
            child.stop()

    def kill_container(self, name: str) -> None:
        """End a container of a pod by SIGKILL; RuntimeError if it does not run."""
        self._containerd.kill(name)

    def check(self) -> None:
        """ProcessError if a part has ended by itself."""
        self.control_plane.check()
        for child in self._running.values():
            child.check()

    # -- below: the parts

    def _start_all(self) -> None:
        self._folder.mkdir(parents=True)
        leftovers.note_kernel_settings(self._kernel_settings)
        _make_client_certificate(self._client)
        network.make()
        # Python's own threads suffice: what takes time are the programs.
        with ThreadPoolExecutor(2) as beside:
            runtime = beside.submit(self._start_runtime)
            with self._timed("control plane"):
                self.control_plane.__enter__()
            for name in ("kube-scheduler", "kube-proxy", "coredns"):
                self.start(name)
            runtime.result()
            images = beside.submit(self._load_images)
            ray_operator = beside.submit(self._install_ray_operator)
            with self._timed("node"):
                self.start("kubelet")
                self._wait("The node", self._node_ready, "kubelet")
            ray_operator.result()
            with self._timed("names and KubeRay, after the node"):
                self._wait("CoreDNS", lambda: _answers(services.DNS_READY), "coredns")
                answers = lambda: _answers(services.RAY_OPERATOR_READY)  # noqa: E731
                self._wait("The KubeRay operator", answers, "kuberay-operator")
            with self._timed(AFTER_ALL_ELSE):
                images.result()
        self.check()

    def _end(self) -> None:
        # Nothing is kept, so nothing needs its time to stop.
        self.control_plane.family.kill_all()
        self.control_plane.family.stop()
        self._family.kill_all()
        for log in (self.control_plane.folder / "logs").glob("*.log"):
            log.replace(FOLDER / "logs" / log.name)
        leftovers.undo(self._folder, self._kernel_settings)

    def _start_runtime(self) -> None:
        with self._timed("containerd"):
            self._containerd.prepare()
            self.start("containerd")
            # Before any pod: it is the sandbox of all of them.
            self._containerd.load(write_probe_image(self._folder, self._tools))

    def _load_images(self) -> None:
        with self._timed("images"):
            for archive in self._images:
                self._containerd.load(archive)

    def _install_ray_operator(self) -> None:
        with self._timed("KubeRay's CRDs"):
            kubectl = [self.control_plane.kubectl, f"--kubeconfig={self.kubeconfig}"]
            # The CRDs are larger than what client-side apply can remember.
            command = [*kubectl, "apply", "--server-side", f"--filename={self._tools.ray_crds}"]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        self.start("kuberay-operator")

    def _start_kubelet(self) -> Child:
        return start_kubelet(
            self._family,
            self._folder / "kubelet",
            self._tools.node / "kubelet",
            self._user(f"system:node:{NODE}"),
            self._client.with_suffix(".crt"),
            self._containerd.socket,
        )

    def _start_scheduler(self) -> Child:
        binary = self._tools.node / "kube-scheduler"
        return services.start_scheduler(self._family, binary, self._user(_SCHEDULER))

    def _start_proxy(self) -> Child:
        binary = self._tools.node / "kube-proxy"
        return services.start_proxy(self._family, self._folder, binary, self._user(_PROXY))

    def _start_dns(self) -> Child:
        binary = self._tools.node / "coredns"
        return services.start_dns(self._family, self._folder, binary, self._user(_DNS))

    def _start_ray_operator(self) -> Child:
        binary = self._tools.ray_operator
        kubeconfig = self._user(_RAY_OPERATOR)
        return services.start_ray_operator(self._family, self._folder, binary, kubeconfig)

    def _user(self, name: str) -> Path:
        file = self._folder / f"{name.replace(':', '-')}.kubeconfig"
        return self.control_plane.user_kubeconfig(name, file)

    def _node_ready(self) -> bool:
        try:
            node = self.control_plane.request("GET", f"/api/v1/nodes/{NODE}")
        except urllib.error.HTTPError:
            return False
        tainted = node["spec"].get("taints", [])
        conditions = {each["type"]: each["status"] for each in node["status"]["conditions"]}
        return conditions.get("Ready") == "True" and not tainted

    def _wait(self, what: str, ready: Callable[[], bool], part: str) -> None:
        wait_until(what, ready, self._running[part], 90)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[what] = time.monotonic() - started


def write_probe_image(folder: Path, tools: NodeTools) -> Path:
    """The image of the probe, as a docker-archive in ``folder``."""
    return write_program_image(folder, PROBE_IMAGE, tools.node / "probe", "wait")


def _setup(client: Path) -> Setup:
    """A control plane as a real cluster has it: every controller, every usual admission."""
    return Setup(
        address=network.NODE_ADDRESS,
        launcher=network.LAUNCHER,
        users={
            f"system:node:{NODE}": "system:nodes",
            _SCHEDULER: "",
            _PROXY: "",
            _DNS: "system:masters",
            _RAY_OPERATOR: "system:masters",
        },
        api_server=(
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--advertise-address={network.NODE_ADDRESS}",
            f"--service-cluster-ip-range={network.SERVICES}",
            # For logs and exec; the node's name is in nobody's names.
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={client.with_suffix('.crt')}",
            f"--kubelet-client-key={client.with_suffix('.key')}",
        ),
        controllers=("*",),
    )


def _make_client_certificate(client: Path) -> None:
    """What the API server shows to the kubelet: a certificate that is its own authority."""
    command = [
        *(find("openssl") or "openssl", "req", "-x509", "-nodes", "-days", "2"),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-subj", "/O=system:masters/CN=kube-apiserver", "-addext", "extendedKeyUsage=clientAuth"),
        *("-keyout", str(client.with_suffix(".key")), "-out", str(client.with_suffix(".crt"))),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=2).close()
    except (OSError, urllib.error.URLError):
        return False
    return True
