"""The picture of `surelabel simulate --plot`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from surelabel_cli.simulation.panel import Line, Panel, Point, number, ticks
from surelabel_cli.simulation.plot import plot_of
from surelabel_cli.simulation.summary import Mean, Rate, Summary
from surelabel_cli.simulation.variations import Variation, variations

SVG = "{http://www.w3.org/2000/svg}"


def a_summary(variation: Variation, share: float, *, price: bool = True, n: int = 20) -> Summary:
    def mean(value: float) -> Mean:
        low, high = (value * 0.9, value * 1.1) if n > 1 else (float("nan"), float("nan"))
        return Mean(value, low, high, n)

    return Summary(
        title=variation.title, repetitions=n, human_labels=mean(1000 * share),
        human_share=mean(share), machine_share=mean(1 - share), answers=mean(3000 * share),
        cost=mean(36 * share) if price else None, currency="EUR" if price else None,
        wrong_by_people=mean(0.01), wrong_in_truth=mean(0.01), wrong_of_all=mean(0.02),
        rounds=mean(2), attempts=mean(1), broken=Rate(1, n),
    )  # fmt: skip


def drawn(options: list[str], *, price: bool = True, n: int = 20) -> ET.Element:
    tried = variations(options)
    found = [a_summary(one, 0.5 / (i + 1), price=price, n=n) for i, one in enumerate(tried)]
    return ET.fromstring(plot_of(tried, found, 0.05))


def texts(root: ET.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def test_the_field_with_most_values_runs_along_and_the_others_are_curves() -> None:
    root = drawn(["workforce.annotatorsPerItem=1,3", "autoLabeling.targetErrorPermille=10,20,50"])
    said = texts(root)
    for panel in ("What less error costs", "Labeled by people", "Broken promises"):
        assert said.count(panel) == 1
    assert {"annotatorsPerItem=1", "annotatorsPerItem=3", "10", "20", "50"} <= set(said)
    assert "targetErrorPermille" in said and "cost (EUR), by targetErrorPermille" in said
    assert "allowed: 5 %" in said
    curves = list(root.iter(f"{SVG}polyline"))
    assert [len(curve.attrib["points"].split()) for curve in curves] == [3] * 6


def test_without_a_price_error_stands_over_answers() -> None:
    said = texts(drawn(["autoLabeling.targetErrorPermille=10,20"], price=False))
    assert "answers, by targetErrorPermille" in said
    # A single curve needs no legend.
    assert not any("=" in each for each in said)


def test_a_single_job_has_points_and_no_intervals() -> None:
    root = drawn([], n=1)
    assert len(list(root.iter(f"{SVG}circle"))) == 3
    assert "nan" not in ET.tostring(root, encoding="unicode")


def test_a_screen_reader_hears_the_figures() -> None:
    (told,) = drawn(["seed=1,2"]).iter(f"{SVG}desc")
    assert told.text is not None
    assert "seed=1: 50.0 % labeled by people, cost 18.00 EUR, 2.00 % of labels wrong" in told.text


def test_names_cannot_break_out_of_the_picture() -> None:
    point = Point(0, 1, 0, 0, 1, 1, "</svg><script>", "<b>")
    panel = Panel("<i>", "&", '"', (Line((point,), 0),), ("<u>",))
    text = "".join(panel.svg(0, 0, 300, 200))
    assert "<script>" not in text and "<b>" not in text and "<u>" not in text
    ET.fromstring(f"<svg>{text}</svg>")


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        (0, (0, 1)),
        (1, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (4.2, (0, 1, 2, 3, 4, 5)),
        (100, (0, 20, 40, 60, 80, 100)),
        (101, (0, 50, 100, 150)),
        (9000, (0, 2000, 4000, 6000, 8000, 10000)),
    ],
)
def test_ticks_are_round_and_reach_the_highest_value(
    highest: float, expected: tuple[float, ...]
) -> None:
    assert ticks(highest) == expected
    assert (number(2000), number(0.25)) == ("2,000", "0.25")
