"""Every reason, metric and setting stands on its reference page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from surelabel.items import DUPLICATE_ID
from surelabel.stages import export
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel_contract.errors import StorageNotAllowedError
from surelabel_contract.stages import QUALITY_METRICS, AutoLabeling, Ending
from surelabel_operator.job_series import FAMILIES
from surelabel_operator.metrics import Metrics
from surelabel_operator.reasons import Reason
from surelabel_operator.resources import MAX_QUALITY_METRICS
from surelabel_operator.settings import Settings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
WORKLOADS = ROOT / "workloads"
_REASON = re.compile(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")
# Consolidation and answer files know nothing of jobs, so what they say is no reason of one.
_WITH_REASONS = (
    *("surelabel/*.py", "surelabel/models/**/*.py", "surelabel/stages/**/*.py"),
    *("surelabel/tasks/**/*.py", "surelabel_contract/errors.py"),
)
# Strings of that form which are something else: task types, values of spec fields, models,
# flags of annotators, outcomes of an attempt of the promise, and an AnswerError's, of which only
# the message is told.
_OTHER = {
    *("Auto", "GroundTruth", "Leave", "Minimal", "People"),
    *LABEL_FORMATS,
    *("KernelRidge", "LogisticRegression"),
    *("Collusion", "Haste", "Outlier", "Spam"),
    *("Accepted", "NotTested", "Proposed", "Refused"),
    *("MalformedAnswer", "UnknownLabel", "Malformed", "BrokenMask"),
    *("ForeignRef", "WrongKind", "WrongSize"),
}


def tables(page: str) -> dict[str, dict[str, str]]:
    """Heading to first cell of each table row to the rest of its row."""
    found: dict[str, dict[str, str]] = {}
    for line in (REFERENCE / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            found[line.lstrip("# ")] = {}
        elif match := re.match(r"\| `([A-Za-z0-9_]+)` \|(.*)", line):
            found[list(found)[-1]][match[1]] = match[2]
    return found


def rows(page: str) -> dict[str, str]:
    """First cell of each table row to the rest of its rows."""
    found: dict[str, str] = {}
    for table in tables(page).values():
        for name, text in table.items():
            # A condition and a reason may have the same name.
            found[name] = found.get(name, "") + text
    return found


def reasons_in(*nodes: ast.AST) -> set[str]:
    """Every string that may be a reason; what a module exports is a name of Python."""
    found: set[str] = set()
    for node in nodes:
        exported = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {node.value} if _REASON.fullmatch(node.value) else set()
        elif not exported:
            found |= reasons_in(*ast.iter_child_nodes(node))
    return found - _OTHER


def parsed(*paths: str) -> list[ast.Module]:
    """The modules below workloads/ that the patterns name."""
    files = [file for path in paths for file in sorted(WORKLOADS.glob(path))]
    return [ast.parse(file.read_text(encoding="utf-8")) for file in files]


def calls(modules: list[ast.Module], name: str) -> list[ast.Call]:
    """Every call of the name in the modules."""
    return [
        node
        for module in modules
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    ]


def reasons_of_workloads() -> set[str]:
    """Every string there that may be a reason; encoders are full of operators' names."""
    encoders = calls(parsed("surelabel/encoders/*.py"), "EncoderError")
    return reasons_in(*parsed(*_WITH_REASONS), *(call.args[0] for call in encoders))


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_every_reason_of_the_operator_stands_there_with_its_meaning(reason: Reason) -> None:
    assert reason.doc in rows("reasons.md")[str(reason)]


def test_every_reason_of_the_workloads_stands_there() -> None:
    found = reasons_of_workloads()
    # One of each kind: with digits, of one hump, of a stage, of a task type.
    assert {"NotUtf8", "Expired", "ManifestNotFound", "BrokenMedia", "EncoderUnfit"} <= found
    assert found - set(rows("reasons.md")) == set()


def test_no_reason_stands_there_that_nothing_gives() -> None:
    given = reasons_of_workloads()
    named = {*map(str, Reason), *tables("reasons.md")["Conditions"]}
    assert set(rows("reasons.md")) - given - named == set()


def test_lines_that_are_no_items_have_these_reasons_and_no_others() -> None:
    rejections = calls(parsed("surelabel/manifest.py"), "Rejected")
    given = reasons_in(*(call.args[0] for call in rejections)) | {DUPLICATE_ID}
    assert set(tables("reasons.md")["Lines that are no items"]) == given


def test_items_without_a_label_have_these_reasons_and_no_others() -> None:
    given = reasons_in(
        *calls(parsed("surelabel/tasks/**/*.py"), "BrokenSource"),
        *parsed("surelabel/stages/media.py"),
        *(
            node
            for module in parsed("surelabel/stages/rounds.py")
            for node in module.body
            if isinstance(node, ast.FunctionDef) and node.name == "_close"
        ),
    )
    given |= {StorageNotAllowedError("").reason}
    given |= {
        export._default_reason(context_of(promise), Ending(succeeded=True, reason=str(reason)))
        for promise in (None, AutoLabeling(target_error_permille=50, risk_permille=50))
        for reason in Reason
    }
    assert set(tables("reasons.md")["Items without a label"]) == given


def context_of(promise: AutoLabeling | None) -> Any:
    """As much of a context as export asks for an ending's reason."""
    return SimpleNamespace(config=SimpleNamespace(auto_labeling=promise))


# Beside namespace and name, which every series of a job has.
OWN_LABELS = {
    "labeling_job_info": ("uid", "cluster_mode", "queue"),
    "labeling_job_condition": ("type", "status"),
    "labeling_job_labeled_items": ("source",),
    "labeling_job_cost": ("currency",),
    "labeling_job_all_human_cost": ("currency",),
    "labeling_job_cost_to_finish": ("currency",),
    "labeling_job_budget_used_ratio": ("resource",),
    "labeling_job_quality": ("metric",),
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


def test_every_metric_of_quality_stands_there() -> None:
    page = (REFERENCE / "metrics.md").read_text(encoding="utf-8")
    assert re.findall(r"^- `(\w+)`:", page, re.MULTILINE) == list(QUALITY_METRICS)
    assert len(QUALITY_METRICS) <= MAX_QUALITY_METRICS


def test_the_metrics_page_names_no_metric_that_does_not_exist() -> None:
    metrics = Metrics("0")
    metrics.watch_jobs([])
    known = {family.name for family in metrics.registry.collect()}
    known |= {name for name, _, _ in FAMILIES}
    queue = {name for name in rows("metrics.md") if "workqueue" in name or "active_workers" in name}
    named = {name.removesuffix("_total") for name in rows("metrics.md")}
    assert named - known - queue == set()


def settings_below(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every key of the settings file, also below what may be absent."""
    for field in model.model_fields.values():
        below = f"{path}{field.alias}"
        yield below
        for inner in models_in(field.annotation):
            mark = "[]" if get_origin(field.annotation) is tuple else ""
            yield from settings_below(inner, f"{below}{mark}.")


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def test_every_setting_stands_in_the_reference() -> None:
    page = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    assert sorted(listed) == sorted(settings_below(Settings))
