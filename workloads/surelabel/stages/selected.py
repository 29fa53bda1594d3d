"""Why the items of a round were chosen; never part of the task file that people see."""

from __future__ import annotations

from typing import Literal

from surelabel.stages.context import StageContext
from surelabel_contract.model import Record


class Selection(Record):
    """Lines of the query batch that were drawn uniformly from the pool."""

    schema_version: Literal[1] = 1
    uniform: tuple[int, ...] = ()


def read_selection(context: StageContext) -> Selection:
    """The selection of this round; empty where the batch was not chosen by a model."""
    if not context.has("selection"):
        return Selection()
    return Selection.from_json(context.read("selection"))
