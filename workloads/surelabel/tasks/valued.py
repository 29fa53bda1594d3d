"""What all task types share whose label is more than a class: boxes, spans, texts, orders.

In arrays and files such an answer is the canonical bytes of its ``answerContent``. The label is
the answer nearest to all others, unless a type knows better: A. Braylan and M. Lease, "Modeling
and Aggregation of Complex Annotations via Annotation Distances", WWW 2020,
doi:10.1145/3366423.3380250 (smallest average distance).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby
from typing import Any, ClassVar, Generic, Literal, TypeVar

from surelabel.consolidation.fitted import Iterated
from surelabel.frames import Frame
from surelabel.tasks.base import AnswerError, LabelError, Random
from surelabel.tasks.classes import Classes
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.label_format import Label, LabelFormat
from surelabel.tasks.learning import ValueLearner
from surelabel_contract.model import canonical_json

V = TypeVar("V")


@dataclass
class Fit:
    """How far the iterations of a consolidation came; 0 and True where nothing is iterated.

    Labels come one by one, some from several fits: each tells here, and what stands here holds
    once the last label has come. ``n_iter``: the most of any fit; ``converged``: all of them have.
    ``annotators``: what each fit found out about them, as its family has it.
    """

    n_iter: int = 0
    converged: bool = True
    annotators: list[Any] = field(default_factory=list)

    def note(self, result: Iterated, annotators: Any = None) -> None:
        """Take in the result of one fit; ``annotators``: in place of its own."""
        self.n_iter = max(self.n_iter, result.n_iter)
        self.converged = self.converged and result.converged
        self.annotators.append(annotators or getattr(result, "annotators", None))


@dataclass(frozen=True)
class ValueAnswers(Generic[V]):
    """Answers of several people to some items, by item and annotator; at most one per pair.

    ``item``, ``annotator``, ``value``: one entry an answer, items and annotators coded from 0;
    values may be decoded each time that they are asked for.
    ``sources``: the text of each item, None where it has none or nobody asked for it. ``gold``: the
    truth of items where it is known, by item; the annotators are judged by it. ``known``: the
    annotators as an earlier fit of the same codes has them (``Fit.annotators``): nothing is learned
    from these answers then. ``fit``: told by whoever consolidates them.
    """

    item: tuple[int, ...]
    annotator: tuple[int, ...]
    value: Sequence[V]
    n_annotators: int
    sources: tuple[str | None, ...]
    classes: Classes
    gold: Mapping[int, V] = field(default_factory=dict)
    known: Any = None
    fit: Fit = field(default_factory=Fit, compare=False)

    @property
    def n_items(self) -> int:
        """How many items there are, also without answers."""
        return len(self.sources)

    def of_items(self, wanted: Sequence[bool]) -> ValueAnswers[V]:
        """The answers to the wanted items alone, with the same codes."""
        kept = [row for row, item in enumerate(self.item) if wanted[item]]
        return replace(
            self,
            item=tuple(self.item[row] for row in kept),
            annotator=tuple(self.annotator[row] for row in kept),
            value=OnDemand(len(kept), lambda row: self.value[kept[row]]),
        )

    def alone(self, item: int, rows: Sequence[int], known: Any) -> ValueAnswers[V]:
        """The answers to one item (their positions), as if there were no others; see ``known``."""
        values = [self.value[row] for row in rows]
        return replace(
            self,
            item=(0,) * len(values),
            annotator=tuple(self.annotator[row] for row in rows),
            value=values,
            sources=(self.sources[item],),
            gold={},
            known=known,
            fit=Fit(),
        )

    def by_item(self) -> list[tuple[int, list[int]]]:
        """Each item that has answers, and their positions."""
        positions = sorted(range(len(self.item)), key=lambda p: (self.item[p], self.annotator[p]))
        grouped = groupby(positions, key=self.item.__getitem__)
        return [(item, list(answers)) for item, answers in grouped]


class OnDemand(Sequence[V]):
    """Values that are made each time that they are asked for, by position."""

    def __init__(self, n: int, value_at: Callable[[int], V]) -> None:
        self._n = n
        self._value_at = value_at

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, position: Any) -> Any:
        if position >= self._n:
            # That is how whoever goes through them learns of their end.
            raise IndexError(position)
        return self._value_at(position)


@dataclass(frozen=True)
class ValueTask(Generic[V]):
    """A task type, from the format of its answers and labels; subclasses add what people do."""

    format: LabelFormat[V]
    # A line of a truth file, for messages.
    truth_example: ClassVar[str] = '{"answer": <answerContent>}'
    source_kind: Literal["text", "image"] = "text"
    max_source_bytes: int = 40_000_000
    # What learns its labels; None: models cannot.
    learner: ValueLearner[V] | None = None
    # Whether consolidation is better with the items' texts.
    wants_texts: ClassVar[bool] = False
    # The algorithms by the names that ``spec.consolidation.method`` has for them.
    methods: ClassVar[Mapping[str, Any]] = {"Auto": None}
    # See ``TaskType``.
    takes_any_source: ClassVar[bool] = False
    # Whether an answer is made of marks of the job's classes, see ``disagreement_about``.
    marks_classes: ClassVar[bool] = False
    # Whether each class that somebody chose has a chance to apply.
    has_chances: ClassVar[bool] = False
    # So many answers of earlier rounds, at most, help to judge the annotators of a new one.
    remembers: ClassVar[int] = 2_000

    @property
    def name(self) -> str:
        """See ``TaskType``."""
        return self.format.name

    @property
    def needs_ref(self) -> bool:
        """See ``TaskType``."""
        return self.format.needs_ref

    @property
    def needs_labels(self) -> bool:
        """See ``TaskType``."""
        return self.format.needs_labels

    @property
    def manifest_type(self) -> str:
        """See ``TaskType``."""
        return self.format.manifest_type

    @property
    def crowd_element(self) -> str:
        """See ``TaskType``."""
        return self.format.crowd_element

    # -- what a type brings

    def disagreement(self, first: V, second: V) -> float:
        """How far two answers to one item differ, in [0, 1]; 0 for equal ones."""
        return float(first != second)

    def measured_on(self, values: Sequence[V]) -> ValueTask[V]:
        """The task type with ``disagreement`` in the unit of these answers, of all items.

        This one itself, unless its answers lie on a scale that only they show.
        """
        return self

    def disagreement_about(self, first: V, second: V, label: int) -> float:
        """How far two answers differ in their marks of one class (a code), in [0, 1].

        0 where neither has one. Only for types that mark classes.
        """
        raise NotImplementedError

    def vary(self, truth: V, accuracy: float, rng: Random, n_classes: int) -> V:
        """What a simulated person of this accuracy answers who sees an item with this truth."""
        raise NotImplementedError

    def vary_shown(self, truth: V, shown: Any, accuracy: float, rng: Random, n_classes: int) -> V:
        """``vary`` for who sees an earlier label beside the item."""
        return self.vary(truth, accuracy, rng, n_classes)

    def consolidate(
        self, answers: ValueAnswers[V], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[V]]]:
        """Every item that has answers, in their order, and its label by one of ``methods``."""
        for item, positions in answers.by_item():
            yield item, _nearest_to_all([answers.value[p] for p in positions], self)

    def frame(self, value: V) -> Frame | None:
        """What an answer must have in common with the others to its item; None: nothing."""
        return None

    def stored(self, value: V, classes: Classes, write: Callable[[str, bytes], str]) -> V:
        """The value as a manifest has it; ``write(ending, data)`` stores what is too large for
        that as a file of the item's, and returns its URI."""
        return value

    def loaded(self, value: V, classes: Classes, read: Callable[[str], bytes]) -> V:
        """The value that ``stored`` made, in memory again; ``read(uri)``: what lies there."""
        return value

    # -- what follows from it

    def parse_answer(self, content: Any, labels: Sequence[str]) -> bytes:
        """See ``TaskType``; canonical, whatever spelling the answer had."""
        return self.parse_framed(content, labels)[0]

    def parse_framed(self, content: Any, labels: Sequence[str]) -> tuple[bytes, Frame | None]:
        """``parse_answer`` and ``frame`` at once."""
        classes = classes_of(tuple(labels))
        value = self.format.parse_answer(content, classes)
        return canonical_json(self.format.answer_content(value, classes)), self.frame(value)

    def answer_content(self, coded: bytes, labels: Sequence[str]) -> dict[str, Any]:
        """See ``TaskType``."""
        content: dict[str, Any] = json.loads(coded)
        return content

    def value_of(self, coded: bytes, labels: Sequence[str]) -> V:
        """The value in coded bytes."""
        return self.format.parse_answer(json.loads(coded), classes_of(tuple(labels)))

    def simulate(
        self,
        truth: bytes,
        accuracy: float,
        rng: Random,
        labels: Sequence[str],
        *,
        shown: Any = None,
    ) -> bytes:
        """See ``TaskType``; ``shown``: the value of an earlier label that people see, or None."""
        classes = classes_of(tuple(labels))
        value = self.value_of(truth, labels)
        if shown is None:
            told = self.vary(value, accuracy, rng, len(classes))
        else:
            told = self.vary_shown(value, shown, accuracy, rng, len(classes))
        return canonical_json(self.format.answer_content(told, classes))

    def read_label(self, value: Any, metadata: Any, labels: Sequence[str]) -> int:
        """See ``TaskType``."""
        self.read(value, metadata, labels)
        return 0

    def read(self, value: Any, metadata: Any, labels: Sequence[str]) -> Label[V]:
        """A label of a manifest; LabelError."""
        return self.format.read_label(value, metadata, classes_of(tuple(labels)))

    def read_truth(self, record: Any, labels: Sequence[str]) -> bytes:
        """See ``TaskType``; ``answer`` is the ``answerContent`` of somebody who knows."""
        content = record.get("answer") if isinstance(record, dict) else None
        try:
            return self.parse_answer(content, labels)
        except AnswerError as error:
            raise LabelError(f"'answer': {error}") from None

    def write_label(self, label: Label[V], labels: Sequence[str]) -> tuple[Any, dict[str, Any]]:
        """Label and metadata as Ground Truth writes them."""
        return self.format.write_label(label, classes_of(tuple(labels)))


def _nearest_to_all(values: list[V], task: ValueTask[V]) -> Consolidated[V]:
    """The first of the values with the least mean disagreement; its complement is the confidence.

    A lone value has confidence 0, as Ground Truth has it for a single worker.
    """
    if len(values) == 1:
        return Consolidated(values[0], 0.0)
    apart = [
        sum(task.disagreement(one, other) for other in values if other is not one)
        / (len(values) - 1)
        for one in values
    ]
    best = min(range(len(values)), key=apart.__getitem__)
    return Consolidated(values[best], 1 - apart[best])


@lru_cache(maxsize=16)
def classes_of(labels: tuple[str, ...]) -> Classes:
    """The classes of a job, made once: every answer is read with them."""
    return Classes.of(labels)
