"""The troubleshooting guide has an entry for every reason: what you see, why, what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from surelabel_operator.reasons import Reason

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "guides" / "troubleshooting.md").read_text(encoding="utf-8")
_HEADING = re.compile(r"^### ((?:`\w+`(?: and )?)+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `(\w+)` \|(.*)\|$", re.MULTILINE)


def entries() -> list[tuple[str, list[str]]]:
    """Reason and its three texts, of the headings and of the tables' rows."""
    found = []
    for names, text in _HEADING.findall(PAGE):
        parts = re.split(r"^- \*\*(?:You see|Why|Do)\*\*: ", text, flags=re.MULTILINE)
        found += [(name, parts[1:]) for name in re.findall(r"`(\w+)`", names)]
    return found + [(name, rest.split(" | ")) for name, rest in _ROW.findall(PAGE)]


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_every_reason_has_one_entry_with_what_you_see_why_and_what_to_do(reason: Reason) -> None:
    (parts,) = [parts for name, parts in entries() if name == reason]
    assert len(parts) == 3
    assert all(part.strip() for part in parts)


def test_every_reason_of_a_stage_that_stalls_a_job_has_an_entry() -> None:
    reference = (DOCS / "reference" / "reasons.md").read_text(encoding="utf-8")
    section = reference.split("## What a stage says")[1].split("The job goes on, but")[0]
    # A stage that is out of memory is tried again: StageFailed names it.
    stalling = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) - {"OutOfMemory"}
    assert len(stalling) > 5
    assert stalling <= {name for name, _ in entries()}


def test_the_guide_has_no_entry_for_what_no_job_shows() -> None:
    known = {
        *map(str, Reason),
        *re.findall(r"`(\w+)`", (DOCS / "reference/reasons.md").read_text()),
    }
    assert {name for name, _ in entries()} <= known


def test_every_field_that_the_guide_names_exists() -> None:
    fields = (DOCS / "reference" / "fields.md").read_text(encoding="utf-8")
    known = set(re.findall(r"^\| `([\w.\[\]]+)` \|", fields, re.MULTILINE))
    # As a message names an entry of a list: stages[name=train].
    named = {
        re.sub(r"\[.*?\]", "[]", name) for name in re.findall(r"`((?:spec|status)\.[^`:]+)", PAGE)
    }
    assert len(named) > 10
    assert named - known == set()
