"""The chain of a job's commits: which there are, and which are missing.

It knows keys and commits alone; what the steps computed is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pydantic import ValidationError

from surelabel_contract.keys import COMMIT_FILE, StateKeys, step_of_key
from surelabel_contract.stages import StageReport
from surelabel_contract.steps import Stage, Step, can_follow
from surelabel_contract.store import Folder

_READERS = 8


@dataclass(frozen=True)
class Chain:
    """The committed steps of a job, in their order."""

    keys: StateKeys
    committed: tuple[Step, ...]

    @property
    def export(self) -> Step | None:
        """The step that ended the job, if it is committed."""
        last = self.committed[-1] if self.committed else None
        return last if last is not None and last.stage is Stage.EXPORT else None


def read_chain(folder: Folder, keys: StateKeys) -> Chain:
    """The chain of the job whose state has these keys."""
    places = map(step_of_key, (entry.key for entry in folder.entries(keys.rounds)))
    committed = [place[0] for place in places if place is not None and place[1] == COMMIT_FILE]
    return Chain(keys, tuple(sorted(committed, key=lambda step: step.order)))


def chain_problems(chain: Chain, folder: Folder) -> list[str]:
    """What breaks the chain of a job that has ended, one sentence each.

    Rounds have no gap, and every step whose outputs another one names is committed. A step that
    was recorded and then left for another one is not missed: nothing came of it.
    """
    keys = chain.keys
    with ThreadPoolExecutor(_READERS) as readers:
        reports = list(readers.map(lambda step: read_commit(folder, keys, step), chain.committed))
    problems = [
        f"{keys.commit(step)} is the commit of another step, {report.step.key}."
        for step, report in zip(chain.committed, reports, strict=True)
        if report.step != step
    ]
    missing = _writers(reports) - set(chain.committed)
    before: Step | None = None
    for step in sorted({*chain.committed, *missing}, key=lambda step: step.order):
        if step in missing:
            problems.append(
                f"{keys.commit(step)} is missing, although later steps build on it. Restore it "
                "from a backup."
            )
        elif not can_follow(before, step):
            since = f"between {before.key} and" if before is not None else "before"
            problems.append(f"the commits {since} {step.key} are missing below {keys.rounds}.")
        before = step
    return problems


def read_commit(folder: Folder, keys: StateKeys, step: Step) -> StageReport:
    """The report of a committed step; ValueError if it is none."""
    key = keys.commit(step)
    try:
        return StageReport.from_json(folder.read(key))
    except ValidationError as error:
        raise ValueError(f"{key} is no commit: {error.errors()[0]['msg']}.") from None


def _writers(reports: Iterable[StageReport]) -> set[Step]:
    """The steps that wrote what the reports name."""
    refs = (ref for r in reports for ref in (*r.inputs.values(), *r.carry.values()))
    # Items belong to no step.
    return {place[0] for ref in refs if (place := step_of_key(ref.key)) is not None}
