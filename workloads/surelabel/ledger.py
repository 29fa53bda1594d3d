"""The promise's account with its evidence: where everything lies that proves each attempt."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from surelabel.account import Account, Attempt, Proposal
from surelabel.answers import SegmentsOfStep
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
    # One; or one for each of several predicted classes that have a promise of their own.
    proposals: tuple[Proposal, ...]
    # The lines of all their regions.
    region: ObjectRef
    model: ObjectRef
    annotators: ObjectRef | None = None
    guesses: ObjectRef | None = None

    def proposal(self, attempt: int) -> Proposal | None:
        """The proposal of an attempt; None if this step did not propose it."""
        return next((each for each in self.proposals if each.attempt == attempt), None)


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
    """(N,) each: lines (ascending), the proposing model's labels, and their probability.

    ``level``: of several thresholds the nested region in which a line is first; None: there is
    one.
    """

    line: NDArray[np.int64]
    label: NDArray[np.int32]
    confidence: NDArray[np.float32]
    level: NDArray[np.int8] | None = None

    def to_bytes(self) -> bytes:
        """Equal regions give equal bytes."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {
            "line": self.line,
            "label": self.label,
            "confidence": self.confidence,
        }
        if self.level is not None:
            arrays["level"] = self.level
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Region:
        """What ``to_bytes`` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            level = stored.get("level")
            return cls(stored["line"], stored["label"], stored["confidence"], level)

    def of(self, proposal: Proposal) -> Region:
        """The lines that this proposal is about: all, or those of its class."""
        if proposal.label is None:
            return self
        return self.where(self.label == proposal.label)

    def where(self, mask: NDArray[np.bool_]) -> Region:
        """The lines that the mask picks."""
        level = None if self.level is None else self.level[mask]
        return Region(self.line[mask], self.label[mask], self.confidence[mask], level)

    def labels_of(self, lines: NDArray[np.int64]) -> NDArray[np.int32]:
        """The model's labels of lines that are in the region."""
        return self.label[np.searchsorted(self.line, lines)]

    def certified(self, attempt: Attempt) -> Region:
        """The lines that an accepted attempt labels: of the levels that passed, less the sample."""
        given = ~np.isin(self.line, attempt.proposal.sample)
        if self.level is not None and attempt.proposal.levels:
            given &= self.level < attempt.passed
        return self.where(given)
