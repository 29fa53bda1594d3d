"""What consolidation of label sets returns, and the annotators' parameters that outlive it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.names import NamedAnnotators, only_as_written
from surelabel.consolidation.read_only import ReadOnlyArrays


@dataclass(frozen=True)
class MultiLabelAnnotators(NamedAnnotators):
    """How often each annotator sees a label that applies, and leaves out one that does not.

    ``sensitivity``, ``specificity``, ``agreement``, ``n_answers``: (n_annotators,); agreement is
    the share of yes and no that match the majority, over labels that somebody chose (nan without).
    ``label_sensitivity``, ``label_specificity``, ``prior``: (n_classes,); prior is the share of
    items to which the label applies. ``cell``: (n_cells,), ascending annotator * n_classes +
    label, the pairs that something is known about, ``cell_sensitivity`` and ``cell_specificity``
    theirs; for any other pair annotator and label are combined on the logit scale. ``overall``:
    sensitivity and specificity over all annotators and labels.
    """

    sensitivity: Floats
    specificity: Floats
    agreement: Floats
    n_answers: Codes
    label_sensitivity: Floats
    label_specificity: Floats
    prior: Floats
    overall: tuple[float, float]
    cell: Codes
    cell_sensitivity: Floats
    cell_specificity: Floats
    names: tuple[str, ...] = ()

    @property
    def accuracy(self) -> Floats:
        """(n_annotators,): mean of sensitivity and specificity; most labels do not apply."""
        return np.asarray((self.sensitivity + self.specificity) / 2)

    def rates(self, annotator: Codes, label: Codes) -> tuple[Floats, Floats]:
        """Sensitivity and specificity of pairs ``annotator``, ``label``; all (n_pairs,)."""
        pair = annotator * len(self.prior) + label
        place = np.searchsorted(self.cell, pair)
        known = place < len(self.cell)
        known[known] = self.cell[place[known]] == pair[known]
        found = []
        for own, of_label, cells, all_ in (
            (self.sensitivity, self.label_sensitivity, self.cell_sensitivity, self.overall[0]),
            (self.specificity, self.label_specificity, self.cell_specificity, self.overall[1]),
        ):
            rate = expit(logit(own[annotator]) + logit(of_label[label]) - logit(all_))
            rate[known] = cells[place[known]]
            found.append(np.asarray(rate))
        return found[0], found[1]

    def for_annotators(self, names: Sequence[str]) -> MultiLabelAnnotators:
        """The parameters in the order of ``names``; an unknown annotator is the average one."""
        places = self.places_of(names)
        k = len(self.prior)
        target = np.full(len(self.n_answers), -1, np.int64)
        target[places.code[places.known]] = np.flatnonzero(places.known)
        owner = target[self.cell // k] if len(self.cell) else self.cell
        kept = np.flatnonzero(owner >= 0)
        cell = owner[kept] * k + self.cell[kept] % k
        order = np.argsort(cell)
        return replace(
            self,
            sensitivity=places.take(self.sensitivity, self.overall[0]),
            specificity=places.take(self.specificity, self.overall[1]),
            agreement=places.take(self.agreement, np.nan),
            n_answers=places.take(self.n_answers, 0),
            cell=cell[order],
            cell_sensitivity=self.cell_sensitivity[kept][order],
            cell_specificity=self.cell_specificity[kept][order],
            names=tuple(names),
        )

    def to_json(self) -> bytes:
        """Bytes for the store; equal parameters give equal bytes."""
        value = {
            "schemaVersion": 1,
            "overall": list(self.overall),
            "labels": {
                "sensitivity": self.label_sensitivity.tolist(),
                "specificity": self.label_specificity.tolist(),
                "prior": self.prior.tolist(),
            },
            "annotators": {
                "name": list(self.names) or [str(code) for code in range(len(self.n_answers))],
                "answers": self.n_answers.tolist(),
                "sensitivity": self.sensitivity.tolist(),
                "specificity": self.specificity.tolist(),
                "agreement": [None if np.isnan(x) else x for x in self.agreement.tolist()],
            },
            "cells": {
                "cell": self.cell.tolist(),
                "sensitivity": self.cell_sensitivity.tolist(),
                "specificity": self.cell_specificity.tolist(),
            },
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    @only_as_written
    def from_json(cls, data: bytes) -> MultiLabelAnnotators:
        """The parameters that ``to_json`` wrote; ValueError for other bytes."""
        value = json.loads(data)
        people, labels, cells = value["annotators"], value["labels"], value["cells"]
        return cls(
            sensitivity=np.array(people["sensitivity"], float),
            specificity=np.array(people["specificity"], float),
            agreement=np.array([np.nan if x is None else x for x in people["agreement"]], float),
            n_answers=np.array(people["answers"], np.int64),
            label_sensitivity=np.array(labels["sensitivity"], float),
            label_specificity=np.array(labels["specificity"], float),
            prior=np.array(labels["prior"], float),
            overall=(value["overall"][0], value["overall"][1]),
            cell=np.array(cells["cell"], np.int64),
            cell_sensitivity=np.array(cells["sensitivity"], float),
            cell_specificity=np.array(cells["specificity"], float),
            names=tuple(people["name"]),
        )


@dataclass(frozen=True)
class MultiLabelResult(ReadOnlyArrays):
    """Every (item, label) that somebody chose, by item and label, and whether it is the item's.

    ``item``, ``label``, ``confidence``, ``support``, ``out_of``, ``chosen``, ``tied``:
    (n_candidates,). Confidence is the chance that the label applies; support how many chose it,
    out of those who answered the item; tied that the chance is one half. A label that nobody chose
    is never an item's. ``set_confidence``: (n_items,), the chance that the item's labels are right
    altogether, or that none applies where none is chosen; nan where nobody answered.
    ``n_answers``: (n_items,).
    """

    item: Codes
    label: Codes
    confidence: Floats
    support: Codes
    out_of: Codes
    chosen: NDArray[np.bool_]
    tied: NDArray[np.bool_]
    set_confidence: Floats
    n_answers: Codes
    annotators: MultiLabelAnnotators
    n_iter: int
    converged: bool

    def labels_of(self, item: int) -> list[int]:
        """The item's labels, ascending; empty where none applies or nobody answered."""
        found: list[int] = self.label[self.chosen & (self.item == item)].tolist()
        return found
