"""Steps of a job: which there are, how they are ordered, what they are called."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum

from pydantic import Field

from surelabel_contract.model import Record


class Stage(StrEnum):
    """The stages, in the order in which a round runs through them."""

    PREPARE = "prepare"
    ANNOTATE = "annotate"
    CONSOLIDATE = "consolidate"
    TRAIN = "train"
    INFER = "infer"
    EXPORT = "export"

    @property
    def code(self) -> str:
        """Three letters for names and keys."""
        return self.value[:3]

    @classmethod
    def from_code(cls, code: str) -> Stage:
        """The stage of a three-letter code; KeyError if there is none."""
        return _BY_CODE[code]


_BY_CODE = {stage.code: stage for stage in Stage}
_NAME = re.compile(r"-r(\d+)-([a-z]{3})-p(\d+)-a(\d+)$")
_ORDER = {stage: position for position, stage in enumerate(Stage)}


class Step(Record):
    """One (round, stage, pass); a commit belongs to a step, whichever attempt made it."""

    round: int = Field(ge=0)
    stage: Stage
    # "pass" is a keyword; JSON has the field's own word.
    pass_: int = Field(default=1, ge=1, alias="pass")

    @property
    def key(self) -> str:
        """``0004/tra-p1``, unique within a job."""
        return f"{self.round:04d}/{self.stage.code}-p{self.pass_}"

    @property
    def order(self) -> tuple[int, int, int]:
        """Sorts the steps of a job in the order in which they happened.

        Passes alternate annotate and consolidate, so within a round a pass sorts before the
        stage as long as people are asked.
        """
        asks_people = self.stage in (Stage.ANNOTATE, Stage.CONSOLIDATE)
        return (self.round, self.pass_ if asks_people else 1_000, _ORDER[self.stage])


def can_follow(before: Step | None, step: Step) -> bool:
    """Whether some spec lets ``step`` be the next to commit after ``before``; None: the first."""
    if before is None or step.stage is Stage.PREPARE:
        return before is None and step.stage is Stage.PREPARE
    if step.stage is Stage.EXPORT:
        # It may take the place of any step that was stopped, the first of a round too.
        return step.round - before.round in (0, 1)
    same_round = step.round == before.round
    same_pass = before.pass_ == step.pass_
    if step.stage is Stage.ANNOTATE and step.pass_ == 1:
        ended = (Stage.PREPARE, Stage.CONSOLIDATE, Stage.INFER)
        return step.round == before.round + 1 and before.stage in ended
    follows = {
        Stage.ANNOTATE: before.stage is Stage.CONSOLIDATE and before.pass_ == step.pass_ - 1,
        Stage.CONSOLIDATE: before.stage is Stage.ANNOTATE and same_pass,
        Stage.TRAIN: before.stage is Stage.CONSOLIDATE,
        Stage.INFER: before.stage is Stage.TRAIN,
    }
    return same_round and follows[step.stage]


def uid8(uid: str) -> str:
    """First 8 hexadecimal digits of the uid's SHA-256: the job's part of its state's keys."""
    return hashlib.sha256(uid.encode()).hexdigest()[:8]


def step_name(job_name: str, uid: str, step: Step, attempt: int) -> str:
    """The attempt's Ray submission id and child name; DNS-1035, at most 46 characters.

    The uid's digest is in it, so that a job re-created under the same name never adopts what
    its predecessor left running. KubeRay allows 47 characters.
    """
    base = child_base(job_name, uid)
    return f"{base}-r{step.round:03d}-{step.stage.code}-p{step.pass_}-a{attempt}"


def parse_step_name(name: str) -> tuple[Step, int] | None:
    """Step and attempt in a name that ``step_name`` made; None: it is another name."""
    match = _NAME.search(name)
    if match is None or match[2] not in _BY_CODE:
        return None
    step = Step(round=int(match[1]), stage=Stage.from_code(match[2]), pass_=int(match[3]))
    return step, int(match[4])


def child_base(job_name: str, uid: str) -> str:
    """What the names of everything begin with that runs for the job; at most 29 characters."""
    return f"{job_name[:18].rstrip('-')}-{hashlib.sha256(uid.encode()).hexdigest()[:10]}"
