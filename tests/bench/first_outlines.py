"""Seconds of the first consolidation of outlines in this process.

``python first_outlines.py Polygons|Polylines [MARKS]``: 200 images, five annotators each, MARKS
outlines (1) of 20 vertices in every answer. Prints the seconds, and whether Numba was needed.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from surelabel.consolidation.objects import Auto, ObjectAnswers, Polygons, Polylines
from surelabel.consolidation.objects.outlines import Outlines

_ITEMS, _ANNOTATORS, _VERTICES = 200, 5, 20
_NOISE = 0.03


def made_up(kind: type[Outlines], n_marks: int) -> ObjectAnswers:
    """Wavy outlines, of which everybody clicks as many vertices, a little off."""
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(_ITEMS), _ANNOTATORS)
    answer = np.repeat(np.arange(len(item)), n_marks)
    thing = item[answer] * n_marks + np.tile(np.arange(n_marks), len(item))
    centre = rng.uniform(100, 900, (_ITEMS * n_marks, 2))[thing]
    size = rng.uniform(40, 200, _ITEMS * n_marks)[thing, None]
    angle = np.linspace(0, 2 * np.pi if kind.closed else 2, _VERTICES, endpoint=False)
    radius = size * (1 + 0.3 * np.sin(3 * angle + thing[:, None] % n_marks))
    radius += rng.normal(0, _NOISE, radius.shape) * size
    way = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    vertices = centre[:, None] + radius[..., None] * way
    mark = np.repeat(np.arange(len(answer)), _VERTICES)
    return ObjectAnswers.of(
        item,
        np.tile(np.arange(_ANNOTATORS), _ITEMS),
        answer,
        kind.of(vertices.reshape(-1, 2), mark, len(answer)),
        np.zeros(len(answer), np.int64),
        _ITEMS,
        _ANNOTATORS,
        1,
    )


def first_call(name: str, n_marks: int) -> dict[str, float | bool]:
    """Seconds, seconds of CPU, and whether Numba was imported."""
    kinds: dict[str, type[Outlines]] = {"Polygons": Polygons, "Polylines": Polylines}
    answers = made_up(kinds[name], n_marks)
    started, cpu = time.perf_counter(), time.process_time()
    Auto().fit(answers)
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "compiled": "numba" in sys.modules,
    }


if __name__ == "__main__":
    print(json.dumps(first_call(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1)))
