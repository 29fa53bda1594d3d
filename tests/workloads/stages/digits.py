"""The handwritten digits as PNG files with a manifest and the hidden truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from surelabel_contract.stages import AutoLabeling
from workloads.stages.mini_driver import MiniDriver

PROMISE = AutoLabeling(target_error_permille=50, risk_permille=50)


def digits_driver(root: Path, n: int | None = None, **values: Any) -> MiniDriver:
    """A job on the first ``n`` digits (None: all 1,797)."""
    data = load_digits()
    images, truth = data.images[:n], data.target[:n]
    folder = root / "images"
    folder.mkdir(parents=True)
    for number, pixels in enumerate(images):
        Image.fromarray((pixels * 15.9).astype(np.uint8)).save(folder / f"{number:05d}.png")
    defaults: dict[str, Any] = {
        "labels": tuple("0123456789"),
        "task_type": "ImageClassification",
        "auto_labeling": PROMISE,
        "accuracies": (990, 970, 950, 900, 850),
    }
    driver = MiniDriver(root, **{**defaults, **values})
    driver.write_input(
        [{"source-ref": f"file://{folder}/{k:05d}.png"} for k in range(len(images))],
        [str(label) for label in truth],
    )
    return driver
