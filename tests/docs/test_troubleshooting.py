"""The troubleshooting guide has an entry for every reason: what you see, why, what to do."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from surelabel_contract import stages
from surelabel_operator.reasons import Reason

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
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


def notice_reasons() -> set[str]:
    """The reason of every ``context.notice(…)`` of a stage, from the code."""
    found: set[str] = set()
    for path in sorted((ROOT / "workloads" / "surelabel" / "stages").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "context.notice":
                reason = node.args[0]
                # Text, or a constant that operator and stages share.
                found.add(
                    reason.value
                    if isinstance(reason, ast.Constant)
                    else getattr(stages, ast.unparse(reason))
                )
    return found


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


@pytest.mark.parametrize("reason", sorted(notice_reasons()))
def test_every_reason_of_a_stages_notice_has_one_entry_of_three_parts(reason: str) -> None:
    (parts,) = [parts for name, parts in entries() if name == reason]
    assert len(parts) == 3
    assert all(part.strip() for part in parts)


def test_notices_are_found_in_the_code_as_the_reference_lists_them() -> None:
    reference = (DOCS / "reference" / "reasons.md").read_text(encoding="utf-8")
    section = reference.split("The job goes on, but")[1].split("Why infer")[0]
    assert notice_reasons() == set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


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
