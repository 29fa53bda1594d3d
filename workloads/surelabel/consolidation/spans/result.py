"""What every consolidation of spans returns, and the annotators' parameters that outlive it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.names import NamedAnnotators, only_as_written
from surelabel.consolidation.read_only import ReadOnlyArrays

# One number per annotator; what an annotator without a history gets instead, by name.
_UNKNOWN = {"n_answers": 0, "n_spans": 0, "length_bias": 0.0}


@dataclass(frozen=True)
class SpanAnnotators(NamedAnnotators):
    """How good each annotator is, and how each answers. (n_annotators,) each unless told:

    ``n_answers``, ``n_compared`` (those beside others' answers or a known truth), ``n_spans``;
    ``precision``, ``recall``: share of the annotator's spans that the
    consensus has exactly, and of the consensus of the items answered that the annotator has;
    ``relaxed_precision``, ``relaxed_recall``: the same by covered code points; ``length_bias``:
    mean of log(own length / consensus length) over matched spans, above 0 for too long;
    ``agreement``: F1 with the consensus, relaxed. nan where there is nothing to judge by.
    ``label_confusion[a, t, l]``: (n_annotators, n_classes, n_classes), how often a's span matched
    one of class t and was called l.

    ``emission[a, b, t, o]``: P(own tag o | own tag before b, true tag t), b of length 1 for a model
    without memory, 0 for a method without a model. ``pooled[b, t, o]``: for an annotator without a
    history. ``initial``, ``transition``: of true tags. ``word_evidence``: (n_words, n_tags),
    log P(word | tag) / P(word) of the words in ``vocabulary``. ``dependence``: how far answers to
    one item depend on each other, 0 for not at all; n say as much as n / (1 + dependence (n - 1)).
    """

    n_answers: Codes
    n_compared: Codes
    n_spans: Codes
    precision: Floats
    recall: Floats
    relaxed_precision: Floats
    relaxed_recall: Floats
    agreement: Floats
    length_bias: Floats
    label_confusion: Codes
    emission: Floats
    pooled: Floats
    initial: Floats
    transition: Floats
    vocabulary: tuple[str, ...]
    word_evidence: Floats
    dependence: float = 0.0
    names: tuple[str, ...] = ()

    def for_annotators(self, names: Sequence[str]) -> SpanAnnotators:
        """The parameters in the order of ``names``; who is not known gets what all have in common.

        That is the mean over those who are known, and the pooled model.
        """
        places = self.places_of(names)
        changed: dict[str, object] = {"names": tuple(names)}
        for name in _PER_ANNOTATOR:
            own = getattr(self, name)
            changed[name] = places.take(own, _UNKNOWN.get(name, _mean(own)))
        # The pooled model is as well known as those are whom it is made of.
        usual = int(self.n_compared.mean()) if len(self.n_compared) else 0
        changed["n_compared"] = places.take(self.n_compared, usual)
        for name, common in (("label_confusion", 0), ("emission", self.pooled)):
            changed[name] = places.take(getattr(self, name), common)
        return replace(self, **changed)  # type: ignore[arg-type]

    def to_json(self) -> bytes:
        """Bytes for the store; equal parameters give equal bytes."""
        value: dict[str, object] = {"schemaVersion": 1, "dependence": self.dependence}
        for field in fields(self):
            held = getattr(self, field.name)
            if field.name in value:
                continue
            if field.name in _TEXTS:
                value[field.name] = list(held)
            else:
                value[field.name] = {"shape": list(held.shape), "values": _numbers(held)}
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    @only_as_written
    def from_json(cls, data: bytes) -> SpanAnnotators:
        """The parameters that ``to_json`` wrote; ValueError for other bytes."""
        value = json.loads(data)
        # Parameters from before it was counted believed the model of everybody.
        value.setdefault("n_compared", value["n_answers"])
        held: dict[str, object] = {name: tuple(value[name]) for name in _TEXTS}
        for name in ("n_compared", *_PER_ANNOTATOR, *_TABLES):
            kind = np.int64 if name in _COUNTS else np.float64
            numbers = [np.nan if each is None else each for each in value[name]["values"]]
            held[name] = np.array(numbers, dtype=kind).reshape(value[name]["shape"])
        # Parameters from before there was one took answers for independent.
        held["dependence"] = value.get("dependence", 0.0)
        return cls(**held)  # type: ignore[arg-type]


_COUNTS = ("n_answers", "n_compared", "n_spans", "label_confusion")
_TEXTS = ("names", "vocabulary")
_TABLES = ("label_confusion", "emission", "pooled", "initial", "transition", "word_evidence")
_PER_ANNOTATOR = (
    "n_answers", "n_spans", "precision", "recall", "relaxed_precision", "relaxed_recall",
    "agreement", "length_bias",
)  # fmt: skip


@dataclass(frozen=True)
class SpanResult(ReadOnlyArrays):
    """The consolidated spans, (n_spans,) each, sorted by ``item``, start, end and ``label``.

    ``start``, ``end``: code points, end exclusive. ``confidence``: the chance in [0, 1] that
    exactly this span with this label is right. ``support``: annotators with a span of this label
    that shares half of the code points with it (Jaccard index). ``n_answers``: (n_items,), answers
    that counted; 0 where nobody answered, which is not the same as answers without spans.
    """

    item: Codes
    start: Codes
    end: Codes
    label: Codes
    confidence: Floats
    support: Codes
    n_answers: Codes
    annotators: SpanAnnotators
    n_iter: int
    converged: bool

    def spans_of(self, item: int) -> list[tuple[int, int, int]]:
        """(start, end, label) of one item's spans."""
        rows = slice(*np.searchsorted(self.item, (item, item + 1)))
        columns = (self.start[rows], self.end[rows], self.label[rows])
        return list(zip(*(column.tolist() for column in columns), strict=True))


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _numbers(values: Floats) -> list[float | int | None]:
    flat = values.ravel().tolist()
    return [None if isinstance(each, float) and np.isnan(each) else each for each in flat]
