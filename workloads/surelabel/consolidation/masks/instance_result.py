"""What a consolidation of instances returns, and what it found out about the annotators."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.masks.instance_gold import JudgedByGold
from surelabel.consolidation.masks.result import far_below, pooled_mean
from surelabel.consolidation.masks.voting import Flags
from surelabel.consolidation.names import NamedAnnotators, only_as_written
from surelabel.consolidation.read_only import ReadOnlyArrays
from surelabel.consolidation.result import Floats

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class InstanceAnnotators(NamedAnnotators):
    """How each annotator marks; all (n_annotators,), nan where there is nothing to tell from.

    ``hit_rate``: of the instances that came out of the items seen, the share that was marked;
    ``false_rate``: of the marked ones, the share that did not come out. ``iou``: mean with what
    came out; ``border_bias``: as in ``MaskAnnotators``, in pixels. ``n_answers``: items seen.
    """

    n_answers: Ints
    hit_rate: Floats
    false_rate: Floats
    iou: Floats
    border_bias: Floats
    names: tuple[str, ...] = ()

    @classmethod
    def pooled(cls, parts: Sequence[InstanceAnnotators]) -> InstanceAnnotators:
        """What several fits found out about the same annotators: means over all their answers."""
        if len(parts) == 1:
            return parts[0]
        figures = {name: pooled_mean(parts, name) for name in _FIELDS.values()}
        n_answers = np.sum([part.n_answers for part in parts], axis=0)
        return cls(n_answers=n_answers, names=parts[0].names, **figures)

    @property
    def outlier(self) -> Flags:
        """Who, with five answers or more, marks far less of what is there than the others, far
        more of what is not, or draws it far worse: for a person to look."""
        found = far_below(self.hit_rate, self.n_answers)
        found = found | far_below(1 - self.false_rate, self.n_answers)
        return np.asarray(found | far_below(self.iou, self.n_answers))

    def to_json(self) -> bytes:
        """Bytes for the store; equal figures give equal bytes."""
        rows = []
        for code, answers in enumerate(self.n_answers):
            row = {key: _number(getattr(self, field)[code]) for key, field in _FIELDS.items()}
            name = self.names[code] if self.names else str(code)
            rows.append({"name": name, "answers": int(answers), **row})
        value = {"schemaVersion": 1, "annotators": rows}
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    @only_as_written
    def from_json(cls, data: bytes) -> InstanceAnnotators:
        """The figures that ``to_json`` wrote; ValueError for other bytes."""
        rows = json.loads(data)["annotators"]
        figures = {
            field: np.array([np.nan if row[key] is None else row[key] for row in rows], float)
            for key, field in _FIELDS.items()
        }
        return cls(
            n_answers=np.array([row["answers"] for row in rows], np.int64),
            names=tuple(row["name"] for row in rows),
            **figures,
        )


_FIELDS = {
    "hitRate": "hit_rate",
    "falseRate": "false_rate",
    "iou": "iou",
    "borderBias": "border_bias",
}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True)
class InstanceResult(ReadOnlyArrays):
    """The instances that came out, by item, then by place.

    ``item``, ``label``, ``confidence`` (that it is there, is of this class, and has this shape),
    ``support`` (annotators who marked it) and ``out_of`` (who saw the item): (n_found,).
    ``mask[m]``: bool, cut to ``box[m]`` = (top, left, bottom, right), pixels, the last two
    exclusive. ``instance``: (n_instances,), which of them each instance that went in became, -1
    if none. ``item_confidence``: (n_items,), the panoptic quality that the item's instances can
    expect; where none came out, the chance that there is none. nan where nobody answered. Known
    instances have confidence 1, and so have their items; ``judged``: what gold showed.
    """

    item: Ints
    label: Ints
    mask: tuple[NDArray[np.bool_], ...]
    box: Ints
    confidence: Floats
    support: Ints
    out_of: Ints
    instance: Ints
    item_confidence: Floats
    annotators: InstanceAnnotators
    n_iter: int
    converged: bool
    judged: JudgedByGold | None = None
