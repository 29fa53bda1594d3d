"""crowd-kit's methods on one crowd; runs in the peers' environment, which knows nothing of us.

``python crowd_kit_peer.py IN.npz OUT.npz``: IN has item, annotator, label, n_items, n_classes;
OUT has (n_items, n_classes) of each method, and "seconds", in the order of the methods.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd
from crowdkit.aggregation import (
    GLAD,
    MACE,
    DawidSkene,
    MajorityVote,
    OneCoinDawidSkene,
    Wawa,
    ZeroBasedSkill,
)

warnings.simplefilter("ignore")
METHODS = {
    "MajorityVote": MajorityVote,
    "Wawa": Wawa,
    "ZeroBasedSkill": ZeroBasedSkill,
    "DawidSkene": DawidSkene,
    "OneCoinDawidSkene": OneCoinDawidSkene,
    # Its defaults are 10 restarts of 10 iterations, and 100 iterations: minutes on these sets.
    "MACE": lambda: MACE(n_restarts=3, random_state=0),
    "GLAD": lambda: GLAD(n_iter=10),
}

source = np.load(sys.argv[1])
answers = pd.DataFrame({name: source[name] for name in ("item", "annotator", "label")})
answers.columns = pd.Index(["task", "worker", "label"])
found, seconds = {}, []
for name, method in METHODS.items():
    started = time.perf_counter()
    fitted = method()
    if name in ("Wawa", "ZeroBasedSkill"):
        probabilities = fitted.fit(answers).predict_proba(answers)
    else:
        probabilities = fitted.fit_predict_proba(answers)
    seconds.append(time.perf_counter() - started)
    rows = np.zeros((int(source["n_items"]), int(source["n_classes"])))
    for label in probabilities.columns:
        rows[probabilities.index, label] = probabilities[label]
    found[name] = rows
np.savez(sys.argv[2], seconds=np.array(seconds), **found)
