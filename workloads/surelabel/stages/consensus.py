"""From the answers so far to one label per item, with frozen labels held fast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.answers import CodedAnswers
from surelabel.consolidation import (
    METHODS,
    AnnotatorParameters,
    Classification,
    ConsolidationResult,
    ErrorShare,
    MajorityVote,
    consensus_error,
    value_of_two_answers,
)
from surelabel.consolidation.checked import NotApplicableError
from surelabel.labels import Kind, LabelState
from surelabel.stages.model_word import ModelWord
from surelabel.stages.passes import Wanted, doubt_of, wanted_by_doubt, wanted_by_votes
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import StageConfig

# As how many annotators a model counts: it is right where it is sure, and guesses elsewhere.
_MODELS = 3


@dataclass(frozen=True)
class Consensus:
    """(n,) each, by line: class id (-1: no usable answer), its confidence, usable answers."""

    line: NDArray[np.int64]
    label: NDArray[np.int64]
    confidence: NDArray[np.float64]
    n_answers: NDArray[np.int64]
    # None: there was nothing to judge them by.
    annotators: AnnotatorParameters | None

    def where(self, mask: NDArray[np.bool_]) -> Consensus:
        """The items that the mask picks."""
        return Consensus(
            self.line[mask],
            self.label[mask],
            self.confidence[mask],
            self.n_answers[mask],
            self.annotators,
        )


@contextmanager
def method_of(config: StageConfig) -> Iterator[None]:
    """ConfigurationError where the job's method cannot work on the answers that came."""
    try:
        yield
    except NotApplicableError as error:
        raise ConfigurationError(
            "MethodNotApplicable",
            f"spec.consolidation.method: {config.consolidation_method}: {error}",
        ) from error


def consolidate_all(
    config: StageConfig,
    answers: CodedAnswers,
    frozen_lines: NDArray[np.int64],
    frozen_labels: NDArray[np.int32],
) -> Consensus:
    """Labels of all items with usable answers, and the annotators as these answers show them.

    ``frozen_lines`` (ascending): items whose label is decided; it helps to judge the annotators.
    """
    usable = answers.usable
    if not len(usable.line):
        none = np.empty(0, np.int64)
        return Consensus(none, none, np.empty(0), none, None)
    line, item = np.unique(usable.line, return_inverse=True)
    gold = np.full(len(line), -1, np.int64)
    position = np.minimum(np.searchsorted(line, frozen_lines), len(line) - 1)
    there = line[position] == frozen_lines
    gold[position[there]] = frozen_labels[there]
    with method_of(config):
        result = _fit(
            METHODS[config.consolidation_method](),
            config,
            usable,
            item,
            len(line),
            gold=gold,
            item_ids=_ids(line),
            label_names=[label.name for label in config.labels],
        )
    return _consensus(line, result, usable.annotators)


def _fit(
    method: Classification,
    config: StageConfig,
    usable: CodedAnswers,
    item: NDArray[np.int64],
    n_items: int,
    **known: Any,
) -> ConsolidationResult:
    """The answers, whose items are coded as ``item``, judged by the method; ``known``: what its
    ``fit`` takes besides."""
    return method.fit_predict(
        item,
        usable.annotator,
        usable.label,
        n_items,
        len(usable.annotators),
        len(config.labels),
        **known,
    )


def reference_labels(
    config: StageConfig,
    answers: CodedAnswers,
    lines: NDArray[np.int64],
    annotators: AnnotatorParameters | None,
) -> Consensus:
    """The sealed labels of a validation sample, one for each of ``lines`` (ascending).

    ``annotators`` were estimated before the sample's first answer; None: there are none yet, and
    the majority decides, and a hash of item and label where it is tied. Nothing is learned from
    these answers, so a label does not depend on what else is in the sample.
    """
    usable = answers.where(np.isin(answers.line, lines)).usable
    names = usable.annotators
    if annotators is None:
        method: Classification = MajorityVote()
        frozen = AnnotatorParameters.unknown(names, len(config.labels))
    else:
        method = METHODS[config.consolidation_method]()
        frozen = annotators.for_annotators(names)
    result = _fit(
        method,
        config,
        usable,
        np.searchsorted(lines, usable.line),
        len(lines),
        frozen_annotators=frozen,
        item_ids=_ids(lines),
        label_names=[label.name for label in config.labels],
    )
    return _consensus(lines, result, names)


