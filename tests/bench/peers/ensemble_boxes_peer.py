"""ensemble-boxes' weighted boxes fusion of one crowd; runs in the peers' environment.

``python ensemble_boxes_peer.py IN.npz OUT.npz``: IN has answer_item, (n_answers,); answer, corners
(0 to 1) and label, a row per box, sorted by item. OUT has item, corners and score (the share of
annotators behind it) of each fused box, and "seconds".
"""

from __future__ import annotations

import sys
import time

import numpy as np
from ensemble_boxes import weighted_boxes_fusion

source = np.load(sys.argv[1])
answer, corners, label = source["answer"], source["corners"], source["label"]
answer_item = source["answer_item"]
box_item = answer_item[answer]
n_items = int(answer_item.max()) + 1
# Each image as it wants it, a list per annotator; making these lists is not timed.
of_answer: list[list[int]] = [[] for _ in answer_item]
for row, number in enumerate(answer.tolist()):
    of_answer[number].append(row)
images: list[list[int]] = [[] for _ in range(n_items)]
for number, item in enumerate(answer_item.tolist()):
    images[item].append(number)
inputs = []
for numbers in images:
    rows = [of_answer[number] for number in numbers]
    boxes = [corners[r].tolist() for r in rows]
    inputs.append((boxes, [[1.0] * len(r) for r in rows], [label[r].tolist() for r in rows]))
item, fused, score = [], [], []
started = time.perf_counter()
results = [weighted_boxes_fusion(*one, iou_thr=0.4, skip_box_thr=0.0) for one in inputs]
seconds = time.perf_counter() - started
for number, (boxes, scores, _) in enumerate(results):
    item += [number] * len(boxes)
    fused.append(np.reshape(boxes, (-1, 4)))
    score.append(scores)
np.savez(
    sys.argv[2],
    item=np.array(item, np.int64),
    corners=np.concatenate(fused),
    score=np.concatenate(score),
    seconds=seconds,
)
