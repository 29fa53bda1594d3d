"""A manifest on this machine, held line by line to the rules of the prepare stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from surelabel_operator.resources import read_labeling_job


@dataclass(frozen=True)
class ManifestRules:
    """What a manifest is held to. Without a job no label in it can be judged."""

    task_type: str
    attribute: str = ""
    labels: tuple[str, ...] = ()
    audited: str | None = None

    @classmethod
    def of_job(cls, obj: dict[str, Any], task_type: str | None = None) -> ManifestRules:
        """The rules of a valid LabelingJob; ``task_type`` overrides its own."""
        job = read_labeling_job(obj)
        labels = tuple(label.name for label in job.spec.labels)
        audited = job.spec.input.audit_label_attribute_name
        return cls(task_type or job.spec.task_type, job.label_attribute, labels, audited)


def manifest_problems(file: Path, rules: ManifestRules) -> Iterator[tuple[int, str | None]]:
    """Every line's number, from 1, with what is wrong with it; None where nothing is."""
    # Late: the task types bring scikit-learn, which takes a second.
    from surelabel.items import DUPLICATE_ID
    from surelabel.manifest import MAX_LINE_BYTES, Rejected
    from surelabel.stages.line_check import build_line_check

    check = build_line_check(rules.task_type, list(rules.labels), rules.attribute, rules.audited)
    seen: set[str] = set()
    with file.open("rb") as lines:
        for position, raw in enumerate(_lines(lines, MAX_LINE_BYTES + 1)):
            found = check(raw)
            number = position + 1
            if isinstance(found, Rejected):
                yield number, f"{found.reason}: {found.message}"
                continue
            item_id = found.item_id if found.item_id is not None else str(position)
            if item_id in seen:
                yield (
                    number,
                    f"{DUPLICATE_ID}: an earlier line has the id {item_id!r} already. "
                    "Give each line an id of its own.",
                )
                continue
            seen.add(item_id)
            yield number, None


def _lines(file: IO[bytes], max_bytes: int) -> Iterator[bytes]:
    """The lines without their newlines, each cut off after ``max_bytes``: one may be endless."""
    while line := file.readline(max_bytes):
        part = line
        while len(part) == max_bytes and not part.endswith(b"\n"):
            part = file.readline(max_bytes)
        yield line.removesuffix(b"\n")