def wanted_of_classes(
    config: StageConfig,
    answers: CodedAnswers,
    annotators: AnnotatorParameters | None,
    *,
    is_sealed: bool,
    model: ModelWord | None = None,
) -> Wanted:
    """Which labels are too doubtful by the answers so far.

    ``annotators``: as they were judged before these answers; None: there are none, and the answers
    themselves tell how good people are. ``is_sealed``: a sample is among the answers, of which
    nothing may be learned; without known annotators votes decide then. ``model``: one annotator
    more. One answer alone is enough where nobody asked for a second one.
    """
    usable = answers.usable
    if not len(usable.line) or (annotators is None and is_sealed):
        return wanted_by_votes(usable)
    line, item = np.unique(usable.line, return_inverse=True)
    known = None if annotators is None else annotators.for_annotators(usable.annotators)
    with method_of(config):
        result = _fit(
            METHODS[config.consolidation_method](),
            config,
            usable,
            item,
            len(line),
            frozen_annotators=known,
        )
    posterior = result.posterior if model is None else model.heard(line, result.posterior)
    one_is_enough = config.annotators_per_item == 1
    doubt = doubt_of(posterior, result.n_answers, one_is_enough=one_is_enough)
    return wanted_by_doubt(line, doubt)


def gain_beside_a_model(
    config: StageConfig, answers: CodedAnswers, model: ModelWord, chosen: NDArray[np.int32]
) -> dict[int, float]:
    """By line how much likelier right than ``chosen`` the label is after two more answers, where
    the model answers beside people and all are judged together.

    ``chosen``: (n_lines,), labels by people alone, so that one which the model denies may be far
    from the likeliest. The model counts as ``_MODELS`` annotators, by how sure it is. People who
    never answered the same item show by nothing else how good they are.
    """
    usable = answers.usable
    if not len(usable.line):
        return {}
    line, item = np.unique(usable.line, return_inverse=True)
    word = model.where(np.isin(model.line, line))
    edges = np.quantile(word.right, np.arange(1, _MODELS) / _MODELS) if len(word.line) else 0.0
    names = (*usable.annotators, *(f"model {number}" for number in range(_MODELS)))
    everybody = CodedAnswers(
        np.concatenate((usable.line, word.line)),
        np.concatenate(
            (usable.annotator, len(usable.annotators) + np.searchsorted(edges, word.right))
        ),
        np.concatenate((usable.label, word.label)),
        names,
    )
    item = np.concatenate((item, np.searchsorted(line, word.line)))
    with method_of(config):
        result = _fit(METHODS[config.consolidation_method](), config, everybody, item, len(line))
    posterior = result.posterior
    gain = value_of_two_answers(posterior, result.annotators)
    gain += posterior.max(axis=1) - posterior[np.arange(len(line)), chosen[line]]
    return dict(zip(line.tolist(), gain.tolist(), strict=True))


def estimated_error(
    config: StageConfig, answers: CodedAnswers, state: LabelState
) -> ErrorShare | None:
    """How many of the people's labels in ``state`` are probably wrong, by all their answers.

    Frozen labels are no truth here: they are as wrong as any. None: no item has two answers.
    """
    usable = answers.usable
    usable = usable.where(state.kind[usable.line] == Kind.HUMAN)
    line, item = np.unique(usable.line, return_inverse=True)
    return consensus_error(
        item,
        usable.annotator,
        usable.label,
        state.label[line],
        len(usable.annotators),
        len(config.labels),
    )


def _consensus(
    lines: NDArray[np.int64], result: ConsolidationResult, names: tuple[str, ...]
) -> Consensus:
    return Consensus(
        lines,
        # With frozen annotators an item without answers would get the commonest class.
        np.where(result.n_answers > 0, result.label, -1),
        np.where(result.n_answers > 0, result.confidence, 0.0),
        result.n_answers,
        result.annotators.named(names),
    )


def _ids(lines: NDArray[np.int64]) -> list[str]:
    return [str(line) for line in lines.tolist()]
