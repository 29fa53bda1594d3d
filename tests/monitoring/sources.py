"""The alerts and dashboards of the chart, and the metrics that they may use."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from chart.rendering import CHART, ROOT, Helm, only
from surelabel_operator.job_series import FAMILIES
from surelabel_operator.metrics import Metrics

RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARDS = sorted((CHART / "dashboards").glob("*.json"))
_METRIC = re.compile(r"\blabeling_[a-z_]+")
# A metric with its matchers, which hold no closing brace.
_SELECTOR = re.compile(r"\blabeling_[a-z_]+(?:\{[^}]*\})?")

# What stays empty when nothing goes wrong, and why.
EMPTY = {
    "labeling_reconcile_exceptions_total": "no reconcile ended in an exception",
    "labeling_resync_repairs_total": "the watch missed nothing",
    'labeling_reconcile_total{result="error"}': "no reconcile failed",
    'labeling_storage_requests_total{result="error"}': "the store answered",
    'labeling_kube_requests_total{code="429"}': "the API server was not overloaded",
    'labeling_stage_attempts_total{outcome=~"app_error|infra_error|timeout"}': "no attempt failed",
}
# Gauges that a job has only while it is at work; the one that is looked at has ended.
AT_WORK = {"labeling_job_predicted_saving_items": "of a job that has ended nothing is predicted"}


@dataclass(frozen=True)
class Alert:
    """One alert of the PrometheusRule."""

    name: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass(frozen=True)
class Query:
    """One query of a panel."""

    dashboard: str
    panel: str
    expr: str
    legend: str

    def filled(self, **variables: str) -> str:
        """The expression with Grafana's variables replaced."""
        expr = self.expr
        for name, value in {"__rate_interval": "1m", **variables}.items():
            expr = expr.replace(f"${name}", value)
        assert "$" not in expr, expr
        return expr


class _EmptyQueue:
    """A WorkQueue wants a running event loop."""

    in_process = 0

    def __len__(self) -> int:
        return 0

    def longest_running_seconds(self) -> float:
        return 0.0

    def unfinished_seconds(self) -> float:
        return 0.0


def tool(name: str) -> Path:
    """A program of Debian's package prometheus; without it the test is skipped."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH; Debian and Ubuntu have it in the package prometheus")
    return Path(found)


def rule_of(helm: Helm, **values: Any) -> dict[str, Any]:
    """The spec of the PrometheusRule, which is also a rule file of Prometheus."""
    rule = only(
        helm.objects({"metrics": {"prometheusRule": {"enabled": True, **values}}}),
        "PrometheusRule",
    )
    spec: dict[str, Any] = rule["spec"]
    return spec


def alerts_of(helm: Helm) -> Iterator[Alert]:
    """The alerts in the order of the template."""
    for group in rule_of(helm)["groups"]:
        for rule in group["rules"]:
            yield Alert(rule["alert"], rule["expr"], rule["labels"], rule["annotations"])


def read_dashboard(path: Path) -> dict[str, Any]:
    """The dashboard as an object."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def queries() -> list[Query]:
    """Every query of every dashboard."""
    return [
        Query(path.stem, panel["title"], target["expr"], target["legendFormat"])
        for path in DASHBOARDS
        for panel in read_dashboard(path)["panels"]
        for target in panel.get("targets", [])
    ]


def why_empty(query: Query, empty: Mapping[str, str] = EMPTY) -> str:
    """Why the query is empty when nothing goes wrong; "" if it should not be."""
    counted = (reason for name, reason in empty.items() if f"{name}[" in query.expr)
    at_work = (reason for name, reason in AT_WORK.items() if f"{name}{{" in query.expr)
    return next(chain(counted, at_work), "")


def selectors_in(expr: str) -> list[str]:
    """The metrics of an expression, each with its matchers."""
    return _SELECTOR.findall(expr)


def metrics_in(expr: str) -> set[str]:
    """The names of the metrics of an expression."""
    return set(_METRIC.findall(expr))


def existing_metrics() -> set[str]:
    """Every name under which the operator shows samples."""
    metrics = Metrics("0")
    metrics.watch_queue(_EmptyQueue(), lambda: True)
    names = {name for name, _, _ in FAMILIES}
    for family in metrics.registry.collect():
        if family.type == "histogram":
            names |= {f"{family.name}_{part}" for part in ("bucket", "count", "sum")}
        else:
            names.add(family.name + ("_total" if family.type == "counter" else ""))
    return names
