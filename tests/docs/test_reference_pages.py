"""Every reason and every metric stands on its reference page."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from surelabel_operator.job_series import FAMILIES
from surelabel_operator.metrics import Metrics
from surelabel_operator.reasons import Reason

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
STAGES = ROOT / "workloads" / "surelabel"
# Two humps or more, as all reasons have.
_REASON = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]+)+")
# Strings of that form that are something else.
_OTHER = {"MajorityVote", "DawidSkene", "HierarchicalDawidSkene", "GroundTruth", "NotTested"}


def rows(page: str) -> dict[str, str]:
    """First cell of each table row to the rest of its rows."""
    found: dict[str, str] = {}
    for line in (REFERENCE / page).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\| `([A-Za-z_]+)` \|(.*)", line):
            # A condition and a reason may have the same name.
            found[match[1]] = found.get(match[1], "") + match[2]
    return found


def reasons_of_stages() -> set[str]:
    """Every reason that stages, manifest and items give, as the code has it."""
    files = [*(STAGES / "stages").glob("*.py"), STAGES / "manifest.py", STAGES / "items.py"]
    found = {
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in found if _REASON.fullmatch(text)} - _OTHER


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_every_reason_of_the_operator_stands_there_with_its_meaning(reason: Reason) -> None:
    assert reason.doc in rows("reasons.md")[str(reason)]


def test_every_reason_of_the_stages_stands_there() -> None:
    assert "ManifestNotFound" in reasons_of_stages()
    assert reasons_of_stages() - set(rows("reasons.md")) == set()


# Beside namespace and name, which every series of a job has.
OWN_LABELS = {
    "labeling_job_info": ("uid", "cluster_mode", "queue"),
    "labeling_job_condition": ("type", "status"),
    "labeling_job_labeled_items": ("source",),
    "labeling_job_cost": ("currency",),
    "labeling_job_all_human_cost": ("currency",),
    "labeling_job_budget_used_ratio": ("resource",),
}


def test_every_metric_stands_there_with_its_labels() -> None:
    metrics = Metrics("0")
    metrics.watch_jobs([])
    page = rows("metrics.md")
    names = set()
    for family in metrics.registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        names.add(name)
        assert family.documentation in page[name], name
    for name, text, _ in FAMILIES:
        names.add(name)
        assert text in page[name], name
        labels = OWN_LABELS.get(name, ())
        assert all(f"`{label}`" in page[name] for label in labels), name
    assert len(names) > 30


def test_the_metrics_page_names_no_metric_that_does_not_exist() -> None:
    metrics = Metrics("0")
    metrics.watch_jobs([])
    known = {family.name for family in metrics.registry.collect()}
    known |= {name for name, _, _ in FAMILIES}
    queue = {name for name in rows("metrics.md") if "workqueue" in name or "active_workers" in name}
    named = {name.removesuffix("_total") for name in rows("metrics.md")}
    assert named - known - queue == set()
