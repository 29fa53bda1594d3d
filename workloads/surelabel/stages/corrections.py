"""People's answers to items that a machine had labeled: their labels, and the account with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.labels import Kind, LabelState
from surelabel.stages.consensus import Consensus
from surelabel.stages.context import StageContext
from surelabel.stages.promise import read_ledger
from surelabel.stages.stored import write_human
from surelabel_contract.stages import Certificate, ObjectRef


@dataclass(frozen=True)
class Corrected:
    """The account after people answered items that a machine had labeled; their lines."""

    account: ObjectRef
    certificate: Certificate | None
    lines: NDArray[np.int64]


def correct_answered(
    context: StageContext, state: LabelState, consensus: Consensus, account: ObjectRef | None
) -> Corrected | None:
    """People's labels in place of a machine's, and the account without these; None: there are none.

    ``account``: where this step has changed it. A label that was corrected is frozen, so that the
    account stays true of it.
    """
    answered = (consensus.label >= 0) & (state.kind[consensus.line] == Kind.MACHINE)
    if not np.any(answered):
        return None
    from surelabel.certify import correct

    lines, label = consensus.line[answered], consensus.label[answered]
    ledger = read_ledger(context, account)
    changed = ledger.account
    attempts = state.attempt[lines]
    for attempt in np.unique(attempts).tolist():
        of = attempts == attempt
        wrong = int(np.count_nonzero(state.label[lines[of]] != label[of]))
        changed = correct(changed, attempt, int(np.count_nonzero(of)), wrong)
    write_human(state, consensus.where(answered), context.stage_micros)
    data = ledger.model_copy(update={"account": changed}).to_json()
    return Corrected(
        context.write("account.json", data, role="account"), changed.certificate(), lines
    )
