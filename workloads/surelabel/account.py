"""The account of one job's promise: its attempts, the machine labels they gave, what is charged.

Only the record and its arithmetic. What may be proposed and what passes is ``certify``; whether a
record is true is ``account_check``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from surelabel_contract.model import Record
from surelabel_contract.stages import Certificate, ClassBound

# The bound of a mean loss that an attempt commits itself to; see ``mean_loss``.
LossBound = Literal["HoeffdingBentkus", "Betting"]
# A certificate names so many classes, those with the largest bounds; a report has them all.
_MAX_CLASS_BOUNDS = 20


class AccountError(ValueError):
    """A step that the procedure forbids; the message names the rule and the values."""


class Level(Record):
    """One of several nested regions of an attempt: all lines of this level and those before it.

    ``allowed``: the errors that it may be charged with, fixed before the draw; negative: none.
    """

    items: int
    allowed: int
    sha256: str


class Proposal(Record):
    """An attempt before anybody has seen an answer: all of it is committed, nothing may change."""

    attempt: int
    round: int
    # The file and digest of the model whose labels are tested, and of the region with them.
    model: str
    region_sha256: str
    region_items: int
    sample_items: int
    seed: int
    risk: float
    # Lines of the manifest, ascending.
    sample: tuple[int, ...]
    # The class that the model gives to the whole region; None: the promise is of all together.
    label: int | None = None
    # Several thresholds: the nested regions, strictest first, the last one the whole region; and
    # the position among them of each line of the sample. (): one region.
    levels: tuple[Level, ...] = ()
    sample_level: tuple[int, ...] = ()
    # A mean loss is tested, by this bound; ``loss_target``: the mean that betting is against.
    loss: LossBound | None = None
    loss_target: float | None = None

    def sampled_in(self, n_levels: int) -> int:
        """Items of the sample in the first so many levels."""
        return sum(level < n_levels for level in self.sample_level)


class Correction(Record):
    """Machine labels of an attempt that people answered later, and how many were wrong.

    ``after``: attempts that had been decided by then; only later decisions know of it.
    """

    after: int
    items: int
    wrong: int


class Attempt(Record):
    """A proposal with what became of it, and of the machine labels that it gave."""

    proposal: Proposal
    outcome: Literal["Accepted", "Refused", "NotTested"]
    # Lines of the sample where the model was wrong, or people gave no usable answer.
    wrong: tuple[int, ...] = ()
    # Losses of the sample in its order, where a mean loss is tested.
    losses: tuple[float, ...] = ()
    # Of several levels, how many passed.
    passed: int = 0
    # Upper bound of the errors left in the region outside the sample.
    bound: int = 0
    corrections: tuple[Correction, ...] = ()
    # Attempts that had been decided when its labels were withdrawn; None: they were not.
    withdrawn_after: int | None = None

    @property
    def given(self) -> int:
        """Machine labels that it gave when it was accepted."""
        if self.outcome != "Accepted":
            return 0
        proposal = self.proposal
        if not proposal.levels:
            return proposal.region_items - proposal.sample_items
        return proposal.levels[self.passed - 1].items - proposal.sampled_in(self.passed)

    @property
    def errors(self) -> int:
        """Errors found in the sample; of losses their sum, rounded up."""
        return len(self.wrong) + math.ceil(math.fsum(self.losses))

    @property
    def corrected_items(self) -> int:
        """Machine labels that people answered later."""
        return sum(correction.items for correction in self.corrections)

    @property
    def corrected_wrong(self) -> int:
        """How many of them were wrong."""
        return sum(correction.wrong for correction in self.corrections)

    @property
    def is_withdrawn(self) -> bool:
        """Whether its labels were taken back."""
        return self.withdrawn_after is not None

    @property
    def machine_labels(self) -> int:
        """Labels of this attempt that stand."""
        return 0 if self.is_withdrawn else self.given - self.corrected_items

    @property
    def charge(self) -> int:
        """Errors that these labels may contain, as far as the account knows."""
        if self.outcome != "Accepted" or self.is_withdrawn:
            return 0
        return max(0, self.bound - self.corrected_wrong)


class Account(Record):
    """Every attempt of one job's promise, oldest first.

    ``n_classes``: None for one promise about all machine labels. Else each predicted class has a
    promise and a part of this account of its own, its attempts share an equal part of the risk,
    and what is asked of ``label`` (a class id) concerns that part alone.
    """

    schema_version: Literal[1] = 1
    target_error_permille: int
    risk_permille: int
    n_classes: int | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def machine_labels(self) -> int:
        """Machine labels of the job (M)."""
        return sum(attempt.machine_labels for attempt in self.attempts)

    @property
    def charged_errors(self) -> int:
        """Errors charged for them (B)."""
        return sum(attempt.charge for attempt in self.attempts)

    @property
    def labels(self) -> tuple[int | None, ...]:
        """The parts of the account that have attempts: class ids; (None,) where it is one."""
        if self.n_classes is None:
            return (None,)
        return tuple(
            sorted({a.proposal.label for a in self.attempts if a.proposal.label is not None})
        )

    @property
    def holds(self) -> bool:
        """B <= floor(eps M), for each part."""
        return all(self.holds_for(label) for label in self.labels)

    @property
    def next_attempt(self) -> int:
        """The number of the next attempt, from 1."""
        return len(self.attempts) + 1

    def of(self, label: int | None) -> Account:
        """The part of one class; the whole account for None."""
        if label is None:
            return self
        attempts = tuple(a for a in self.attempts if a.proposal.label == label)
        return self.model_copy(update={"attempts": attempts})

    def holds_for(self, label: int | None) -> bool:
        """B <= floor(eps M) of one part."""
        part = self.of(label)
        return part.charged_errors <= part.allowed(part.machine_labels)

    def allowed(self, machine_labels: int) -> int:
        """floor(eps M), in integers."""
        return self.target_error_permille * machine_labels // 1000

    def room(self, new_labels: int, label: int | None = None) -> int:
        """Errors that so many more machine labels may be charged with: floor(eps M') - B."""
        part = self.of(label)
        return self.allowed(part.machine_labels + new_labels) - part.charged_errors

    def accepts(self, n_region: int, n_sample: int, bound: int, label: int | None = None) -> bool:
        """Would a region with this bound on its remaining errors be labeled now?"""
        return bound <= self.room(n_region - n_sample, label)

    def next_risk(self, label: int | None = None) -> float:
        """The part of delta that the next attempt (of this class) spends."""
        risk = attempt_risk(self.of(label).next_attempt, self.risk_permille)
        return risk if self.n_classes is None else risk / self.n_classes

    def certificate(self) -> Certificate | None:
        """The promise as it stands; None before a machine gave a label.

        With a promise per class the bound is the largest of any class.
        """
        labels = self.machine_labels
        if labels == 0:
            return None
        standing = [a for a in self.attempts if a.machine_labels > 0]
        classes = self.class_bounds()
        bounds = [each.error_bound_permille for each in classes]
        return Certificate(
            error_bound_permille=max(bounds, default=_permille(self.charged_errors, labels)),
            risk_permille=self.risk_permille,
            validated_items=sum(a.proposal.sample_items for a in standing),
            errors=sum(a.errors for a in standing),
            charged_errors=self.charged_errors,
            machine_labels=labels,
            attempts=len(self.attempts),
            classes=_largest(classes) if classes else None,
        )

    def class_bounds(self) -> tuple[ClassBound, ...]:
        """The promise of each predicted class with machine labels, by class id; () without."""
        parts = [(label, self.of(label)) for label in self.labels if label is not None]
        return tuple(
            ClassBound(
                label=label,
                error_bound_permille=_permille(part.charged_errors, part.machine_labels),
                charged_errors=part.charged_errors,
                machine_labels=part.machine_labels,
            )
            for label, part in parts
            if part.machine_labels
        )


def attempt_risk(attempt: int, risk_permille: int) -> float:
    """The part of delta that an attempt spends: delta / 2^a, so all of them stay below delta.

    Up to the fifth attempt each gets more than with the usual 6 delta / (pi a)^2 but the first,
    which gets a sixth less; more attempts than that are rare.
    """
    return math.ldexp(risk_permille / 1000, -attempt)


def _permille(errors: int, labels: int) -> int:
    # Rounded up: the bound must not be understated.
    return -(-1000 * errors // labels)


def _largest(classes: Iterable[ClassBound]) -> tuple[ClassBound, ...]:
    ordered = sorted(classes, key=lambda each: (-each.error_bound_permille, each.label))
    return tuple(ordered[:_MAX_CLASS_BOUNDS])
