"""The program of the process in which a model that is not ours lives: ``python -m … FOLDER``.

It answers commands, one a line of JSON on standard input, each with one line on what was standard
output. Arrays go through files in FOLDER. What the model prints goes to standard error.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from surelabel.models.estimators import (
    NotUsableError,
    OutsideModel,
    build,
    class_proba,
    cross_val,
    fitted,
)

_PR_SET_PDEATHSIG = 1
_MESSAGE_MAX = 600


class _Child:
    """The model, and what it was trained on."""

    def __init__(self, folder: Path, asked: Mapping[str, Any]) -> None:
        self._folder = folder
        self._model = OutsideModel(asked["parameters"], asked["name"], asked["entrypoint"])
        self._n_classes: int = asked["n_classes"]
        self._seed: int = asked["seed"]
        self._estimator: Any = None
        # A model of a file, in place of an estimator.
        self._loaded: Any = None
        self._classes = np.empty(0, np.int64)
        self._n_features = 0

    def check(self, command: Mapping[str, Any]) -> None:
        """Make it, and no more."""
        build(self._model, is_sparse=bool(command["sparse"]), seed=self._seed)

    def fit(self, command: Mapping[str, Any]) -> None:
        """Cross-validated probabilities, then a model of all labels."""
        features = self._features(command)
        label = np.load(self._folder / command["label"], allow_pickle=False)
        proba = cross_val(self._model, features, label, self._n_classes, seed=self._seed)
        self._estimator = fitted(self._model, features, label, seed=self._seed)
        self._classes, self._n_features = np.unique(label), features.shape[1]
        self._write(command, proba)

    def load(self, command: Mapping[str, Any]) -> None:
        """Take a trained model from its file."""
        from surelabel.models.files import load

        self._loaded = load((self._folder / command["file"]).read_bytes(), is_apart=True)

    def predict(self, command: Mapping[str, Any]) -> None:
        """Probabilities of items."""
        features = self._features(command)
        if self._loaded is not None:
            proba = self._loaded.predict_proba(features)
        else:
            proba = class_proba(self._estimator, features, self._classes, self._n_classes)
        self._write(command, proba)

    def save(self, command: Mapping[str, Any]) -> None:
        """The model's file, of scikit-learn's own alone."""
        from surelabel.models.estimator_model import EstimatorModel

        model = EstimatorModel(
            name=self._model.shown,
            n_classes=self._n_classes,
            n_features=self._n_features,
            classes=self._classes,
            pipeline=self._estimator,
            sharpness=command["sharpness"],
            noise=command["noise"],
        )
        (self._folder / command["answer"]).write_bytes(model.save())

    def onnx(self, command: Mapping[str, Any]) -> None:
        """The loaded model as an ONNX graph."""
        from surelabel.models.about import About
        from surelabel.models.onnx_model import to_onnx

        about = About.model_validate(command["about"])
        (self._folder / command["answer"]).write_bytes(to_onnx(self._loaded, about))

    def _write(self, command: Mapping[str, Any], proba: NDArray[np.float64]) -> None:
        np.save(self._folder / command["answer"], np.ascontiguousarray(proba, np.float64))

    def _features(self, command: Mapping[str, Any]) -> Any:
        path = self._folder / command["features"]
        if path.suffix == ".npz":
            return sparse.csr_matrix(sparse.load_npz(path))
        return np.load(path, allow_pickle=False)


def main(folder: Path) -> None:
    """Answer until standard input ends."""
    asked = json.loads((folder / "model.json").read_bytes())
    _limit(asked["memory_bytes"])
    # The models' own prints must not be taken for answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    random.seed(asked["seed"])
    np.random.seed(asked["seed"])
    child = _Child(folder, asked)
    for line in sys.stdin:
        command = json.loads(line)
        answers.write(json.dumps(_answer(child, command)) + "\n")
        answers.flush()


def _answer(child: _Child, command: Mapping[str, Any]) -> dict[str, Any]:
    try:
        getattr(child, command["do"])(command)
    except NotUsableError as error:
        return {"unusable": str(error)[:_MESSAGE_MAX]}
    except MemoryError:
        return {"memory": True}
    # Also SystemExit: whatever a model raises, the answer says so.
    except BaseException as error:  # noqa: BLE001
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"[:_MESSAGE_MAX]}
    return {"done": True}


def _limit(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Not RLIMIT_AS: what is reserved and never touched, as for a GPU, is no memory.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    if sys.platform == "linux":
        # A stage that is killed takes its model along.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
