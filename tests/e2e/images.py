"""Builds the images from the Containerfiles without an engine and without a registry:
``PYTHONPATH=tests python -m e2e.images [CACHE]`` prints the archives.

FROM finds a minimal root of Debian packages. A stage is an overlay folder and runs its steps in a
chroot; the last stage's layers are packed as a docker-archive. Everything is kept in the cache
under a digest of what went in, so a change in the code builds and packs the code alone again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.archive import digest_of, write_archive, write_layer
from e2e.containerfile import Instruction, Stage, read_stages
from e2e.root import ImagesError, make_root, missing_parts, root_command, run_step

ROOT = Path(__file__).resolve().parents[2]

# One date for all that is built here, so that a digest of the inputs is one of the output too.
EPOCH = 1767225600
BASE = "debian-minbase"
_GIVEN = {"BASE": BASE, "REVISION": "e2e", "SOURCE_DATE_EPOCH": str(EPOCH)}
# As in .dockerignore.
IGNORED = ("__pycache__", "node_modules", "*.egg-info")
_ARCHIVES_KEPT = 4
# Another checkout may be about to load what it just built.
_SECONDS_NEW = 3600
_SECONDS_KEPT = 14 * 24 * 3600


def default_cache() -> Path:
    """Where images are kept for all checkouts of this user."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "surelabel" / "images"


def build_operator_image(cache: Path) -> Path:
    """A docker-archive with ``surelabel/operator:e2e``."""
    return _build("operator", cache)


def build_workloads_image(cache: Path) -> Path:
    """A docker-archive with ``surelabel/workloads:e2e``."""
    return _build("workloads", cache)


def stage_keys(image: str) -> dict[str, str]:
    """What each stage before the last is kept under; another key, and it is built again."""
    *stages, _ = _stages(image)
    builder = _Builder(Path(), {stage.name: stage for stage in stages})
    return {stage.name: builder.key(stage) for stage in stages}


def _stages(image: str) -> list[Stage]:
    return read_stages(ROOT / "containers" / f"Containerfile.{image}", _GIVEN)


def _build(image: str, cache: Path) -> Path:
    missing = missing_parts()
    if missing:
        raise ImagesError(missing)
    stages = _stages(image)
    with _locked(cache.resolve()) as folder:
        builder = _Builder(folder, {stage.name: stage for stage in stages})
        archive = builder.archive(image, stages[-1])
        prune(folder, image)
    return archive


@dataclass(frozen=True)
class _Layer:
    """A folder of the cache that becomes a layer at a path of the image."""

    key: str
    tree: Path
    at: str


class _Builder:
    """One build in one cache folder, which nobody else changes meanwhile."""

    def __init__(self, cache: Path, stages: dict[str, Stage]) -> None:
        self._cache = cache
        self._stages = stages

    def archive(self, image: str, last: Stage) -> Path:
        """The image's archive, packed if it is not in the cache."""
        layers = [*self._layers_below(last), *self._copied_layers(last)]
        config = _config_of(last)
        key = _digest([_packing(), config, [[layer.key, layer.at] for layer in layers]])
        path = self._cache / "archives" / f"{image}-{key}.tar"
        if not path.exists():
            packed = [self._packed(layer) for layer in layers]
            new = path.with_suffix(".new")
            write_archive(new, f"surelabel/{image}:e2e", packed, config, EPOCH)
            new.rename(path)
        os.utime(path)
        return path

    def _packed(self, layer: _Layer) -> Path:
        path = self._cache / "layers" / f"{_digest([_packing(), layer.key, layer.at])}.tar"
        if not path.exists():
            new = path.with_suffix(".new")
            write_layer(new, layer.tree, layer.at, EPOCH)
            new.rename(path)
        os.utime(path)
        return path

    def _layers_below(self, stage: Stage) -> list[_Layer]:
        """The layers that a stage starts from, the lowest first."""
        if stage.parent == BASE:
            return [_Layer(_root_key(), self._root(), "")]
        parent = self._stages[stage.parent]
        own = _Layer(self.key(parent), self._tree(parent), "")
        return [*self._layers_below(parent), own]

    def _copied_layers(self, last: Stage) -> Iterator[_Layer]:
        """A layer for each ``COPY --from``; the last stage may do nothing else."""
        for step in last.steps:
            options, sources, at = _copy_of(step)
            if step.name != "COPY" or not options or len(sources) != 1:
                raise ImagesError(f"{step.name} {step.rest}: the last stage may only COPY --from.")
            name = options[0].removeprefix("--from=")
            yield self._found_in(self._stages[name], sources[0].strip("/"), at)

    def _found_in(self, stage: Stage, name: str, at: str) -> _Layer:
        """Where a path of a stage lies: in one folder of its stack, so that nothing is merged."""
        own = _Layer(self.key(stage), self._tree(stage), "")
        stack = [*self._layers_below(stage), own]
        having = [layer for layer in stack if (layer.tree / name).exists()]
        if len(having) != 1:
            raise ImagesError(f"/{name} is in {len(having)} of the stages up to {stage.name}.")
        return _Layer(f"{having[0].key}/{name}", having[0].tree / name, at)

    def _root(self) -> Path:
        folder = self._cache / "stages" / _root_key()
        if not folder.exists():
            new = _fresh(folder.with_suffix(".new"))
            make_root(new / "tree", EPOCH)
            new.rename(folder)
        os.utime(folder)
        return folder / "tree"

    def key(self, stage: Stage) -> str:
        """A digest of all that decides what a stage is."""
        parent = _root_key() if stage.parent == BASE else self.key(self._stages[stage.parent])
        copied = [
            _content(ROOT / source)
            for step in stage.steps
            if step.name == "COPY"
            for source in _copy_of(step)[1]
        ]
        steps = [[step.name, step.rest] for step in stage.steps]
        return _digest([parent, stage.arguments, stage.environment, steps, copied])

    def _tree(self, stage: Stage) -> Path:
        """What a stage changes, as an overlay's upper folder."""
        folder = self._cache / "stages" / self.key(stage)
        if not folder.exists():
            lower = [layer.tree for layer in reversed(self._layers_below(stage))]
            new = _fresh(folder.with_suffix(".new"))
            upper = new / "tree"
            upper.mkdir()
            for step in stage.steps:
                if step.name == "COPY":
                    _copy(step, upper)
                else:
                    run_step(
                        step.rest,
                        lower=lower,
                        upper=upper,
                        known=stage.arguments | stage.environment,
                    )
            new.rename(folder)
        os.utime(folder)
        return folder / "tree"


