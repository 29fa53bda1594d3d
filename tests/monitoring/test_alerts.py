"""The alerts as promtool sees them: valid, firing when they should, silent otherwise."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.rendering import Helm
from monitoring.alert_cases import CASES, Case
from monitoring.sources import Alert, rule_of, tool


def promtool(*arguments: str | Path) -> str:
    """What promtool printed; AssertionError with it where it refuses."""
    done = subprocess.run(
        [tool("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def rules(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart's alerts as a rule file."""
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(yaml.safe_dump(rule_of(helm)))
    return path


def expected(case: Case, alert: Alert) -> list[dict[str, Any]]:
    if not case.labels:
        return []
    annotations = {**alert.annotations, "description": case.description}
    return [{"exp_labels": {**alert.labels, **case.labels}, "exp_annotations": annotations}]


def test_every_alert_has_a_case_where_it_fires_and_one_where_it_does_not(
    alerts: dict[str, Alert],
) -> None:
    assert {case.alert for case in CASES if case.labels} == set(alerts)
    assert {case.alert for case in CASES if not case.labels} == set(alerts)


def test_promtool_accepts_the_rules(rules: Path, alerts: dict[str, Alert]) -> None:
    assert f"{len(alerts)} rules found" in promtool("check", "rules", rules)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert} {case.name}")
def test_alert(case: Case, rules: Path, alerts: dict[str, Alert], tmp_path: Path) -> None:
    asked = {"eval_time": case.at, "alertname": case.alert}
    test = {
        "interval": "1m",
        "input_series": [
            {"series": name, "values": values} for name, values in case.full_series.items()
        ],
        "alert_rule_test": [{**asked, "exp_alerts": expected(case, alerts[case.alert])}],
    }
    path = tmp_path / "test.yaml"
    path.write_text(
        yaml.safe_dump(
            {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [test]},
            width=1000,
        )
    )
    promtool("test", "rules", path)


def test_thresholds_are_those_of_the_values(helm: Helm) -> None:
    found = {
        rule["alert"]: rule
        for group in rule_of(
            helm, queuedSeconds=7200, noProgressSeconds=86400, budgetUsedPercent=75
        )["groups"]
        for rule in group["rules"]
    }
    assert found["LabelingJobQueued"]["for"] == "7200s"
    assert "> 86400\n" in found["LabelingJobNoProgress"]["expr"]
    assert "> 0.75\n" in found["LabelingBudgetNearlySpent"]["expr"]
