"""The page itself: what stands in it, in which order, and how it looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from surelabel.plural import counted
from surelabel.report_page.confusion import confusion
from surelabel.report_page.course import classes, cost, labels_by_round
from surelabel.report_page.drawing import percent, table
from surelabel.report_page.examples import example_groups
from surelabel.report_page.facts import JobFacts
from surelabel.report_page.markup import Markup, element, joined, words
from surelabel.report_page.people import annotators
from surelabel.report_page.style import STYLE
from surelabel.report_page.trust import calibration, learning, tests

# A page is never larger; pictures and texts are left out before it is.
MAX_BYTES = 2 << 20
# Nothing is loaded and nothing runs, even if a text should get past the escaping.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'"
_NAME = 80
_MAX_REASONS = 20

_FIGURES: tuple[Callable[[JobFacts], Markup | None], ...] = (
    labels_by_round,
    cost,
    tests,
    learning,
    calibration,
    annotators,
    classes,
)


def build_page(facts: JobFacts) -> bytes:
    """The page, at most ``MAX_BYTES`` long; equal facts give equal bytes."""
    page = _page(facts)
    if len(page) > MAX_BYTES:
        page = _page(replace(facts, examples=()))
    return page


def _page(facts: JobFacts) -> bytes:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{facts.name}: report"),
        element("style", Markup(STYLE)),
    )
    figures = [drawn for draw in _FIGURES if (drawn := draw(facts)) is not None]
    body = element(
        "body",
        _header(facts),
        element(
            "main",
            element("div", *figures, class_="figures"),
            confusion(facts),
            example_groups(facts.examples),
            _unlabeled(facts),
        ),
        element(
            "footer",
            element(
                "p",
                "Everything here is computed from the job's own store. ",
                element("code", "surelabel verify"),
                " computes the certificate again.",
            ),
        ),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n".encode()


def _header(facts: JobFacts) -> Markup:
    kind = joined(
        "Labeling report, ",
        words(facts.task_type, _NAME),
        ", namespace ",
        words(facts.namespace, _NAME),
    )
    return element(
        "header",
        element("p", kind, class_="quiet"),
        element("h1", words(facts.name, _NAME)),
        element("p", _ending(facts)),
        element("dl", *(_fact(*each) for each in _headline(facts)), class_="facts"),
        _statement(facts),
    )


def _ending(facts: JobFacts) -> str:
    total = counted(facts.counters.total, "item")
    if facts.ending is None:
        return f"The job goes on; so far {facts.counters.total_labeled:,} of {total} have a label."
    word = "Ended" if facts.succeeded else "Failed"
    return f"{word} ({facts.ending}): {facts.counters.total_labeled:,} of {total} have a label."


def _headline(facts: JobFacts) -> list[tuple[str, str, str]]:
    """What, its number, and what stands below it."""
    counters, total = facts.counters, max(1, facts.counters.total)
    shown = [
        (
            "By people",
            percent(counters.human_labeled / total),
            counted(counters.human_labeled, "item"),
        ),
    ]
    if facts.promise is not None:
        shown.append(
            (
                "By models",
                percent(counters.machine_labeled / total),
                counted(counters.machine_labeled, "item"),
            )
        )
        certificate = facts.certificate
        if certificate is not None and certificate.machine_labels:
            shown.append(
                (
                    "Wrong machine labels",
                    f"at most {percent(certificate.error_bound_permille / 1000)}",
                    f"with {percent(1 - certificate.risk_permille / 1000)} confidence; target "
                    f"{percent(facts.promise.target_error / 1000)}",
                )
            )
    shown.append(_price(facts))
    if facts.consensus_error is not None:
        share, low, high = facts.consensus_error
        shown.append(
            (
                "Wrong labels by people",
                f"about {percent(share)}",
                f"{percent(low)} to {percent(high)}, as estimated",
            )
        )
    return shown


def _price(facts: JobFacts) -> tuple[str, str, str]:
    cost_ = facts.cost
    if cost_.amount is None:
        return "Answers", f"{cost_.answers:,}", f"people alone: {cost_.all_human_answers:,}"
    return (
        "Cost",
        f"{cost_.amount} {cost_.currency}",
        f"people alone: {cost_.all_human_amount} {cost_.currency}",
    )


def _fact(what: str, number: str, below: str) -> Markup:
    return element(
        "div", element("dt", what), element("dd", element("strong", number), element("span", below))
    )


def _statement(facts: JobFacts) -> Markup | None:
    if facts.statement is None:
        return None
    return element("p", facts.statement, class_="statement")


def _unlabeled(facts: JobFacts) -> Markup | None:
    reasons = sorted(facts.unlabeled_reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    if not reasons:
        return None
    rows = [(words(reason, _NAME), f"{items:,}") for reason, items in reasons[:_MAX_REASONS]]
    return element(
        "section",
        element("h2", "Without a label"),
        table("Why items have no label", ("Reason", "Items"), rows),
        element(
            "p",
            element("code", "unlabeled.jsonl"),
            " and ",
            element("code", "rejected.jsonl"),
            " beside this file have every one of them.",
        ),
    )