def _config_of(stage: Stage) -> dict[str, Any]:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    config: dict[str, Any] = {
        "Env": [f"{name}={value}" for name, value in stage.environment.items()],
        "ExposedPorts": {f"{port}/tcp": {} for port in stage.ports},
        "Labels": stage.labels,
        "User": stage.user,
        "WorkingDir": stage.folder,
    }
    if stage.entrypoint:
        config["Entrypoint"] = stage.entrypoint
    return {"architecture": machine, "os": "linux", "config": config}


def _copy_of(step: Instruction) -> tuple[list[str], list[str], str]:
    """(options, sources, destination) of a COPY."""
    words = step.rest.split()
    options = [word for word in words if word.startswith("--")]
    *sources, at = words[len(options) :]
    return options, sources, at


def _copy(step: Instruction, upper: Path) -> None:
    """Copy from the checkout, with the modes that a fresh checkout has."""
    options, sources, at = _copy_of(step)
    if options:
        raise ImagesError(f"COPY {step.rest}: only the last stage may copy from another.")
    target = upper / at.strip("/")
    for source in sources:
        for path, name in _files_of(ROOT / source):
            into = target / name if name or not at.endswith("/") else target / path.name
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, into)
            into.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    for folder in (path for path in upper.rglob("*") if path.is_dir()):
        folder.chmod(0o755)


def _files_of(source: Path) -> Iterator[tuple[Path, str]]:
    """The files of a source that count, with their names below it; a file itself has none."""
    if source.is_file():
        yield source, ""
        return
    for path in sorted(source.iterdir()):
        if any(path.match(pattern) for pattern in IGNORED):
            continue
        for found, name in _files_of(path):
            yield found, f"{path.name}/{name}".rstrip("/")


def _content(source: Path) -> list[list[str]]:
    return [[name, str(digest_of(path))] for path, name in _files_of(source)]


def _root_key() -> str:
    return _digest([root_command(), EPOCH, (ROOT / "tests" / "e2e" / "root.py").read_text()])


def _packing() -> str:
    return digest_of(ROOT / "tests" / "e2e" / "archive.py")


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:24]


def _fresh(folder: Path) -> Path:
    # Left by a build that was stopped.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@contextmanager
def _locked(cache: Path) -> Iterator[Path]:
    for name in ("stages", "layers", "archives"):
        (cache / name).mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield cache


def prune(cache: Path, image: str) -> None:
    """Drop what nobody used for two weeks, and all but the newest archives of the image."""
    now = time.time()
    archives = sorted((cache / "archives").glob(f"{image}-*.tar"), key=_last_use)
    old = [path for path in archives[:-_ARCHIVES_KEPT] if _last_use(path) < now - _SECONDS_NEW]
    parts = [*(cache / "stages").iterdir(), *(cache / "layers").iterdir()]
    unused = [path for path in parts if _last_use(path) < now - _SECONDS_KEPT]
    for path in [*old, *unused]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _last_use(path: Path) -> float:
    return path.stat().st_mtime


def main(arguments: Sequence[str]) -> int:
    """Build both and print where they are."""
    cache = Path(arguments[0]) if arguments else default_cache()
    try:
        for build in (build_operator_image, build_workloads_image):
            print(build(cache))
    except ImagesError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
