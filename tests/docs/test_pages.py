"""Links lead somewhere, and the jobs on the pages are valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from surelabel_cli.resource_file import read_documents, read_resource_file
from surelabel_cli.validate import is_ours
from surelabel_operator.validation import validate_object

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchor_of(heading: str) -> str:
    """The anchor that a heading has on the usual hosts."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), f"{name_of(page)}: {target} leads nowhere"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(anchor_of, headings), f"{name_of(page)}: no heading {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_resource_on_a_page_is_valid(page: Path) -> None:
    for block in _YAML.findall(page.read_text(encoding="utf-8")):
        for document in read_documents(block):
            if is_ours(document.value):
                assert [str(p) for p in validate_object(document.value)] == []


def test_the_pages_show_whole_jobs() -> None:
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    blocks = [d.value for b in _YAML.findall(texts) for d in read_documents(b)]
    kinds = [value["kind"] for value in blocks if is_ours(value)]
    assert {"LabelingJob", "WorkTeam"} <= set(kinds)


def test_the_readme_shows_the_whole_sample_which_runs_as_it_stands() -> None:
    # The demo runs the sample itself.
    (block,) = _YAML.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    sample = read_resource_file(ROOT / "crds" / "samples" / "digits.yaml")
    assert [found.value for found in read_documents(block)] == [found.value for found in sample]
