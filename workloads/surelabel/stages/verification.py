"""Recomputes the certificate of a finished job from its store alone.

The chain of commits must be whole. Every attempt is done again from what was committed before its
draw: the sample from the seed, the reference labels from the people's answers, the errors, the
bound, the account; then every machine label of the output manifest is held against the region that
it comes from. It believes no number of the report. Who can rewrite the whole store, commits
included, cannot be caught this way.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from surelabel.account import Account, Attempt, Proposal
from surelabel.account_check import StoredRegion, verify
from surelabel.answer_segments import read_segments
from surelabel.answers import AnswerIndex
from surelabel.items import ItemReader
from surelabel.label_values import LabelValues
from surelabel.ledger import Evidence, Ledger, Region, StoredProposal
from surelabel.manifest import read_line
from surelabel.new_items import NewItems, new_items
from surelabel.stages.answer_contents import AnswerContents
from surelabel.stages.context import StageContext, StateCorruptedError
from surelabel.stages.expected_values import ExpectedValues
from surelabel.stages.finished_job import open_finished
from surelabel.stages.judged_samples import Answered, JudgedSample, judge_sample
from surelabel.stages.machine_marks import marks_of
from surelabel.stages.object_check import object_problems
from surelabel.stages.region_check import region_problems
from surelabel.stages.sources import image_sizes
from surelabel.stages.splitting import whole_lines
from surelabel.stages.stored import read_items
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueTask
from surelabel_contract.keys import OUTPUT_MANIFEST, step_of_key
from surelabel_contract.people import read_tasks
from surelabel_contract.stages import Certificate, StageReport
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import NotFoundInStoreError, Storage

_CHUNK = 8 << 20
# What reading objects that are missing, or not as a stage wrote them, ends in.
_BROKEN = (StateCorruptedError, NotFoundInStoreError, ValueError, KeyError, msgspec.DecodeError)


@dataclass
class Verification:
    """What was recomputed; ``problems``: what does not hold, in words (empty: the promise does)."""

    certificate: Certificate | None = None
    target_error_permille: int | None = None
    # Of items that are not in the job; nothing rests on it.
    new_items: NewItems | None = None
    machine_labels: int = 0
    human_labels: int = 0
    # Those that the input brought; their lines stand as they were.
    earlier_labels: int = 0
    lines: int = 0
    # Names of the classes, by their ids.
    labels: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything could be recomputed and agrees."""
        return not self.problems


def verify_job(storage: Storage, folder_uri: str) -> Verification:
    """The verification of the job whose results lie in ``folder_uri``.

    NothingToVerifyError where no job has ended there; StorageError where it cannot be read.
    """
    found = Verification()
    try:
        context, report, broken = open_finished(storage, folder_uri)
        found.problems += broken
        found.problems += object_problems(context, report)
        _check(context, report, found)
    except _BROKEN as error:
        found.problems.append(f"cannot be recomputed: {error}")
    return found


def _check(context: StageContext, report: StageReport, found: Verification) -> None:
    found.labels = tuple(label.name for label in context.config.labels)
    reader = read_items(context)
    expected = _Expected(context, reader.index.n_lines)
    ledger: Ledger | None = None
    if context.has("account"):
        ledger = Ledger.from_json(context.read("account"))
        _check_ledger(context, reader, ledger, expected, found)
        found.certificate = ledger.account.certificate()
        found.target_error_permille = ledger.account.target_error_permille
        found.new_items = new_items(ledger.account)
    if found.certificate != report.progressed.certificate:
        found.problems.append(
            f"the certificate is {_shown(report.progressed.certificate)}; recomputed: "
            f"{_shown(found.certificate)}."
        )
    _check_manifest(context, reader, expected, found)
    _count_earlier_labels(report, found)
    if ledger is not None:
        _check_corrections(ledger.account, expected, found)
    account = 0 if found.certificate is None else found.certificate.machine_labels
    if found.machine_labels != account:
        found.problems.append(
            f"the output manifest has {found.machine_labels} machine labels; the account covers "
            f"{account}."
        )


class _Expected:
    """(n_lines,) each: the certified machine label, and the frozen human label; -1: none.

    ``attempt``: which attempt certified the machine label; 0: none. ``corrected``: by attempt,
    how many of these labels the manifest has from people instead, and how many differ. ``marks``:
    by attempt, what the metadata of a machine label must say. ``values``: the labels themselves
    where they are no classes.
    """

    def __init__(self, context: StageContext, n_lines: int) -> None:
        self.values = ExpectedValues(context)
        self.machine: NDArray[np.int32] = np.full(n_lines, -1, np.int32)
        self.human: NDArray[np.int32] = np.full(n_lines, -1, np.int32)
        self.attempt: NDArray[np.int32] = np.zeros(n_lines, np.int32)
        self.marks: dict[int, dict[str, Any]] = {}
        self.corrected: Counter[int] = Counter()
        self.corrected_wrong: Counter[int] = Counter()

    def correct(self, line: int, *, is_wrong: bool) -> None:
        """People's label of a line; counts where a machine's was certified, which it says was
        wrong or not."""
        attempt = int(self.attempt[line])
        if attempt:
            self.corrected[attempt] += 1
            self.corrected_wrong[attempt] += is_wrong


