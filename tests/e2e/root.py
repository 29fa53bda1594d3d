"""Root file systems as stacks of folders, and commands inside them; needs root and overlayfs.

A build step runs with this machine's package sources, certificates and name servers laid over the
root from outside, so that nothing of them stays in what it writes.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# debian:12-slim leaves these out as well.
_EXCLUDED = ("man", "info", "locale", "lintian", "groff", "doc")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How this machine reaches its package indexes.
_PASSED = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)
_CERTIFICATES = "/run/certificates.pem"
# Everything mounted here ends with the process, also with one that is killed.
_ENTER = """
set -eu
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/root"
mount --bind /etc/apt "$root/etc/apt"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind /etc/hosts "$root/etc/hosts"
[ -z "$certificates" ] || cp "$certificates" "$root/run/certificates.pem"
exec chroot "$root" /usr/bin/env -i "$@"
"""


class ImagesError(Exception):
    """An image cannot be built here; of a command that failed, the message has the last lines."""


def missing_parts() -> str:
    """What this machine lacks to build images, in one line; empty if it lacks nothing."""
    if os.geteuid() != 0:
        return "Images are built by root only, since packages are installed in a root of their own."
    for command, package in (("mmdebstrap", "mmdebstrap"), ("unshare", "util-linux")):
        if not any((Path(folder) / command).exists() for folder in _PATH.split(":")):
            return f"The command {command} is missing: apt-get install {package}."
    return "" if sources() else "No package sources of Debian are below /etc/apt."


def sources() -> Path | None:
    """The file with this machine's own package sources."""
    folder = Path("/etc/apt")
    files = ("sources.list.d/debian.sources", "sources.list.d/ubuntu.sources", "sources.list")
    return next((folder / name for name in files if (folder / name).exists()), None)


def root_command() -> list[str]:
    """The command that makes a minimal root in a folder to be added."""
    options = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _EXCLUDED]
    keep = "--dpkgopt=path-include=/usr/share/doc/*/copyright"
    return ["mmdebstrap", "--variant=minbase", "--mode=root", *options, keep, codename()]


def codename() -> str:
    """This machine's release, whose packages the images are made of."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("VERSION_CODENAME="))


def make_root(folder: Path, epoch: int) -> None:
    """Fill ``folder`` with the minimal root, free of what tells on which machine it was made."""
    folder.mkdir()
    environment = {"PATH": _PATH, "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": str(epoch)}
    _run([*root_command(), str(folder), str(sources())], environment)
    for name in ("etc/hostname", "etc/apt/sources.list"):
        (folder / name).unlink(missing_ok=True)
    for path in (folder / "etc/apt/sources.list.d").iterdir():
        path.unlink()
    # Their owner depends on whether apt's own user could reach the folder; apt makes them anew.
    for name in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (folder / name).rmdir()
    # Empty, so that an engine, or the next step, has where to lay its own.
    for name in ("etc/resolv.conf", "etc/hosts"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).touch()


def run_step(command: str, *, lower: Sequence[Path], upper: Path, known: Mapping[str, str]) -> None:
    """Run a shell command in the root of these folders, the topmost first; changes go to ``upper``.

    ``known``: environment besides what reaching the package indexes needs.
    """
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE") or ""
    inside = {name: os.environ[name] for name in _PASSED if name in os.environ}
    if certificates:
        inside |= {"PIP_CERT": _CERTIFICATES, "SSL_CERT_FILE": _CERTIFICATES}
    inside |= {"PATH": _PATH, "HOME": "/root", **known}
    with tempfile.TemporaryDirectory(dir=upper.parent) as around:
        work, root = Path(around, "work"), Path(around, "root")
        work.mkdir()
        root.mkdir()
        outside = {
            "PATH": _PATH,
            "lower": ":".join(map(str, lower)),
            "upper": str(upper),
            "work": str(work),
            "root": str(root),
            "certificates": certificates,
        }
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _ENTER, "sh"]
        pairs = [f"{name}={value}" for name, value in inside.items()]
        _run([*enter, *pairs, "/bin/sh", "-c", command], outside)


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[-40:]
        shown = " ".join(command[:1] + command[-1:])
        raise ImagesError("\n".join([f"{shown} ended with {done.returncode}:", *said]))
