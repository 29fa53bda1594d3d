"""Milliseconds of one iteration of crowd-kit's DawidSkene; runs in the peers' environment.

``python crowd_kit_speed_peer.py IN.npz``: IN has item, annotator, label. What it does before the
first iteration is taken away: the time of a few iterations less that of one.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene

warnings.simplefilter("ignore")
_MORE = 4

source = np.load(sys.argv[1])
answers = pd.DataFrame({name: source[name] for name in ("item", "annotator", "label")})
answers.columns = pd.Index(["task", "worker", "label"])


def seconds(iterations: int) -> float:
    """Of a fit that never converges."""
    started = time.perf_counter()
    DawidSkene(n_iter=iterations, tol=-1.0).fit(answers)
    return time.perf_counter() - started


once = min(seconds(1) for _ in range(2))
more = min(seconds(1 + _MORE) for _ in range(2))
print(1e3 * (more - once) / _MORE)
