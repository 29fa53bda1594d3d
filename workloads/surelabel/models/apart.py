"""A model in a process of its own, with limits of time and memory.

Whatever it does there (raise, hang, exit, be killed, fill the memory, answer nonsense) comes back
as ModelFailedError. What it answers is read as plain arrays and checked; nothing is unpickled.
"""

from __future__ import annotations

import io
import json
import os
import selectors
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from surelabel.models.about import About
from surelabel.models.estimators import Features, Floats, NotUsableError, OutsideModel

# An answer is a short line; more is not one of ours.
_LINE_MAX = 64 * 1024
_TAIL = 2_000
# The file of an array: its numbers, and a header.
_HEADER_MAX = 4_096
_FILE_MAX = 2 * 1024**3
_SUM_TOLERANCE = 1e-3
# It needs no rights of the stage's.
_KEPT_FROM_IT = ("AWS_", "AZURE_", "GOOGLE_", "RAY_", "SURELABEL_")


class ModelFailedError(Exception):
    """A model failed in its process; the message says how."""


@dataclass(frozen=True)
class Limits:
    """``seconds``: of all that is asked of it together."""

    seconds: float
    memory_bytes: int
    num_cpus: int = 1


@contextmanager
def apart(
    model: OutsideModel, *, n_classes: int, seed: int, limits: Limits
) -> Iterator[ModelApart]:
    """The model in its process, which ends with the block."""
    with tempfile.TemporaryDirectory(prefix="surelabel-model-") as name:
        folder = Path(name)
        asked = {
            "name": model.name,
            "entrypoint": model.entrypoint,
            "parameters": dict(model.parameters),
            "n_classes": n_classes,
            "seed": seed,
            "memory_bytes": limits.memory_bytes,
        }
        (folder / "model.json").write_text(json.dumps(asked))
        command = [sys.executable, "-P", "-m", "surelabel.models.apart_child", name]
        with subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Nothing is left to be written to a process that is gone.
            bufsize=0,
            cwd=folder,
            env=_environment(folder, limits),
            start_new_session=True,
        ) as process:
            running = ModelApart(process, folder, model.shown, n_classes, limits)
            try:
                yield running
            finally:
                running.end()


