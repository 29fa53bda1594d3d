"""What every algorithm for objects shares: matching, fusion, labels and confidence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import Self

import numpy as np

from surelabel.consolidation.checked import aligned, instance
from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene
from surelabel.consolidation.nothing_there import chance_of_nothing
from surelabel.consolidation.objects.answers import Gold, ObjectAnswers
from surelabel.consolidation.objects.fusion import Errors, fuse
from surelabel.consolidation.objects.geometry import Aligned, Codes, Floats, Geometry
from surelabel.consolidation.objects.groups import sums
from surelabel.consolidation.objects.presence import Presence
from surelabel.consolidation.objects.result import ObjectAnnotators, ObjectResult
from surelabel.consolidation.objects.sites import Sites
from surelabel.consolidation.result import AnnotatorParameters

# One mark agrees with itself and says nothing of its place: a pseudo-mark of usual similarity.
_USUAL_SIMILARITY = 0.8
# P(place right) = 1 - (1 - similarity)^3: on real boxes it meets the share of places that are.
_PLACE = 3


class Objects(Fitted, ABC):
    """An algorithm for answers that each mark any number of objects.

    Configuration stands in the constructor, data never does. ``fit`` leaves the frozen result in
    ``result_``; the other attributes with a trailing underscore are its parts.
    """

    # Least similarity, on average, of marks that are one object.
    threshold: float
    result_: ObjectResult

    @abstractmethod
    def _presence(self, sites: Sites, annotators: ObjectAnnotators | None) -> Presence:
        """Which candidates are objects; with known annotators each candidate by itself."""

    def fit(
        self,
        answers: ObjectAnswers,
        *,
        frozen_annotators: ObjectAnnotators | None = None,
        gold: Gold = MappingProxyType({}),
    ) -> Self:
        """Find the objects of every item.

        ``frozen_annotators``: take the annotators as they are there (aligned with the codes), and
        learn nothing from these answers; every item is then judged by itself. ``gold``: the objects
        (geometry, (n_objects,) labels) of items where they are known, by item; they stand with a
        confidence of 1, and annotators are judged by them. Ties: of equally similar marks those
        that come first by place are joined first; what is as likely an object as not is one;
        classes as in ``HierarchicalDawidSkene``. ValueError for a threshold outside (0, 1] and
        annotators that are not aligned.
        """
        self.check_parameters()
        _check(answers, frozen_annotators)
        told = answers.with_gold(gold)
        sites = Sites.of(told, self.threshold)
        presence = self._presence(sites, frozen_annotators)
        aligned = told.geometry.aligned(sites.cluster, len(sites), sites.pairs)
        sigma = None if frozen_annotators is None else frozen_annotators.sigma
        values, errors = fuse(
            aligned, told.mark_annotator, sites.cluster, answers.n_annotators, sigma
        )
        geometry = _held(told.geometry.rebuilt(values, aligned), told, sites)
        label, sure, labels = _vote(told, sites, frozen_annotators)
        spread = _spread(told, sites, geometry)
        confidence = presence.posterior * sure * _place_right(spread, sites.support)
        confidence[sites.truth == 1] = 1.0
        annotators = frozen_annotators or _annotators(told, answers, presence, errors, labels)
        marked = np.bincount(answers.answer, minlength=len(answers.item)) > 0
        nothing = chance_of_nothing(
            answers.item, marked, answers.n_items, learn=frozen_annotators is None
        )
        self.result_ = _result(
            answers,
            told,
            sites,
            presence,
            aligned,
            geometry,
            label,
            confidence,
            spread,
            annotators,
            nothing,
        )
        return self

    def fit_predict(
        self,
        answers: ObjectAnswers,
        *,
        frozen_annotators: ObjectAnnotators | None = None,
        gold: Gold = MappingProxyType({}),
    ) -> ObjectResult:
        """``fit``, and its result."""
        return self.fit(answers, frozen_annotators=frozen_annotators, gold=gold).result_

    @property
    def geometry_(self) -> Geometry:
        """The objects."""
        return self.result_.geometry

    @property
    def labels_(self) -> Codes:
        """(n_objects,): the class of each object."""
        return self.result_.label

    @property
    def confidence_(self) -> Floats:
        """(n_objects,): the chance that each object is right."""
        return self.result_.confidence

    @property
    def annotators_(self) -> ObjectAnnotators:
        """How each annotator marks."""
        return self.result_.annotators


def _held(geometry: Geometry, told: ObjectAnswers, sites: Sites) -> Geometry:
    """The objects of all sites, (n_sites,), those that are known as they are known."""
    if told.oracle is None:
        return geometry
    known = np.flatnonzero(~told.by_people)
    rows = np.arange(len(sites))
    rows[sites.cluster[known]] = len(sites) + np.arange(len(known))
    return geometry.joined(told.geometry[known])[rows]


def _vote(
    told: ObjectAnswers, sites: Sites, frozen: ObjectAnnotators | None
) -> tuple[Codes, Floats, AnnotatorParameters | None]:
    """The class of each site, the chance that it is right, and how annotators name classes."""
    n, people = len(sites), told.people
    if told.n_classes == 1:
        return np.zeros(n, np.int64), np.ones(n), None
    gold = None
    if told.oracle is not None:
        gold = np.full(n, -1, np.int64)
        gold[sites.cluster[~told.by_people]] = told.label[~told.by_people]
    result = HierarchicalDawidSkene().fit_predict(
        sites.cluster[people],
        told.mark_annotator[people],
        told.label[people],
        n,
        sites.n_annotators,
        told.n_classes,
        frozen_annotators=None if frozen is None else frozen.labels,
        gold=gold,
    )
    return result.label, result.confidence, result.annotators


def _spread(told: ObjectAnswers, sites: Sites, geometry: Geometry) -> Floats:
    """(n_sites,): mean similarity of people's marks to what they were fused to; nan without any."""
    rows = np.arange(len(told.answer))[told.people]
    cluster = sites.cluster[told.people]
    total = sums(told.geometry.similarity(rows, geometry, cluster), cluster, len(sites))
    nothing = np.full(len(sites), np.nan)
    spread: Floats = np.divide(total, sites.support, out=nothing, where=sites.support > 0)
    return spread


