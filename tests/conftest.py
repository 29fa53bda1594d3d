"""Fixtures of the real components, and how tests are spread over the processes of a run.

Shared by the whole run: one control plane, one Ray head. A test that stops or restarts one takes
its own with ``ControlPlane`` or ``LocalRay``. Use a namespace of your own (``namespace``).
"""

from __future__ import annotations

import asyncio
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import real_parts
from s3 import S3Server
from surelabel_cli.toolchain import Toolchain, ToolchainError, find_toolchain

_FOLDER = pytest.StashKey[Path]()
# Slow files first, so that no process is left alone with one at the end.
_ORDER = ("long", "ray", "cluster")


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's folder, in the process that starts the others."""
    # Before Python 3.12 the first question for the event loop makes one, which nobody closes.
    asyncio.set_event_loop(None)
    if not hasattr(config, "workerinput"):
        config.stash[_FOLDER] = real_parts.open_shared_folder()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what the run shared."""
    folder = config.stash.get(_FOLDER, None)
    if folder is not None:
        real_parts.close_shared_folder(folder)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the slow files first; `--dist loadfile` keeps each in one process."""

    def rank(item: pytest.Item) -> int:
        marks = [place for place, name in enumerate(_ORDER) if item.get_closest_marker(name)]
        return min(marks, default=len(_ORDER))

    files: dict[Path, int] = {}
    for item in items:
        files[item.path] = min(rank(item), files.get(item.path, len(_ORDER)))
    items.sort(key=lambda item: files[item.path])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests said with ``say_at_end``."""
    said = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == "summary"
    ]
    if said:
        terminalreporter.section("measured")
        terminalreporter.write_line("\n".join(map(str, said)))


@pytest.fixture
def say_at_end(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a line at the end of the test run, whichever process runs the test."""
    return lambda text: request.node.user_properties.append(("summary", text))


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The Go tools; they are built by ``make tools``, not by a test."""
    try:
        return find_toolchain(build=False)
    except ToolchainError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def devcluster_bin(toolchain: Toolchain) -> Path:
    """The folder with etcd, kube-apiserver and kubectl."""
    return toolchain.control_plane


def _tool(toolchain: Toolchain, name: str) -> Path:
    try:
        return toolchain.require(name)
    except ToolchainError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def helm(toolchain: Toolchain) -> Path:
    """The helm command."""
    return _tool(toolchain, "helm")


@pytest.fixture(scope="session")
def kubeconform(toolchain: Toolchain) -> Path:
    """The kubeconform command."""
    return _tool(toolchain, "kubeconform")


@dataclass(frozen=True)
class SharedControlPlane:
    """The run's control plane, as administrator."""

    kubeconfig: Path
    kubectl_path: Path
    url: str

    def kubectl(self, *arguments: str | Path, text: str | None = None, check: bool = True) -> str:
        """kubectl's standard output; ``text`` is its input. With ``check=False`` also errors."""
        done = subprocess.run(
            [self.kubectl_path, f"--kubeconfig={self.kubeconfig}", *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout if check else done.stdout + done.stderr


@pytest.fixture(scope="session")
def control_plane(devcluster_bin: Path) -> SharedControlPlane:
    """etcd, API server and controller manager, shared by the run; do not stop them."""
    found = real_parts.shared_component(real_parts.CONTROL_PLANE)
    return SharedControlPlane(Path(found["kubeconfig"]), devcluster_bin / "kubectl", found["url"])


@pytest.fixture(scope="session")
def kubeconfig(control_plane: SharedControlPlane) -> Path:
    """The administrator's kubeconfig of the shared control plane."""
    return control_plane.kubeconfig


@pytest.fixture
def namespace(control_plane: SharedControlPlane) -> Iterator[str]:
    """A new namespace, deleted afterwards (without waiting for it)."""
    name = f"test-{secrets.token_hex(4)}"
    control_plane.kubectl("create", "namespace", name)
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


@dataclass(frozen=True)
class SharedRay:
    """The run's Ray head."""

    url: str
    token_file: Path

    @property
    def token(self) -> str:
        """What its Jobs API wants as bearer token."""
        return self.token_file.read_text()


@pytest.fixture(scope="session")
def ray_head() -> SharedRay:
    """A local Ray head with token, shared by the run; do not stop it."""
    found = real_parts.shared_component(real_parts.RAY)
    return SharedRay(found["url"], Path(found["token_file"]))


@pytest.fixture(scope="session")
def s3_server(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server, one per test process; do not stop it."""
    with S3Server(_tool(toolchain, "versitygw"), tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def own_s3_server(toolchain: Toolchain, tmp_path: Path) -> Iterator[S3Server]:
    """An S3 server that the test may stop and start."""
    with S3Server(_tool(toolchain, "versitygw"), tmp_path / "s3") as server:
        yield server
