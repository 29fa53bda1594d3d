"""The promise's account with its evidence: where everything lies that proves each attempt."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from surelabel.answers import SegmentsOfStep
from surelabel.certify import Account, Proposal
from surelabel_contract.model import Record
from surelabel_contract.stages import ObjectRef


class StoredProposal(Record):
    """What an infer step commits before anybody is asked about the sample.

    ``annotators``: the parameters that the sample will be consolidated with; None: a majority.
    ``guesses``: the model's labels of the region where they are no classes, a JSON line each.
    """

    schema_version: Literal[1] = 1
    # Key of the step that proposed it, such as ``0003/inf-p1``.
    step: str
    proposal: Proposal
    region: ObjectRef
    model: ObjectRef
    annotators: ObjectRef | None = None
    guesses: ObjectRef | None = None


class Evidence(Record):
    """What became of an attempt, by reference; ``answers``: of the round that decided it."""

    # The committed StoredProposal.
    proposal: ObjectRef
    decided_step: str
    answers: tuple[SegmentsOfStep, ...]
    # The task file of the round, which says which item an answer may be about.
    tasks: ObjectRef


class Ledger(Record):
    """The account, and one piece of evidence for each of its attempts."""

    schema_version: Literal[1] = 1
    account: Account
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class Region:
    """(N,) each: lines (ascending), the proposing model's labels, and their probability."""

    line: NDArray[np.int64]
    label: NDArray[np.int32]
    confidence: NDArray[np.float32]

    def to_bytes(self) -> bytes:
        """Equal regions give equal bytes."""
        buffer = io.BytesIO()
        np.savez(buffer, line=self.line, label=self.label, confidence=self.confidence)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Region:
        """What ``to_bytes`` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return cls(stored["line"], stored["label"], stored["confidence"])

    def labels_of(self, lines: NDArray[np.int64]) -> NDArray[np.int32]:
        """The model's labels of lines that are in the region."""
        return self.label[np.searchsorted(self.line, lines)]