def _check_ledger(
    context: StageContext,
    reader: ItemReader,
    ledger: Ledger,
    expected: _Expected,
    found: Verification,
) -> None:
    account: Account = ledger.account
    if len(ledger.evidence) != len(account.attempts):
        found.problems.append(
            f"the account has {len(account.attempts)} attempts but {len(ledger.evidence)} pieces "
            "of evidence."
        )
        return
    regions: dict[int, StoredRegion] = {}
    for attempt, evidence in zip(account.attempts, ledger.evidence, strict=True):
        name = f"attempt {attempt.proposal.attempt}"
        stored = StoredProposal.from_json(context.read_ref(evidence.proposal))
        if stored.proposal(attempt.proposal.attempt) != attempt.proposal:
            found.problems.append(f"{name}: the account's proposal is not the committed one.")
        region = Region.from_bytes(context.read_ref(stored.region)).of(attempt.proposal)
        regions[attempt.proposal.attempt] = StoredRegion(region.line, region.level)
        sample = np.array(attempt.proposal.sample, np.int64)
        proposed = _check_commitment(context, evidence, stored, name, found)
        outside = region_problems(context, reader, proposed, region.line, sample)
        found.problems.extend(f"{name}: {problem}" for problem in outside)
        if attempt.outcome != "NotTested":
            judged = _judged(context, reader, evidence, stored, attempt.proposal, region, proposed)
            _check_errors(attempt, judged, found)
            reference = judged.reference
            usable = reference.label >= 0
            expected.human[sample[usable]] = reference.label[usable]
            expected.values.human |= judged.stored(context)
        if attempt.machine_labels:
            expected.marks[attempt.proposal.attempt] = marks_of(attempt)
            given = region.certified(attempt)
            expected.machine[given.line] = given.label
            expected.attempt[given.line] = attempt.proposal.attempt
            if stored.guesses is not None:
                guesses = LabelValues.of_bytes(context.read_ref(stored.guesses))
                lines = set(given.line.tolist())
                expected.values.machine |= {k: v for k, v in guesses.items() if k in lines}
    found.problems.extend(verify(account, regions))


def _check_commitment(
    context: StageContext,
    evidence: Evidence,
    stored: StoredProposal,
    name: str,
    found: Verification,
) -> StageReport:
    """The proposal was committed by its step, and the answers came in a later one; the commit."""
    proposed, decided = _step(stored.step), _step(evidence.decided_step)
    commit = StageReport.from_json(context.folder.read(context.keys.commit(proposed)))
    if commit.carry.get("proposal") != evidence.proposal:
        found.problems.append(f"{name}: step {stored.step} committed another proposal.")
    rounds = {step.round for step in evidence.answers}
    if rounds != {decided.round} or decided.round <= proposed.round:
        found.problems.append(
            f"{name}: proposed in round {proposed.round}, but decided in {decided.round} with "
            f"answers of rounds {sorted(rounds)}; the answers must come after the proposal."
        )
    return commit


def _judged(
    context: StageContext,
    reader: ItemReader,
    evidence: Evidence,
    stored: StoredProposal,
    proposal: Proposal,
    region: Region,
    proposed: StageReport,
) -> JudgedSample:
    """The sample judged again, by the people's answers and what had been said before."""
    segments = [segment for step in evidence.answers for segment in step.segments]
    for segment in segments:
        # Raises if it is not what the annotate step wrote.
        context.read_ref(segment)
    tasks = read_tasks(context.read_ref(evidence.tasks))
    lines = reader.lines_of(task.item_id for task in tasks)
    contents = AnswerContents(context)
    answers, _ = read_segments(
        context.folder,
        segments,
        lines,
        contents,
        lambda wanted: image_sizes(context, reader, wanted),
    )
    index = AnswerIndex()
    # Before prepare nobody has said anything.
    if proposed.step.stage is not Stage.PREPARE:
        index = AnswerIndex.from_json(context.read_ref(proposed.inputs["answers"]))
    sample = np.array(proposal.sample, np.int64)
    given = Answered(answers, contents, index.coded)
    return judge_sample(context, reader, stored, region, sample, given)


def _check_errors(attempt: Attempt, judged: JudgedSample, found: Verification) -> None:
    if judged.wrong != list(attempt.wrong):
        found.problems.append(
            f"attempt {attempt.proposal.attempt}: {len(attempt.wrong)} errors are recorded; the "
            f"answers give {len(judged.wrong)}."
        )


