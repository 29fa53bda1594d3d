"""crowd-kit's methods that give labels alone, on one crowd; runs in the peers' environment.

``python crowd_kit_labels_peer.py METHOD IN.npz OUT.npz GIB``: IN has item, annotator, label; OUT
has item and label. With more than GIB of memory it ends. What keeps a method from a label is the
last line on standard error.
"""

from __future__ import annotations

import resource
import sys
import warnings

import numpy as np
import pandas as pd
from crowdkit.aggregation import KOS, MMSR

warnings.simplefilter("ignore")
METHODS = {"KOS": KOS, "MMSR": MMSR}

most = int(float(sys.argv[4]) * 2**30)
resource.setrlimit(resource.RLIMIT_AS, (most, most))
source = np.load(sys.argv[2])
answers = pd.DataFrame({name: source[name] for name in ("item", "annotator", "label")})
answers.columns = pd.Index(["task", "worker", "label"])
labels = METHODS[sys.argv[1]]().fit_predict(answers)
np.savez(sys.argv[3], item=labels.index.to_numpy(), label=labels.to_numpy(dtype=np.int64))
