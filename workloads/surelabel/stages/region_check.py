"""Whether a region held only items that nobody had labeled or been asked about before it.

Looks at what the proposing step was given and what it wrote, so at the store as it was before the
draw. Items of earlier samples are ``account_check``'s part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.answers import AnswerIndex, CodedAnswers
from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelFiles, LabelState, apply_delta
from surelabel.stages.context import StageContext
from surelabel_contract.people import read_tasks
from surelabel_contract.stages import StageReport
from surelabel_contract.steps import Stage


def region_problems(
    context: StageContext,
    reader: ItemReader,
    proposed: StageReport,
    region: NDArray[np.int64],
    sample: NDArray[np.int64],
) -> list[str]:
    """What is wrong with the lines of a region, in words; ``proposed``: its step's commit."""
    found = {
        "was labeled before": _labeled(context, proposed, region),
        "was answered before": np.intersect1d(region, _answered(context, proposed)),
        "was asked with its sample": np.intersect1d(
            np.setdiff1d(region, sample), _asked(context, reader, proposed)
        ),
    }
    return [
        f"item {lines[0]} of its region {what} (of {len(lines)} such items)."
        for what, lines in found.items()
        if len(lines)
    ]


def _labeled(
    context: StageContext, proposed: StageReport, region: NDArray[np.int64]
) -> NDArray[np.int64]:
    # Prepare is given no labels: it reads those that the manifest brought.
    given = proposed.inputs if proposed.step.stage is not Stage.PREPARE else proposed.carry
    files = LabelFiles.from_json(context.read_ref(given["labels"]))
    state = LabelState.empty(files.n_lines)
    for file in files.files:
        apply_delta(state, context.read_ref(file))
    return np.asarray(region[state.kind[region] != Kind.OPEN])


def _answered(context: StageContext, proposed: StageReport) -> NDArray[np.int64]:
    """Lines with an answer that gives a label, from rounds before the proposal."""
    if proposed.step.stage is Stage.PREPARE:
        return np.empty(0, np.int64)
    index = AnswerIndex.from_json(context.read_ref(proposed.inputs["answers"]))
    coded = [CodedAnswers.from_bytes(context.read_ref(ref)) for ref in index.coded]
    return np.concatenate([np.empty(0, np.int64), *(part.usable.line for part in coded)])


def _asked(context: StageContext, reader: ItemReader, proposed: StageReport) -> NDArray[np.int64]:
    """Lines of the task file that went out with the sample."""
    tasks = read_tasks(context.read_ref(proposed.carry["tasks"]))
    lines = reader.lines_of(task.item_id for task in tasks)
    return np.fromiter(lines.values(), np.int64, len(lines))
