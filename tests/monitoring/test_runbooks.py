"""Every alert has its page, every page its alert, and each says what is needed at night."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chart.rendering import NAMESPACE, ROOT, Helm
from chart.values_table import descriptions
from monitoring.sources import RUNBOOKS, Alert, existing_metrics, metrics_in, rule_of

PAGES = sorted(RUNBOOKS.glob("*.md"))
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def test_every_alert_has_its_page_and_every_page_its_alert(alerts: dict[str, Alert]) -> None:
    assert {page.stem for page in PAGES} == set(alerts)


def test_every_alert_says_how_bad_what_where_and_what_to_do(alerts: dict[str, Alert]) -> None:
    for name, alert in alerts.items():
        assert alert.labels["severity"] in {"critical", "warning", "info"}
        # Where no runbooks are published there is no link, rather than a dead one.
        assert set(alert.annotations) == {"summary", "description"}, name
        place = NAMESPACE if "namespace" in alert.labels else "$labels.namespace"
        assert place in alert.annotations["description"]
        if "labeling_job_" in alert.expr:
            assert "$labels.name }}" in alert.annotations["description"]


@pytest.mark.parametrize("address", ["https://docs.example/runbooks", "http://docs.example/r/"])
def test_every_alert_links_its_runbook_where_they_are_published(helm: Helm, address: str) -> None:
    for group in rule_of(helm, runbookBaseURL=address)["groups"]:
        for rule in group["rules"]:
            expected = f"{address.rstrip('/')}/{rule['alert']}.md"
            assert rule["annotations"]["runbook_url"] == expected


def test_every_metric_of_an_alert_exists(alerts: dict[str, Alert]) -> None:
    for alert in alerts.values():
        found = metrics_in(alert.expr)
        assert found
        assert found - existing_metrics() == set(), alert.name


@each_page
def test_page_has_meaning_impact_diagnosis_with_commands_and_mitigation(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert [part.splitlines()[0] for part in parts] == [
        "Meaning",
        "Impact",
        "Diagnosis",
        "Mitigation",
    ]
    assert "```" in parts[2]


@each_page
def test_page_names_only_metrics_and_values_that_exist(page: Path) -> None:
    text = page.read_text()
    assert metrics_in(text) - existing_metrics() == set()
    for value in re.findall(r"`((?:metrics|settings|networkPolicy)\.[\w.]+)`", text):
        assert value in descriptions() or any(
            known.startswith(f"{value}.") for known in descriptions()
        ), value


def test_reference_lists_every_alert_with_its_severity(alerts: dict[str, Alert]) -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    listed = dict(re.findall(r"^\| \[(\w+)\]\(\.\./runbooks/\w+\.md\) \| (\w+) \|", page, re.M))
    assert listed == {name: alert.labels["severity"] for name, alert in alerts.items()}
