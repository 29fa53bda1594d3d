"""The report of a job as far as it has come, made anew from its store."""

from __future__ import annotations

import numpy as np

from surelabel.labels import Kind
from surelabel.stages.finished_job import open_so_far
from surelabel.stages.report import build_report, history_at_end
from surelabel.stages.report_page import report_page
from surelabel.stages.stored import read_items, read_state
from surelabel_contract.store import Storage


def report_so_far(storage: Storage, folder_uri: str) -> bytes:
    """report.html of the job whose results lie in ``folder_uri``, ended or not.

    NothingToVerifyError where no job lies there; StorageError where it cannot be read.
    """
    context, commit = open_so_far(storage, folder_uri)
    reader, state = read_items(context), read_state(context)
    items = int(np.count_nonzero(state.kind != Kind.REJECTED))
    report = build_report(context, commit.progressed, {}, items)
    history = history_at_end(context, {})
    return report_page(context, reader, state, commit.progressed, report, history)
