"""Models that others might bring: some good ones, and every way to be bad."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


class Nearest:
    """A good one: the nearest class centre, by hand."""

    def __init__(self, scale: float = 1.0, random_state: int = 0) -> None:
        self.scale = scale
        self.random_state = random_state

    def fit(self, features: Any, label: Any) -> Nearest:
        features = _dense(features)
        self.classes_ = np.unique(label)
        self.centres = np.stack([features[label == each].mean(axis=0) for each in self.classes_])
        return self

    def predict_proba(self, features: Any) -> Any:
        gaps = np.linalg.norm(_dense(features)[:, None] - self.centres, axis=2)
        weight = np.exp(-self.scale * (gaps - gaps.min(axis=1, keepdims=True)))
        return weight / weight.sum(axis=1, keepdims=True)


def _dense(features: Any) -> Any:
    return np.asarray(features.todense()) if hasattr(features, "todense") else features


class Talks(Nearest):
    """Good, but it prints more than a pipe holds, also what looks like an answer."""

    def fit(self, features: Any, label: Any) -> Nearest:
        print('{"done": false}' + "x" * 200_000)
        sys.stderr.write("y" * 200_000)
        return super().fit(features, label)


class AllClasses(Nearest):
    """Good; it has a column for every class of the job, and no classes_."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.n_classes = n_classes

    def fit(self, features: Any, label: Any) -> Nearest:
        super().fit(features, label)
        self.seen = self.classes_
        del self.classes_
        return self

    def predict_proba(self, features: Any) -> Any:
        proba = np.zeros((features.shape[0], self.n_classes), np.float32)
        proba[:, self.seen] = super().predict_proba(features)
        return proba


class Environment(Nearest):
    """It tells by its scale whether it saw a secret of the stage."""

    def __init__(self) -> None:
        super().__init__()
        if any("canary" in value for value in os.environ.values()):
            raise ValueError("saw the canary")


class Raises(Nearest):
    def fit(self, features: Any, label: Any) -> Nearest:
        raise RuntimeError("no luck today")


class RaisesLater(Nearest):
    def predict_proba(self, features: Any) -> Any:
        raise RuntimeError("not now")


class Hangs(Nearest):
    def fit(self, features: Any, label: Any) -> Nearest:
        while True:
            time.sleep(1)


class HangsDeaf(Nearest):
    """It ignores what can be ignored, and has a child of its own."""

    def __init__(self, pid_file: str) -> None:
        super().__init__()
        self.pid_file = pid_file

    def fit(self, features: Any, label: Any) -> Nearest:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "600"])
        Path(self.pid_file).write_text(f"{os.getpid()} {child.pid}")
        while True:
            pass


class Exits(Nearest):
    def fit(self, features: Any, label: Any) -> Nearest:
        raise SystemExit(3)


class ExitsAtOnce(Nearest):
    def fit(self, features: Any, label: Any) -> Nearest:
        sys.stderr.write("goodbye\n")
        sys.stderr.flush()
        os._exit(5)


class IsKilled(Nearest):
    def fit(self, features: Any, label: Any) -> Nearest:
        os.kill(os.getpid(), signal.SIGKILL)
        return self


class FillsMemory(Nearest):
    def fit(self, features: Any, label: Any) -> Nearest:
        kept = []
        while True:
            kept.append(np.ones(10**7))


class Answers(Nearest):
    """It answers nonsense of the kind that it is told to."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def predict_proba(self, features: Any) -> Any:
        proba = super().predict_proba(features)
        match self.kind:
            case "rows":
                return proba[:-1]
            case "columns":
                return np.ones((len(proba), 9)) / 9
            case "nan":
                proba[0] = np.nan
            case "negative":
                proba[0, :2] += (-2, 2)
            case "sums":
                proba *= 3
            case "text":
                return "certainly a cat"
            case "none":
                return None
        return proba


class NoMethods:
    """Not a classifier."""


class CannotBeMade(Nearest):
    def __init__(self) -> None:
        raise OSError("no weights here")


a_function = print


class WorksOnce(Nearest):
    """It raises until its flag is there."""

    def __init__(self, flag: str) -> None:
        super().__init__()
        self.flag = flag

    def fit(self, features: Any, label: Any) -> Nearest:
        if not Path(self.flag).exists():
            raise RuntimeError("no flag")
        return super().fit(features, label)
