"""An image's content run as a container would run it, by namespaces alone: its user, its
environment, a read-only root, a network of its own with nothing but loopback.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# The test's folder has the same name inside. It and a pod's usual volumes alone can be written.
_START = """
set -eu
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
echo "127.0.0.1 localhost" >"$root/tmp/hosts"
mount --bind "$root/tmp/hosts" "$root/etc/hosts"
mkdir "$root$data"
mount --bind "$data" "$root$data"
mount -o remount,bind,ro "$root"
ip link set lo up
exec chroot "$root" sh -c "echo ready; exec sleep infinity"
"""


@dataclass(frozen=True)
class Unpacked:
    """An archive's layers in one folder, and the image's configuration."""

    root: Path
    config: Mapping[str, Any]


def unpack(archive: Path, folder: Path) -> Unpacked:
    """Lay the layers over each other, as an engine does; needs root."""
    folder.mkdir()
    with tarfile.open(archive) as file:
        (manifest,) = json.load(_member(file, "manifest.json"))
        config = json.load(_member(file, manifest["Config"]))["config"]
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=_member(file, name), mode="r|") as layer:
                for entry in layer:
                    _lay(layer, entry, folder)
    return Unpacked(folder, config)


def _member(file: tarfile.TarFile, name: str) -> Any:
    found = file.extractfile(name)
    assert found is not None
    return found


def _lay(layer: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> None:
    parent, _, last = entry.name.rpartition("/")
    if last == ".wh..wh..opq":
        # It comes before what its folder holds, so only lower layers have put something there.
        shutil.rmtree(folder / parent)
        (folder / parent).mkdir()
        return
    if last.startswith(".wh."):
        (folder / parent / last.removeprefix(".wh.")).unlink()
        return
    target = folder / entry.name
    if target.is_symlink() or target.is_file():
        target.unlink()
    layer.extract(entry, folder, numeric_owner=True, filter="fully_trusted")


class Container:
    """Processes of one image in one set of namespaces.

    ``user``: numbers instead of the image's, such as a cluster may give out. ``data``: a folder
    below /tmp that has the same name inside; removed at the end.
    """

    def __init__(self, image: Unpacked, user: str | None = None) -> None:
        self._image = image
        self.data = Path(tempfile.mkdtemp(prefix="surelabel-", dir="/tmp"))
        numbers: list[str] = (user or image.config["User"]).split(":")
        self._user, self._group = numbers
        self._first: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.own_data()
        spaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
        self._first = subprocess.Popen(
            # Ends also with a test run that is killed, which leaves no chance to end it.
            ["setpriv", "--pdeathsig", "KILL", "unshare", *spaces, "sh", "-c", _START],
            env={**os.environ, "root": str(self._image.root), "data": str(self.data)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._first.stdout is not None
        assert self._first.stdout.readline() == "ready\n"
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        # Its child is the first process of the namespace: with it all others end.
        assert self._first is not None
        child = Path("/proc", self._child())
        self._first.kill()
        self._first.wait(timeout=30)
        deadline = time.monotonic() + 30
        while child.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._first.stdout:
            self._first.stdout.close()
        shutil.rmtree(self.data)

    def own_data(self) -> None:
        """Give the image's user all that lies in ``data``."""
        for path in [self.data, *self.data.rglob("*")]:
            os.chown(path, int(self._user), int(self._group))

    def run(
        self, *command: str, environment: Mapping[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as the image's user in the image's environment."""
        given = [f"{name}={value}" for name, value in (environment or {}).items()]
        folder = self._image.config["WorkingDir"]
        enter = ["nsenter", "--target", self._child(), "--mount", "--pid", "--net", "--ipc"]
        enter += ["--uts", "--root", "--setuid", self._user, "--setgid", self._group]
        inside = ["env", "--chdir", folder, "-i", *self._image.config["Env"], *given]
        return subprocess.run(
            [*enter, *inside, "setpriv", "--no-new-privs", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def wait_for(self, command: Sequence[str], seconds: float) -> str:
        """Standard output of the command, repeated until it succeeds."""
        deadline = time.monotonic() + seconds
        while True:
            done = self.run(*command)
            if done.returncode == 0:
                return done.stdout
            assert time.monotonic() < deadline, done.stdout + done.stderr
            time.sleep(0.2)

    def _child(self) -> str:
        assert self._first is not None
        children = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children")
        (child,) = children.read_text().split()
        return child
