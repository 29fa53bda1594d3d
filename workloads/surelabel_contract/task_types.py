"""The task types by name, for those who must not import ``surelabel.tasks``; a test keeps the
registry and this list equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TaskTypeFacts:
    """What operator and resources need to know of a task type."""

    name: str
    # Labels are references to files, so the label attribute ends in "-ref" (Ground Truth's rule).
    needs_ref: bool = False
    # Fewer classes say nothing; 0: the job has none; None: it may have any.
    least_labels: int | None = 1
    # Models can learn it, so that autoLabeling is possible.
    has_model: bool = False
    # What an encoder makes one row of; None: the built-in features are more than a row.
    encodes: Literal["image", "text"] | None = None
    # A label is one class, so that the estimators of spec.autoLabeling.model can learn it.
    is_class: bool = False
    # A machine's label is an error if its loss (1 - IoU, 1 - F1) is above this, unless the job says
    # otherwise; None: a label is right or wrong.
    tolerance_permille: int | None = None
    # People look at an earlier label of the line, which the job may or must name.
    audit: Literal["None", "Optional", "Required"] = "None"
    # What ``spec.consolidation.method`` may be.
    methods: tuple[str, ...] = ("Auto",)

    def labels_are_refs(self, audited: str | None) -> bool:
        """Whether the label attribute ends in ``-ref``; ``audited``: key of the earlier label.

        A corrected label is what the earlier one was.
        """
        return self.needs_ref or (self.audit == "Required" and (audited or "").endswith("-ref"))


# Of labels that are one of a few choices.
_OF_CHOICES = (
    "Auto", "MajorityVote", "Wawa", "DawidSkene", "OneCoinDawidSkene", "HierarchicalDawidSkene",
    "GLAD", "EBCC", "GroundTruth",
)  # fmt: skip
_OF_SETS = ("Auto", "MajorityVote", "HierarchicalDawidSkene", "JointDawidSkene", "GroundTruth")
_OF_OBJECTS = ("Auto", "SupportVote", "BetaBinomial", "HitRates")
_OF_SPANS = (
    "Auto", "BayesianSequenceCombination", "JaccardClusters", "TokenDawidSkene", "TokenMajority",
)  # fmt: skip
_OF_MASKS = ("Auto", "MajorityVote", "STAPLE")
_OF_ORDERS = ("Auto", "Borda", "Kemeny", "PlackettLuce")
_OF_TEXTS = ("Auto", "MajorityVote", "ClosestToCentre", "Rover")
_OF_NUMBERS = ("Auto", "Mean", "Median", "BiasAndNoise", "RoundedNormal")

TASK_TYPE_FACTS: dict[str, TaskTypeFacts] = {
    facts.name: facts
    for facts in (
        TaskTypeFacts(
            "ImageClassification",
            least_labels=2,
            has_model=True,
            encodes="image",
            is_class=True,
            methods=_OF_CHOICES,
        ),
        TaskTypeFacts(
            "TextClassification",
            least_labels=2,
            has_model=True,
            is_class=True,
            encodes="text",
            methods=_OF_CHOICES,
        ),
        TaskTypeFacts(
            "ImageClassificationMultiLabel", has_model=True, encodes="image", methods=_OF_SETS
        ),
        TaskTypeFacts(
            "TextClassificationMultiLabel", has_model=True, encodes="text", methods=_OF_SETS
        ),
        TaskTypeFacts("BoundingBox", tolerance_permille=500, methods=_OF_OBJECTS),
        TaskTypeFacts("Polygon", methods=_OF_OBJECTS),
        TaskTypeFacts("Polyline", methods=_OF_OBJECTS),
        TaskTypeFacts("Keypoint", methods=_OF_OBJECTS),
        TaskTypeFacts(
            "NamedEntityRecognition", has_model=True, tolerance_permille=500, methods=_OF_SPANS
        ),
        TaskTypeFacts(
            "SemanticSegmentation", needs_ref=True, tolerance_permille=300, methods=_OF_MASKS
        ),
        TaskTypeFacts("InstanceSegmentation"),
        TaskTypeFacts("PairwisePreference", least_labels=0, methods=_OF_CHOICES),
        TaskTypeFacts("Ranking", least_labels=0, methods=_OF_ORDERS),
        TaskTypeFacts("FreeText", least_labels=0, methods=_OF_TEXTS),
        TaskTypeFacts("Rating", least_labels=0, methods=_OF_NUMBERS),
        TaskTypeFacts("LabelVerification", least_labels=2, audit="Optional", methods=_OF_CHOICES),
        TaskTypeFacts("LabelAdjustment", audit="Required"),
        TaskTypeFacts("Custom", least_labels=None),
    )
}

# Every method that some task type has, in the order in which they first stand above.
CONSOLIDATION_METHODS: tuple[str, ...] = tuple(
    dict.fromkeys(method for facts in TASK_TYPE_FACTS.values() for method in facts.methods)
)
