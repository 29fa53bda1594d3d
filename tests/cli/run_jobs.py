"""A small job for tests of ``surelabel run``: 12 texts, three people, one label attribute."""

from __future__ import annotations

import json
from pathlib import Path

JOB = """\
apiVersion: surelabel.dev/v1alpha1
kind: LabelingJob
metadata: {name: small}
spec:
  taskType: TextClassification
  labels: [{name: good}, {name: bad}]
  labelAttributeName: mood
  seed: 3
  input: {manifest: "file://./in.manifest"}
  output: {uri: "file://./out"}
  workforce: {workTeam: readers, annotatorsPerItem: 3, maxOpenItems: 12}
  compute: {ray: {address: {name: local}}}
---
apiVersion: surelabel.dev/v1alpha1
kind: WorkTeam
metadata: {name: readers}
spec:
  simulated:
    truthURI: file://./truth.jsonl
    annotators:
    - {name: ada, accuracyPermille: 1000}
    - {name: bela, accuracyPermille: 1000}
    - {name: chidi, accuracyPermille: 1000}
"""
LABELS = [("good", "bad")[number % 2] for number in range(12)]


def write_job(path: Path, text: str = JOB) -> Path:
    """The job file at ``path``."""
    path.write_text(text, encoding="utf-8")
    return path


def write_data(folder: Path) -> None:
    """Manifest and truth of the job in the folder of its run."""
    folder.mkdir(parents=True, exist_ok=True)
    items = [{"source": f"text {number}", "page": number} for number in range(len(LABELS))]
    truth = [{**item, "label": label} for item, label in zip(items, LABELS, strict=True)]
    for name, records in (("in.manifest", items), ("truth.jsonl", truth)):
        lines = [json.dumps(record) + "\n" for record in records]
        (folder / name).write_text("".join(lines), encoding="utf-8")


def read_output(folder: Path) -> list[dict[str, object]]:
    """The lines of the output manifest."""
    path = folder / "out" / "small" / "manifests" / "output" / "output.manifest"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