def memory_of_machine() -> int:
    """Bytes that this process may use: of the container if it is limited, else the machine."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        found = min(found, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return found


class ModelApart:
    """A running process with a model in it; made by ``apart``."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        folder: Path,
        shown: str,
        n_classes: int,
        limits: Limits,
    ) -> None:
        self._process = process
        self._folder = folder
        self._shown = shown
        self._n_classes = n_classes
        self._limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._number = 0
        self._unread = b""
        self._said = b""
        # Read all the time, or a model that prints much would wait for ever.
        self._listener = threading.Thread(target=self._listen, args=(process.stderr,), daemon=True)
        self._listener.start()

    def check(self, *, is_sparse: bool) -> None:
        """Import and make the model; NotUsableError, ModelFailedError."""
        self._ask({"do": "check", "sparse": is_sparse})

    def fit(self, features: Features, label: NDArray[np.int64]) -> Floats:
        """Train it; (n_labels, n_classes): each item by a model that never saw its label."""
        np.save(self._folder / "label.npy", label)
        return self._proba({"do": "fit", "label": "label.npy"}, features)

    def load(self, data: bytes) -> None:
        """Take a trained model's file in place of a new model."""
        (self._folder / "given.skops").write_bytes(data)
        self._ask({"do": "load", "file": "given.skops"})

    def predict_proba(self, features: Features) -> Floats:
        """(n_items, n_classes): probabilities as the trained model says them."""
        if features.shape[0] == 0:
            return np.zeros((0, self._n_classes))
        return self._proba({"do": "predict"}, features)

    def file(self, *, sharpness: float, noise: float) -> bytes:
        """Its file with its temperature, never read in this process."""
        answer = self._folder / "model.skops"
        self._ask({"do": "save", "answer": answer.name, "sharpness": sharpness, "noise": noise})
        data = self._bytes(answer, _FILE_MAX)
        if not zipfile.is_zipfile(io.BytesIO(data)):
            raise self._nonsense("what is no model file")
        return data

    def onnx(self, about: About) -> bytes:
        """The model that was loaded as an ONNX graph."""
        answer = self._folder / "model.onnx"
        self._ask({"do": "onnx", "answer": answer.name, "about": about.model_dump(mode="json")})
        return self._bytes(answer, _FILE_MAX)

    def end(self) -> None:
        """Kill it and what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._listener.join(timeout=5)

    def _proba(self, command: dict[str, Any], features: Features) -> Floats:
        self._number += 1
        answer = self._folder / f"answer-{self._number}.npy"
        if sparse.issparse(features):
            given = self._folder / "features.npz"
            sparse.save_npz(given, sparse.csr_matrix(features), compressed=False)
        else:
            given = self._folder / "features.npy"
            np.save(given, np.asarray(features))
        self._ask({**command, "features": given.name, "answer": answer.name})
        proba = self._array(answer, features.shape[0])
        answer.unlink()
        return proba

    def _array(self, path: Path, n_rows: int) -> Floats:
        shape = (n_rows, self._n_classes)
        proba = self._plain(self._bytes(path, n_rows * self._n_classes * 8 + _HEADER_MAX), shape)
        if not np.isfinite(proba).all():
            raise self._nonsense("probabilities that are no finite numbers")
        if proba.min() < 0:
            raise self._nonsense(f"negative probabilities, such as {proba.min():.3g}")
        total = proba.sum(axis=1)
        if np.abs(total - 1).max() > _SUM_TOLERANCE:
            off = float(total[np.abs(total - 1).argmax()])
            raise self._nonsense(f"probabilities of an item that sum to {off:.3g}, not to 1")
        return np.asarray(proba / total[:, None])

    def _plain(self, data: bytes, shape: tuple[int, int]) -> Floats:
        """The array in a file of ``np.save``; only one of this shape is ever made."""
        file = io.BytesIO(data)
        try:
            np.lib.format.read_magic(file)
            got, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
        except ValueError as error:
            raise self._nonsense(f"no array of probabilities: {error}") from error
        numbers = file.read()
        if got != shape or dtype != np.float64 or by_columns or len(numbers) != 8 * np.prod(shape):
            raise self._nonsense(
                f"an array of shape {got} and type {dtype}; must be {shape} and float64"
            )
        return np.frombuffer(numbers, np.float64).reshape(shape)

    def _bytes(self, path: Path, most: int) -> bytes:
        try:
            # Not a pipe, say, which nobody may ever write to.
            if not stat.S_ISREG(path.lstat().st_mode):
                raise self._nonsense("no file")
            with path.open("rb") as file:
                data = file.read(most + 1)
        except OSError as error:
            raise self._nonsense(f"nothing ({error.strerror})") from error
        if len(data) > most:
            raise self._nonsense(f"more than {most} bytes")
        return data

    def _ask(self, command: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
        except OSError:
            raise self._ended() from None
        try:
            answer = json.loads(self._line())
        except ValueError as error:
            raise self._nonsense("something that is no answer") from error
        match answer:
            case {"done": True}:
                return
            case {"unusable": str(message)}:
                raise NotUsableError(message)
            case {"memory": True}:
                raise ModelFailedError(
                    f"{self._shown} ran out of memory: it had "
                    f"{self._limits.memory_bytes // 2**20} MiB."
                )
            case {"error": str(message)}:
                raise ModelFailedError(f"{self._shown} raised {message}")
        raise self._nonsense("something that is no answer")

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                left = self._deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise ModelFailedError(
                        f"{self._shown} did not end within {self._limits.seconds:.0f} s."
                    )
                part = os.read(self._process.stdout.fileno(), _LINE_MAX)
                if not part:
                    raise self._ended()
                self._unread += part
                if len(self._unread) > _LINE_MAX:
                    raise self._nonsense(f"a line of more than {_LINE_MAX} bytes")
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _ended(self) -> ModelFailedError:
        """Why there is nobody to answer."""
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return ModelFailedError(f"{self._shown} closed its end and goes on.")
        self._listener.join(timeout=5)
        said = self._said.decode(errors="replace").strip().splitlines()
        last = f" Its last words: {said[-1][:200]}" if said else ""
        if status < 0:
            return ModelFailedError(
                f"{self._shown}: its process was killed by signal {-status} "
                f"({signal.Signals(-status).name}); 6, 9 and 11 are often memory: it had "
                f"{self._limits.memory_bytes // 2**20} MiB.{last}"
            )
        return ModelFailedError(f"{self._shown}: its process ended with status {status}.{last}")

    def _nonsense(self, what: str) -> ModelFailedError:
        return ModelFailedError(f"{self._shown} answered {what}.")

    def _listen(self, stream: IO[bytes]) -> None:
        while part := os.read(stream.fileno(), 8_192):
            self._said = (self._said + part)[-_TAIL:]


def _environment(folder: Path, limits: Limits) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_KEPT_FROM_IT)}
    places = [place or str(Path.cwd()) for place in sys.path]
    threads = str(max(1, limits.num_cpus))
    return kept | {
        "PYTHONPATH": os.pathsep.join(places),
        "TMPDIR": str(folder),
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "PYTHONHASHSEED": "0",
    }
