"""crowd-kit's methods for masks; runs in the peers' environment, which knows nothing of us.

``python crowd_kit_masks_peer.py IN.npz OUT.npz``: IN has (annotators, height, width) per image;
OUT has METHOD/IMAGE for each, and METHOD//seconds per image.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd
from crowdkit.aggregation import (
    SegmentationEM,
    SegmentationMajorityVote,
    SegmentationRASA,
)

warnings.simplefilter("ignore")
METHODS = {
    "SegmentationMajorityVote": SegmentationMajorityVote,
    "SegmentationEM": SegmentationEM,
    "SegmentationRASA": SegmentationRASA,
}

found = {}
with np.load(sys.argv[1]) as source:
    names = sorted(source.files)
    rows = [
        (name, str(who), mask.astype(bool))
        for name in names
        for who, mask in enumerate(source[name])
    ]
answers = pd.DataFrame(rows, columns=["task", "worker", "segmentation"])
for method, made in METHODS.items():
    started = time.perf_counter()
    masks = made().fit_predict(answers)
    found[f"{method}//seconds"] = np.array((time.perf_counter() - started) / len(names))
    for name in names:
        found[f"{method}/{name}"] = np.asarray(masks[name], dtype=bool)
np.savez(sys.argv[2], **found)
