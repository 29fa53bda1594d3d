"""The report's page: what it says, that it holds nothing but words, and how large it may become."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from surelabel.report_page import MAX_BYTES, build_page
from surelabel.report_page.facts import (
    AnnotatorFacts,
    ClassCount,
    Confused,
    Confusion,
    Cost,
    ExampleGroup,
    RoundFacts,
)
from surelabel.report_page.style import STYLE
from surelabel.tasks.values import (
    Adjustment,
    Box,
    Boxes,
    ImageSize,
    Keypoint,
    Keypoints,
    Polygons,
    Shape,
    Span,
    Spans,
    Value,
)
from surelabel_contract.stages import Validation
from workloads.report_page.job_facts import counters, example, job_facts, picture
from workloads.report_page.parsed import Page

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</style><script src=//evil.example/x.js></script>",
    "</title></svg><iframe srcdoc='<script>1</script>'>",
    "&lt;script&gt; &#60;b&#62;",
    "javascript:alert(1)",
    "\x00\x1b[31m\ud800 \u202egnp.exe",
    "{{7*7}} ${7*7} <!-- --!> ]]>",
)
KNOWN_TAGS = set(
    re.findall(
        r"\w+",
        "html head meta title style body header main footer section figure figcaption details "
        "summary h1 h2 p dl dt dd div span strong b i br code ul li blockquote bdi mark img svg "
        "line text rect circle polyline polygon table caption thead tbody tr th td",
    )
)


def hostile(words: str) -> bytes:
    """A page in which everything that somebody else may have written is ``words``."""
    facts = job_facts(
        name=words,
        namespace=words,
        task_type=words,
        ending=words,
        statement=words,
        cost=Cost(3, 9, "1.00", "3.00", words),
        unlabeled_reasons={words: 3},
        annotators=(AnnotatorFacts(words, 3, 0.5, 0.5), AnnotatorFacts(words + "2", 3, 0.5, 0.6)),
        classes=(ClassCount(words, 1, 1),),
        confusion=Confusion((words, "b"), ((1, 2), (3, 4)), (Confused(words, words, 2),), 10, 5),
        examples=(
            ExampleGroup(
                words,
                words,
                (
                    example(label=words, name=words, picture=picture()),
                    example(label=words, text=words, value=Spans((Span(0, 0, 3),))),
                    example(label=words, missing=words, model_label=words),
                ),
            ),
        ),
    )
    return build_page(facts)


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_stay_words(words: str) -> None:
    page = Page.of(hostile(words))
    plain = Page.of(build_page(job_facts()))
    assert {each.tag for each in page.elements} <= KNOWN_TAGS
    allowed = {name for each in plain.elements for name in each.attributes}
    for each in page.elements:
        assert set(each.attributes) <= allowed, each
        assert not any(name.startswith("on") or name == "style" for name in each.attributes)
        assert "href" not in each.attributes
        for name in ("src", "srcset", "srcdoc"):
            assert each.attributes.get(name, "data:image/").startswith("data:image/"), each
    assert page.one("style").text == STYLE


@pytest.mark.parametrize("words", [words for words in HOSTILE if words.isprintable()])
def test_hostile_words_are_shown_as_they_are(words: str) -> None:
    page = Page.of(hostile(words))
    assert page.one("h1").text == words
    assert words in {each.text for each in page.all("blockquote")}


def test_controls_are_shown_as_replaced() -> None:
    page = hostile("a\x00b\x1bc\ud800d")
    assert "a\ufffdb\ufffdc\ufffdd" in page.decode()


def test_the_page_asks_nobody_for_anything() -> None:
    text = build_page(job_facts()).decode()
    assert "http:" not in text and "https:" not in text and "//" not in text.split("base64")[0]
    assert "<script" not in text
    assert "url(" not in text and "@import" not in text
    policy = {
        each.attributes.get("http-equiv"): each.attributes.get("content")
        for each in Page.of(text.encode()).all("meta")
    }["Content-Security-Policy"]
    assert policy is not None and policy.startswith("default-src 'none'; img-src data:;")


def test_the_page_has_all_figures_of_a_job_with_models() -> None:
    page = Page.of(build_page(job_facts()))
    assert [each.text for each in page.all("h2")] == [
        "Who labeled what",
        "Cost",
        "Tests of machine labels",
        "How the model learned",
        "Confidence and truth",
        "Annotators",
        "Labels",
        "What the model takes for what",
        "Machine labels: least certain",
        "People",
    ]
    facts = page.one("dl").text
    assert "By people22.7\xa0%408 items" in facts
    assert "at most 3.9\xa0%with 95\xa0% confidence; target 5\xa0%" in facts
    assert "14.688 USDpeople alone: 64.692 USD" in facts


def test_a_job_without_models_has_less_in_it() -> None:
    facts = job_facts(
        counters=counters(1797, 1797, 0),
        promise=None,
        certificate=None,
        statement=None,
        consensus_error=None,
        rounds=(RoundFacts(1, counters(1797, 1797, 0), 5391),),
        learning=(),
        calibration=(),
        confusion=None,
        classes=(),
        examples=(),
    )
    page = Page.of(build_page(facts))
    assert [each.text for each in page.all("h2")] == ["Who labeled what", "Annotators"]
    assert (
        next(each.text for each in page.all("figcaption"))
        == ("After 1 round people had labeled 100\xa0% (1,797); every item had a label. ").rstrip()
    )
    assert "models" not in page.one("header").text


def test_a_job_that_goes_on_says_so() -> None:
    page = Page.of(build_page(job_facts(ending=None)))
    assert "The job goes on; so far 1,797 of 1,797 items have a label." in page.one("header").text


def test_a_job_that_failed_says_so() -> None:
    page = Page.of(build_page(job_facts(ending="DeadlineExceeded", succeeded=False)))
    assert "Failed (DeadlineExceeded)" in page.one("header").text


def test_every_figure_has_words_and_numbers_behind_it() -> None:
    page = Page.of(build_page(job_facts()))
    drawings = [each for each in page.all("svg") if "figure" in each.parents]
    assert len(drawings) == 7
    for each in drawings:
        assert each.attributes["role"] == "img"
        assert each.attributes["aria-label"].endswith(".")
    captions = [each.text for each in page.all("figcaption")]
    for each, caption in zip(drawings, captions, strict=True):
        assert caption.startswith(each.attributes["aria-label"])
    assert len(page.all("details")) == 7
    for each in page.all("table"):
        assert each.text
    heads = list(page.all("th"))
    assert all(each.attributes["scope"] in ("row", "col") for each in heads)
    assert page.one("html").attributes["lang"] == "en"
    assert all(each.attributes["alt"] for each in page.all("img"))
    assert page.one("img").attributes["alt"] == "Item on line 3: falcon"


def test_headings_go_down_one_by_one() -> None:
    page = Page.of(build_page(job_facts()))
    levels = [int(each.tag[1]) for each in page.elements if re.fullmatch("h[1-6]", each.tag)]
    assert levels == [1] + [2] * (len(levels) - 1)


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    one, other = sorted((luminance(first), luminance(second)), reverse=True)
    return (one + 0.05) / (other + 0.05)


def test_colours_can_be_told_apart() -> None:
    found = dict(re.findall(r"--(\w+):(#[0-9a-f]{6})", STYLE))
    # WCAG 2.2: 4.5 for text, 3 for what a drawing is made of.
    assert contrast(found["ink"], "#ffffff") > 7
    assert contrast(found["quiet"], "#ffffff") > 4.5
    assert contrast(found["people"], "#ffffff") > 3
    assert contrast(found["machines"], "#ffffff") > 3
    # Without colours as well.
    assert contrast(found["people"], found["machines"]) > 2


def test_text_on_shaded_cells_can_be_read() -> None:
    shades = re.findall(r"rgb\((\d+) (\d+) (\d+)\);color:(#[0-9a-f]{3,6})", STYLE)
    assert len(shades) == 18
    for *parts, ink in shades:
        shade = "#" + "".join(f"{int(part):02x}" for part in parts)
        full = ink if len(ink) == 7 else "#" + "".join(2 * each for each in ink[1:])
        assert contrast(shade, full) >= 4.5, (shade, ink)


def test_a_large_job_makes_no_large_page() -> None:
    n = 3_000
    facts = job_facts(
        rounds=tuple(
            RoundFacts(k, counters(n, k, 0), 3 * k, Validation(items=100, errors=1, accepted=False))
            for k in range(1, n)
        ),
        annotators=tuple(AnnotatorFacts(f"p{k}" * 50, 9, 0.9, k / n) for k in range(n)),
        classes=tuple(ClassCount(f"c{k}" * 50, 1, 1) for k in range(n)),
        confusion=Confusion(tuple(f"c{k}" for k in range(n)), None, (), n, n),
        unlabeled_reasons={f"Reason{k}": k for k in range(n)},
        examples=(),
    )
    assert len(build_page(facts)) < 100_000


def test_pictures_are_left_out_before_the_page_is_too_large() -> None:
    one = replace(picture(), data=bytes(100_000))
    group = ExampleGroup("Many", "Many.", (example(picture=one),) * 20)
    page = build_page(job_facts(examples=(group,)))
    assert len(page) <= MAX_BYTES
    assert b"<img" not in page


def test_a_long_text_is_cut() -> None:
    group = ExampleGroup("Long", "Long.", (example(text="word " * 1_000),))
    (quote,) = Page.of(build_page(job_facts(examples=(group,)))).all("blockquote")
    assert len(quote.text) == 320
    assert quote.text.endswith("…")


def test_equal_facts_give_equal_bytes() -> None:
    assert build_page(job_facts()) == build_page(job_facts())


def test_the_last_bar_is_the_end_where_labels_were_taken_back() -> None:
    page = Page.of(build_page(job_facts(counters=counters(1797, 408, 0))))
    svg = next(each for each in page.all("svg") if "By people" not in each.text)
    assert "end" in svg.text
    assert "77.3\xa0% (1,389) had no label." in svg.attributes["aria-label"]


IMAGE = ImageSize(80, 60)
DRAWN: dict[str, tuple[Value, dict[str, str]]] = {
    "rect": (
        Boxes((Box(0, 10, 20, 30, 10, rotation=45),), IMAGE),
        {
            "x": "10",
            "y": "20",
            "width": "30",
            "height": "10",
            "transform": "rotate(45.00 25.00 25.00)",
        },
    ),
    "polygon": (
        Polygons((Shape(0, ((0, 0), (5, 0), (5, 5.25))),), IMAGE),
        {"points": "0.0,0.0 5.0,0.0 5.0,5.2"},
    ),
    "circle": (Keypoints((Keypoint(0, 4, 5),), IMAGE), {"cx": "4", "cy": "5", "r": "2"}),
}


@pytest.mark.parametrize("tag", DRAWN)
def test_labels_are_drawn_over_their_picture(tag: str) -> None:
    value, attributes = DRAWN[tag]
    for each in (value, Adjustment(value)):
        group = ExampleGroup("One", "One.", (example(picture=picture(80), value=each),))
        page = Page.of(build_page(job_facts(examples=(group,))))
        (mark,) = [found for found in page.all(tag) if "li" in found.parents]
        assert mark.attributes == attributes


def test_spans_are_marked_in_their_text() -> None:
    value = Spans((Span(0, 2, 8), Span(0, 4, 6), Span(0, 18, 23)))
    group = ExampleGroup("One", "One.", (example(text="a falcon, and the heron", value=value),))
    page = Page.of(build_page(job_facts(examples=(group,))))
    assert [each.text for each in page.all("mark")] == ["falcon", "heron"]
    assert page.one("blockquote").text == "a falcon, and the heron"
