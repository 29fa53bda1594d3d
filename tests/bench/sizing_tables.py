"""The figures of the guide to sizing, drawn from docs/benchmarks.md so that none is typed.

Written whenever a benchmark has written its section; a test holds the guide to it, and what its
prose concludes to the figures.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.guide_table import PAGE, ROOT, table_of

GUIDE = ROOT / "docs" / "guides" / "sizing.md"
STAGES = ("prepare", "annotate", "consolidate", "export")
_RAY_JOBS_P99 = "RayJob's status to the next step's RayJob, p99"


@dataclass(frozen=True)
class Figure:
    """A figure of a section's first table: in the row that begins so, what ``pattern`` finds."""

    section: str
    row: str
    # Its group is what is shown.
    pattern: str = r"([\d.,]+ \w+)"

    def of(self, page: str) -> str:
        """As measured; KeyError where the section has no such figure."""
        _, lines = table_of(page, self.section, "| figure")
        for line in lines:
            found = re.search(self.pattern, line[1]) if line[0].startswith(self.row) else None
            if found:
                return found[1]
        raise KeyError(f"{self.section}: {self.row}")


@dataclass(frozen=True)
class Table:
    """A table of the guide: cells are text, or figures."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str | Figure, ...], ...]

    @property
    def begin(self) -> str:
        """The mark before it."""
        return f"<!-- {self.name}: written by make bench -->\n"

    @property
    def end(self) -> str:
        """The mark behind it."""
        return f"<!-- end of {self.name} -->\n"

    def text(self, page: str) -> str:
        """In Markdown, with the figures of docs/benchmarks.md."""
        rows: list[Sequence[str]] = [self.header, ["---"] * len(self.header)]
        rows += [
            [cell if isinstance(cell, str) else cell.of(page) for cell in row] for row in self.rows
        ]
        # The rule under the header without spaces, as in the other guides.
        return "".join(
            f"|{'|'.join(row)}|\n" if row[0] == "---" else f"| {' | '.join(row)} |\n"
            for row in rows
        )


def peak_memory(stage: str, group: int) -> Figure:
    """Peak of a stage: with 100,000 lines (1), with a million (2), bytes for each line more (3)."""
    parts = [r"\d+", r"\d+", r"\d+"]
    parts[group - 1] = r"(\d+)"
    few, many, more = parts
    return Figure("prepare", f"{stage}: peak memory", f"{few} and {many} MB, {more} bytes")


IDLE = Figure("operator", "memory at 10,000 jobs, started with them")
AT_WORK = Figure("ray_jobs", "memory")
TABLES = (
    Table(
        "memory of the operator",
        ("LabelingJobs", "memory", "ready after a start"),
        (
            ("1,000", Figure("operator", "memory at 1,000"),
             Figure("operator", "ready with 1,000")),
            ("10,000", IDLE, Figure("operator", "ready with 10,000")),
            ("10,000, 500 of them at work with RayJobs", AT_WORK, Figure("ray_jobs", "restart to")),
        ),
    ),
    Table(
        "500 jobs at work",
        ("10,000 LabelingJobs, 500 of them at work with RayJobs", "measured"),
        (
            ("ms from the end of a RayJob to the next one, median",
             Figure("ray_jobs", _RAY_JOBS_P99, r"p50 (\d+)")),
            ("ms within which 99 % of them follow",
             Figure("ray_jobs", _RAY_JOBS_P99, r"^(\d+) ms")),
            ("steps", Figure("ray_jobs", "CPU", r"([\d.]+ steps/s)$")),
            ("CPU of the operator", Figure("ray_jobs", "CPU", r"^(\d+ millicores), ")),
        ),
    ),
    Table(
        "time of stages",
        ("what", "measured"),
        (
            ("an empty Ray job, from submission to done", Figure("overhead", "empty job")),
            *(
                (f"{stage} of 400 texts, beyond the empty job",
                 Figure("overhead", f"{stage}, done", r"(-?[\d.]+ s)"))
                for stage in ("prepare", "annotate", "consolidate", "train", "infer", "export")
            ),
            ("digits (1,797 images, 2 rounds) with `surelabel run`",
             Figure("digits", "surelabel run", r"^(\d+ s)")),
            ("digits with KubeRay, one RayCluster for the job",
             Figure("kube_ray", "digits, one RayCluster", r"^(\d+ s)")),
            ("digits with KubeRay, a RayCluster for each stage",
             Figure("kube_ray", "digits, a RayCluster", r"^(\d+ s)")),
            ("an empty RayJob on a RayCluster that is there",
             Figure("kube_ray", "empty RayJob, one RayCluster")),
            ("an empty RayJob with a RayCluster of its own, image at hand",
             Figure("kube_ray", "empty RayJob, a RayCluster")),
            ("prepare of a million lines of text, everything included",
             Figure("prepare", "1,000,000 lines: all of prepare")),
        ),
    ),
    Table(
        "memory of stages",
        ("stage", "MB, 100,000 lines", "MB, 1,000,000 lines", "bytes per line more"),
        tuple((stage, *(peak_memory(stage, group) for group in (1, 2, 3))) for stage in STAGES),
    ),
)  # fmt: skip


def filled(guide: str, page: str) -> str:
    """The guide with each table between its two marks."""
    for table in TABLES:
        before, rest = guide.split(table.begin)
        guide = f"{before}{table.begin}{table.text(page)}{table.end}{rest.split(table.end)[1]}"
    return guide


def write() -> None:
    """Fill the guide from the page, both as they lie in docs/."""
    guide = GUIDE.read_text(encoding="utf-8")
    GUIDE.write_text(filled(guide, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
