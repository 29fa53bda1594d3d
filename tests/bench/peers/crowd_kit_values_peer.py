"""crowd-kit's methods for comparisons and texts; runs in the peers' environment.

``python crowd_kit_values_peer.py IN.json OUT.json``. IN: "comparisons" (worker, left, right, label,
the winner) and "texts" (task, worker, text), each a column a key. OUT: "scores" of each object by
method, "texts" of each task, and "seconds" by method.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
from crowdkit.aggregation import ROVER, BradleyTerry, NoisyBradleyTerry

warnings.simplefilter("ignore")
source = json.loads(Path(sys.argv[1]).read_text())
comparisons, texts = pd.DataFrame(source["comparisons"]), pd.DataFrame(source["texts"])
found: dict[str, dict] = {"scores": {}, "texts": {}, "seconds": {}}


def timed(name: str, run):
    started = time.perf_counter()
    result = run()
    found["seconds"][name] = time.perf_counter() - started
    return result


for name, method in (
    ("BradleyTerry", BradleyTerry(n_iter=100)),
    ("NoisyBradleyTerry", NoisyBradleyTerry(n_iter=100)),
):
    scores = timed(name, lambda method=method: method.fit_predict(comparisons))
    found["scores"][name] = {str(key): float(value) for key, value in scores.items()}
rover = ROVER(tokenizer=str.split, detokenizer=" ".join)
result = timed("ROVER", lambda: rover.fit_predict(texts))
found["texts"]["ROVER"] = {str(key): value for key, value in result.items()}
Path(sys.argv[2]).write_text(json.dumps(found))