def _place_right(spread: Floats, support: Codes) -> Floats:
    similarity = (spread * support + _USUAL_SIMILARITY) / (support + 1)
    right: Floats = 1 - (1 - similarity) ** _PLACE
    return right


def _annotators(
    told: ObjectAnswers,
    answers: ObjectAnswers,
    presence: Presence,
    errors: Errors,
    labels: AnnotatorParameters | None,
) -> ObjectAnnotators:
    rates, n = presence.rates, answers.n_annotators
    who = answers.mark_annotator
    # People's marks lie among those that are known in the order that they have without them.
    total = sums(told.geometry.errors(errors.relative)[told.people], who, n)
    measured = errors.n_marks[:, None]
    bias = np.divide(total, measured, out=np.full_like(total, np.nan), where=measured > 0)
    return ObjectAnnotators(
        hit_rate=rates.hit,
        false_rate=rates.false,
        sigma=errors.sigma,
        bias=bias,
        n_answers=answers.by_annotator,
        n_marks=np.bincount(who, minlength=n),
        n_measured=errors.n_marks,
        n_real=rates.n_real,
        pooled=(rates.pooled_hit, rates.pooled_false, errors.pooled),
        curve=presence.curve,
        error_names=answers.geometry.error_names,
        labels=labels,
    )


def _result(
    answers: ObjectAnswers,
    told: ObjectAnswers,
    sites: Sites,
    presence: Presence,
    aligned: Aligned,
    geometry: Geometry,
    label: Codes,
    confidence: Floats,
    spread: Floats,
    annotators: ObjectAnnotators,
    nothing: Floats,
) -> ObjectResult:
    kept = np.flatnonzero(presence.kept)
    number = np.full(len(sites), -1, np.int64)
    number[kept] = np.arange(len(kept))
    item = sites.item[kept]
    # Expected F1: 2 right / (labeled + real), real ones among the candidates. A label without
    # objects is right or wrong as a whole.
    right = sums(confidence[kept], item, answers.n_items)
    labeled = np.bincount(item, minlength=answers.n_items)
    real = sums(presence.posterior, sites.item, answers.n_items)
    expected = np.divide(2 * right, labeled + real, out=nothing, where=labeled > 0)
    expected = np.where(answers.n_answers > 0, expected, np.nan)
    if told.oracle is not None:
        expected[told.item[told.annotator == told.oracle]] = 1.0
    return ObjectResult(
        item=item,
        geometry=geometry[kept],
        label=label[kept],
        confidence=confidence[kept],
        support=sites.support[kept],
        out_of=sites.n_seen[kept],
        spread=spread[kept],
        mark_object=number[sites.cluster[told.people]],
        item_confidence=expected,
        n_answers=answers.n_answers,
        annotators=annotators,
        n_iter=presence.n_iter,
        converged=presence.converged,
    )


def _check(answers: ObjectAnswers, frozen: ObjectAnnotators | None) -> None:
    if frozen is None:
        return
    instance("frozen_annotators", frozen, ObjectAnnotators)
    aligned(len(frozen.hit_rate), answers.n_annotators)
    if answers.n_classes > 1 and frozen.labels is None:
        raise ValueError(
            f"frozen_annotators.labels must be there for {answers.n_classes} classes; got None. "
            "Fit the annotators on answers with the same classes."
        )
