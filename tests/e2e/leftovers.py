"""What a node does to the machine outside its own processes, and how all of it is undone.

Called at the end of a cluster, and before one starts, since the last one may have been killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from pathlib import Path

from e2e import cgroups, network

_PROC_SYS = Path("/proc/sys")
# What the kubelet sets for the whole machine.
KERNEL_SETTINGS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
_MNT_DETACH = 2
# Two folders that cannot be chosen: kubelet's links to logs, and what plugins did to networks.
_LINKS = Path("/var/log/containers")
_NETWORK_RESULTS = Path("/var/lib/cni/results")


def note_kernel_settings(file: Path) -> None:
    """Write down the settings that a kubelet changes."""
    found = {name: (_PROC_SYS / name).read_text() for name in KERNEL_SETTINGS}
    file.write_text(json.dumps(found))


def undo(folder: Path, kernel_settings: Path) -> None:
    """End what runs in pods, remove mounts, network, cgroups and ``folder``, restore the settings;
    harmless where there is nothing. containerd and kubelet must have ended."""
    cgroups.remove()
    _unmount_below(folder)
    network.remove()
    if kernel_settings.exists():
        for name, value in json.loads(kernel_settings.read_text()).items():
            (_PROC_SYS / name).write_text(value)
        kernel_settings.unlink()
    _remove_traces(folder.parent)
    if folder.exists():
        shutil.rmtree(folder)


def _unmount_below(folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    # The latest first: it may lie on an earlier one.
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        # Blanks in paths are written in octal.
        place = line.split()[4].encode().decode("unicode_escape")
        if Path(place).is_relative_to(folder) and libc.umount2(place.encode(), _MNT_DETACH) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), place)


def _remove_traces(folder: Path) -> None:
    for link in _LINKS.glob("*"):
        if link.is_symlink() and link.readlink().is_relative_to(folder):
            link.unlink()
    for result in _NETWORK_RESULTS.glob(f"{network.NAME}-*"):
        # The same pod's loopback, under the same id.
        pod = result.name.removeprefix(f"{network.NAME}-").rpartition("-")[0]
        (_NETWORK_RESULTS / f"cni-loopback-{pod}-lo").unlink(missing_ok=True)
        result.unlink()
