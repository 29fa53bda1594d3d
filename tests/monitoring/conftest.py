"""Helm, and what the chart renders for Prometheus and Grafana."""

from __future__ import annotations

from pathlib import Path

import pytest

from chart.rendering import Helm
from monitoring.sources import Alert, alerts_of


@pytest.fixture(scope="session")
def helm(helm: Path, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(helm, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def alerts(helm: Helm) -> dict[str, Alert]:
    """The chart's alerts by name."""
    return {alert.name: alert for alert in alerts_of(helm)}
