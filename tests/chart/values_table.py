"""The table of values in the chart's README, made from values.yaml and its comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from chart.rendering import CHART, default_values, leaves

_BEGIN, _END = "<!-- values: begin -->\n", "<!-- values: end -->\n"
_KEY = re.compile(r"^( *)([A-Za-z]+):")


def descriptions() -> dict[str, str]:
    """Dotted path to the ``# --`` comment above the key."""
    found: dict[str, str] = {}
    path: list[str] = []
    comment: list[str] = []
    for line in (CHART / "values.yaml").read_text().splitlines():
        text = line.strip()
        if text.startswith("# -- "):
            comment = [text.removeprefix("# -- ")]
        elif text.startswith("# ") and comment:
            comment.append(text.removeprefix("# "))
        elif match := _KEY.match(line):
            path = [*path[: len(match[1]) // 2], match[2]]
            if comment:
                found[".".join(path)] = " ".join(comment)
            comment = []
    return found


def rows() -> Iterator[str]:
    """The lines of the table."""
    yield "| value | default | meaning |"
    yield "|---|---|---|"
    told = descriptions()
    for path, default in leaves(default_values()):
        yield f"| `{path}` | `{json.dumps(default)}` | {told[path]} |"


def readme_with_table() -> str:
    """The chart's README with the table as it should be."""
    text = (CHART / "README.md").read_text()
    before, rest = text.split(_BEGIN)
    after = rest.split(_END)[1]
    return before + _BEGIN + "\n".join(rows()) + "\n" + _END + after


if __name__ == "__main__":
    (CHART / "README.md").write_text(readme_with_table())
