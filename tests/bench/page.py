"""docs/benchmarks.md: one section per benchmark, the machine, and what was met or missed.

Only the section of a benchmark that ran is written anew, so each says when and on what it ran.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
_PACKAGES = ("ray", "kopf", "kubernetes", "numpy", "scikit-learn", "pyarrow", "msgspec", "obstore")
_INTRODUCTION = """# Benchmarks

Measured by the programs in `tests/bench/`; `make bench` runs all of them and writes this page,
`.venv/bin/python tests/bench/run.py NAME` one of them and its section. They are no tests: nothing
fails because a machine is slow. Each section names its machine and how busy that was (the load
average; above the number of cores somebody else was working, and times are longer than they need
be). MB are 10⁶ bytes.
"""


@dataclass(frozen=True)
class Row:
    """One figure. ``met`` is None where there is no target."""

    what: str
    got: str
    target: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """In one word, for people."""
        return {None: "", True: "met", False: "**missed**"}[self.met]


@dataclass
class Section:
    """The result of one benchmark: figures, more tables, and what has to be known of them."""

    name: str
    title: str
    how: str
    rows: list[Row] = field(default_factory=list)
    # Caption, header, lines.
    tables: list[tuple[str, Sequence[str], list[Sequence[str]]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    load_before: tuple[float, float, float] = field(default_factory=os.getloadavg)

    def add(self, what: str, got: str, target: str = "", met: bool | None = None) -> None:
        """Another figure."""
        self.rows.append(Row(what, got, target, met))

    def text(self) -> str:
        """The section in Markdown."""
        parts = [f"## {self.title}", self.how, f"`.venv/bin/python tests/bench/run.py {self.name}`"]
        parts.append(f"{_machine()}; load average {_load(self.load_before)} before, "
                     f"{_load(os.getloadavg())} after.")  # fmt: skip
        lines = [(row.what, row.got, row.target, row.verdict) for row in self.rows]
        if lines:
            parts.append(_table(("figure", "measured", "target", ""), lines))
        for caption, header, more in self.tables:
            parts += [caption, _table(header, more)]
        parts += self.notes
        return "\n\n".join(parts) + "\n"


def publish(section: Section) -> None:
    """Print the section and write it into the page."""
    text = section.text()
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else _INTRODUCTION
    begin, end = f"<!-- {section.name} -->", f"<!-- end of {section.name} -->"
    block = f"{begin}\n\n{text}\n{end}\n"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end) + "\n", re.DOTALL)
    if pattern.search(page):
        page = pattern.sub(lambda _: block, page)
    else:
        page = page.rstrip("\n") + "\n\n" + block
    PAGE.write_text(page, encoding="utf-8")


def say(text: str) -> None:
    """How far it is, on standard error."""
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stderr.flush()


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]

    def shown(line: Sequence[str]) -> str:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([shown(header), rule, *map(shown, lines)])


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    kernel = ".".join(platform.release().split(".")[:2])
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return (
        f"{when}, commit {_commit()}; {os.cpu_count()} cores ({_cpu()}), {memory:.0f} GiB, "
        f"Linux {kernel}; Python {platform.python_version()}, {packages}"
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    commit = _git("describe", "--always")
    # Pages do not count: each section that is written changes this one, and those drawn from it.
    folder = PAGE.parent.relative_to(ROOT)
    changed = _git("status", "--porcelain", "-uno", "--", ".", f":(exclude){folder}")
    return (commit or "unknown") + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _load(load: tuple[float, float, float]) -> str:
    return f"{load[0]:.1f}"
