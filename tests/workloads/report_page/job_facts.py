"""A finished job as the page is told of it; tests change what matters to them."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from surelabel.learning_curve import LearningPoint
from surelabel.report_page import JobFacts
from surelabel.report_page.facts import (
    AnnotatorFacts,
    CalibrationBin,
    ClassCount,
    Confused,
    Confusion,
    Cost,
    Example,
    ExampleGroup,
    Picture,
    Promise,
    RoundFacts,
)
from surelabel_contract.stages import Certificate, LabelCounters, Validation

CERTIFICATE = Certificate(
    error_bound_permille=39,
    risk_permille=50,
    validated_items=192,
    errors=2,
    charged_errors=54,
    machine_labels=1389,
    attempts=1,
)


def counters(total: int, human: int, machine: int) -> LabelCounters:
    labeled = human + machine
    return LabelCounters(
        total=total,
        total_labeled=labeled,
        human_labeled=human,
        machine_labeled=machine,
        unlabeled=total - labeled,
    )


def picture(size: int = 8) -> Picture:
    buffer = io.BytesIO()
    Image.new("L", (size, size), 99).save(buffer, "PNG")
    return Picture(buffer.getvalue(), "image/png", size, size, small=size <= 64)


def example(**changes: Any) -> Example:
    values: dict[str, Any] = {"line": 3, "label": "falcon", "confidence": 0.61}
    return Example(**{**values, **changes})


def job_facts(**changes: Any) -> JobFacts:
    """1,797 items, 408 by people and 1,389 by models, in two rounds."""
    end = counters(1797, 408, 1389)
    values: dict[str, Any] = {
        "name": "birds",
        "namespace": "vision",
        "task_type": "ImageClassification",
        "counters": end,
        "cost": Cost(1224, 5391, "14.688", "64.692", "USD"),
        "ending": "AllLabeled",
        "promise": Promise(50, 50),
        "certificate": CERTIFICATE,
        "statement": "With 95 % confidence at most 3.9 % of the machine labels differ.",
        "consensus_error": (0.007, 0.0, 0.02),
        "rounds": (
            RoundFacts(1, counters(1797, 200, 0), 600),
            RoundFacts(2, end, 1224, Validation(items=192, errors=2, accepted=True), CERTIFICATE),
        ),
        "learning": (
            LearningPoint(round=1, labels=200, items=50, wrong=3),
            LearningPoint(round=2, labels=400, items=90, wrong=2),
        ),
        "calibration": (CalibrationBin(0.8, 25, 18), CalibrationBin(0.98, 25, 25)),
        "confusion": Confusion(
            ("falcon", "heron"), ((110, 3), (1, 86)), (Confused("falcon", "heron", 3),), 200, 196
        ),
        "annotators": (
            AnnotatorFacts("ada", 266, 0.98, 0.992),
            AnnotatorFacts("emil", 242, 0.84, 0.82),
        ),
        "classes": (ClassCount("falcon", 200, 700), ClassCount("heron", 208, 689)),
        "examples": (
            ExampleGroup(
                "Machine labels: least certain",
                "By the confidence of the model, the lowest first.",
                (
                    example(picture=picture(), name="00002.png"),
                    example(line=4, missing="BrokenMedia"),
                ),
            ),
            ExampleGroup("People", "The lowest first.", (example(text="A falcon, they say."),)),
        ),
    }
    return JobFacts(**{**values, **changes})
