"""Which items of a round test a machine: of those people alone decide everything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.stages.context import StageContext


def sealed_lines(context: StageContext) -> NDArray[np.int64]:
    """The lines of the sample that is out and not decided yet, ascending; none without one."""
    if not context.has("proposal"):
        return np.empty(0, np.int64)
    # Late: with it comes what decides a sample, which most steps do without.
    from surelabel.ledger import StoredProposal

    stored = StoredProposal.from_json(context.read("proposal"))
    samples = [line for proposal in stored.proposals for line in proposal.sample]
    return np.unique(np.array(samples, np.int64))
