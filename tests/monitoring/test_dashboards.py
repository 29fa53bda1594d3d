"""The Grafana dashboards: what they ask exists, and they fit any Grafana."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chart.rendering import Helm, of_kind
from monitoring.sources import DASHBOARDS, Query, existing_metrics, metrics_in, queries
from monitoring.sources import read_dashboard as read

each_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def names(query: Query) -> str:
    return f"{query.dashboard}: {query.panel}"


def maps_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from maps_in(inner)


def test_there_is_one_for_the_fleet_and_one_for_a_job() -> None:
    assert [path.name for path in DASHBOARDS] == ["fleet.json", "job.json"]


@pytest.mark.parametrize("query", queries(), ids=names)
def test_every_metric_of_a_query_exists(query: Query) -> None:
    found = metrics_in(query.expr)
    assert found
    assert found - existing_metrics() == set()


@each_dashboard
def test_variables_choose_what_is_shown(path: Path) -> None:
    variables = {found["name"]: found for found in read(path)["templating"]["list"]}
    expected = {"datasource", "namespace"} | ({"job"} if path.stem == "job" else set())
    assert set(variables) == expected
    assert variables["datasource"]["type"] == "datasource"
    for name in expected - {"datasource"}:
        assert metrics_in(variables[name]["definition"]) <= existing_metrics()
        assert f"${name}" in path.read_text()


@each_dashboard
def test_every_data_source_is_the_variable(path: Path) -> None:
    dashboard = read(path)
    assert "uid" not in dashboard
    assert "id" not in dashboard
    for found in maps_in(dashboard):
        if "uid" in found:
            assert found == {"type": "prometheus", "uid": "${datasource}"}
    for panel in dashboard["panels"]:
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"


@each_dashboard
def test_panels_have_their_own_number_and_place(path: Path) -> None:
    panels = read(path)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_chart_ships_each_as_a_config_map_for_the_sidecar(helm: Helm) -> None:
    objects = helm.objects(
        {
            "metrics": {
                "dashboards": {
                    "enabled": True,
                    "labels": {"team": "a"},
                    "annotations": {"grafana_folder": "Surelabel"},
                }
            }
        }
    )
    shipped = {
        name: (found, text)
        for found in of_kind(objects, "ConfigMap")
        for name, text in found["data"].items()
        if name.endswith(".json")
    }
    assert set(shipped) == {f"surelabel-{path.name}" for path in DASHBOARDS}
    for path in DASHBOARDS:
        found, text = shipped[f"surelabel-{path.name}"]
        assert json.loads(text) == read(path)
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert found["metadata"]["labels"]["team"] == "a"
        assert found["metadata"]["annotations"] == {"grafana_folder": "Surelabel"}


def test_label_of_another_sidecar_may_replace_the_usual(helm: Helm) -> None:
    values = {"metrics": {"dashboards": {"enabled": True, "labels": {"grafana_dashboard": "yes"}}}}
    found = [f for f in of_kind(helm.objects(values), "ConfigMap") if "dashboard" in str(f["data"])]
    assert {f["metadata"]["labels"].get("grafana_dashboard") for f in found} == {"yes"}