def _check_manifest(
    context: StageContext, reader: ItemReader, expected: _Expected, found: Verification
) -> None:
    """Every output line is its input line, with nothing but a label that is accounted for."""
    config = context.config
    task_type = TASK_TYPES[config.task_type]
    labels = [label.name for label in config.labels]
    name = config.label_attribute_name
    written = whole_lines(context.folder.read_chunks(OUTPUT_MANIFEST, _CHUNK))
    for first_line, raw_lines in reader.raw_lines():
        for line, raw in enumerate(raw_lines, first_line):
            out = next(written, None)
            if out is None:
                found.problems.append(f"the output manifest ends before line {line + 1}.")
                return
            found.lines += 1
            if out == raw:
                if expected.machine[line] >= 0:
                    found.problems.append(f"line {line + 1}: its machine label is missing.")
                continue
            if not out.startswith(raw[: raw.rindex(b"}")]):
                found.problems.append(f"line {line + 1}: the input's own fields were changed.")
                continue
            record = read_line(out)
            metadata = record[f"{name}-metadata"]
            if metadata["human-annotated"] == "no":
                found.machine_labels += 1
                _check_marks(expected, line, metadata, found)
            else:
                found.human_labels += 1
            if isinstance(task_type, ValueTask):
                _check_value(expected, line, record[name], metadata, found)
            else:
                label = task_type.read_label(record[name], metadata, labels)
                _check_class(expected, line, label, metadata, labels, found)
    if next(written, None) is not None:
        found.problems.append("the output manifest has more lines than the input.")


def _check_marks(expected: _Expected, line: int, metadata: Any, found: Verification) -> None:
    """A machine label names its model, its round and its certificate."""
    marks = expected.marks.get(int(expected.attempt[line]), {})
    if any(metadata.get(key) != value for key, value in marks.items()):
        found.problems.append(
            f"line {line + 1}: its metadata must say {marks}, of its certificate."
        )


def _check_class(
    expected: _Expected,
    line: int,
    label: int,
    metadata: Any,
    labels: list[str],
    found: Verification,
) -> None:
    """A class is the one that was certified, or the sample's reference label."""
    machine, human = int(expected.machine[line]), int(expected.human[line])
    if metadata["human-annotated"] == "no":
        if label != machine:
            found.problems.append(
                f"line {line + 1}: machine label {labels[label]!r}; certified was "
                f"{labels[machine] if machine >= 0 else None!r}."
            )
        return
    expected.correct(line, is_wrong=label != machine)
    if human >= 0 and label != human:
        found.problems.append(
            f"line {line + 1}: human label {labels[label]!r}; the sample's reference "
            f"label was {labels[human]!r}."
        )


def _check_value(
    expected: _Expected, line: int, label: Any, metadata: Any, found: Verification
) -> None:
    """A label that is no class is the guess, or the reference label, that was certified."""
    values = expected.values
    if metadata["human-annotated"] == "no":
        if expected.machine[line] < 0 or not values.is_guess(line, label):
            found.problems.append(f"line {line + 1}: its machine label is not the certified one.")
        return
    if expected.attempt[line]:
        expected.correct(line, is_wrong=values.differs(line, label, metadata))
    if expected.human[line] >= 0 and not values.is_reference(line, label):
        found.problems.append(
            f"line {line + 1}: its human label is not the sample's reference label."
        )


def _count_earlier_labels(report: StageReport, found: Verification) -> None:
    """The labels that the report counts and nobody here gave, for no more lines than are left."""
    labeled = report.progressed.counters.total_labeled
    given = found.human_labels + found.machine_labels
    found.earlier_labels = max(labeled - given, 0)
    if not given <= labeled <= found.lines:
        found.problems.append(
            f"the report counts {labeled} labels; the output manifest has {given} new ones "
            f"in {found.lines} lines."
        )


def _check_corrections(account: Account, expected: _Expected, found: Verification) -> None:
    """What the account says of machine labels that people answered later is in the manifest."""
    for attempt in account.attempts:
        if not attempt.machine_labels:
            continue
        number = attempt.proposal.attempt
        recorded = attempt.corrected_items, attempt.corrected_wrong
        given = expected.corrected[number], expected.corrected_wrong[number]
        if recorded != given:
            found.problems.append(
                f"attempt {number}: {recorded[0]} labels were corrected, {recorded[1]} of them "
                f"wrong, by the account; {given[0]} and {given[1]} by the output manifest."
            )


def _step(key: str) -> Step:
    where = step_of_key(f"rounds/{key}/COMMITTED.json")
    if where is None:
        raise ValueError(f"{key!r} is no step.")
    return where[0]


def _shown(certificate: Certificate | None) -> str:
    return "none" if certificate is None else certificate.to_json().decode()
