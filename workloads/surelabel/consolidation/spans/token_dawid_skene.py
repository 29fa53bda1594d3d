"""Every unit by itself, annotators with a confusion matrix of tags: Dawid-Skene on tokens.

A. P. Dawid and A. M. Skene, 1979, doi:10.2307/2346806. A baseline that users expect. It knows
nothing of what a span is: tags that do not fit together are mended afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.dawid_skene import DawidSkene
from surelabel.consolidation.result import AnnotatorParameters
from surelabel.consolidation.spans import decode
from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.base import Learned, SpanMethod
from surelabel.consolidation.spans.forward_backward import Lattice
from surelabel.consolidation.spans.layers import assign_layers
from surelabel.consolidation.spans.result import SpanAnnotators
from surelabel.consolidation.spans.sequences import build_sequences
from surelabel.consolidation.spans.token_majority import check_size, lowest, unique_marks
from surelabel.consolidation.spans.units import Units


@dataclass
class TokenDawidSkene(SpanMethod):
    """``max_iter``, ``tol``: of the Dawid-Skene algorithm, whose items are units and whose classes
    are tags; ties go by its rule. A span's confidence is the lowest posterior of a tag in it.
    """

    max_iter: int = 100
    tol: float = 1e-3

    def _learn(
        self,
        answers: SpanAnswers,
        texts: Sequence[str] | None,
        frozen: SpanAnnotators | None,
    ) -> Learned:
        sequences = build_sequences(answers, Units.of(answers, texts), assign_layers(answers))
        lattice = Lattice(sequences)
        check_size(lattice, answers.n_annotators, power=2)
        unit, own = lattice.said
        who = np.repeat(sequences.annotator, sequences.length[sequences.sequence])
        found = DawidSkene(self.max_iter, self.tol).fit_predict(
            unit,
            who,
            own,
            lattice.n_units,
            answers.n_annotators,
            sequences.n_tags,
            frozen_annotators=None if frozen is None else _parameters(frozen),
        )
        tags = np.maximum(found.label, 0)
        runs = decode.runs(sequences, tags)
        marks, confidence = unique_marks(
            decode.marks_of(sequences, *runs), lowest(runs, np.nan_to_num(found.confidence))
        )
        annotators = found.annotators
        return Learned(
            marks,
            confidence,
            emission=annotators.confusion[:, None],
            pooled=annotators.pooled[None],
            initial=annotators.prior,
            transition=np.tile(annotators.prior, (len(annotators.prior), 1)),
            n_iter=found.n_iter,
            converged=found.converged,
        )


def _parameters(frozen: SpanAnnotators) -> AnnotatorParameters:
    """The annotators as Dawid-Skene wants them."""
    n = len(frozen.n_answers)
    return AnnotatorParameters(
        confusion=frozen.emission[:, 0],
        accuracy=np.full(n, np.nan),
        agreement=np.full(n, np.nan),
        n_answers=frozen.n_answers,
        prior=frozen.initial,
        pooled=frozen.pooled[0],
    )
