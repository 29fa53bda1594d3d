"""Puts what a demo printed into the README: ``make demo | tee demo.txt``, then
``python tests/docs/fill_readme.py demo.txt``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHOWN_FOLDER = ".surelabel/demo"


def fill(readme: str, printed: str, manifest: list[str]) -> str:
    """The README with the demo's output from ``kubectl apply`` on, and a machine's line."""
    (folder,) = re.findall(r"^Starting .* in (\S+)$", printed, re.MULTILINE)
    text = printed[printed.index("$ kubectl apply") : printed.index("\nLook around")].rstrip()
    line = next(line for line in manifest if '"human-annotated":"no"' in line)
    blocks = (
        (
            r"<!-- demo: begin -->.*<!-- demo: end -->",
            f"<!-- demo: begin -->\n```\n{text.replace(folder, SHOWN_FOLDER)}\n```\n"
            "<!-- demo: end -->",
        ),
        (r"```json\n.*?```", f"```json\n{line.replace(folder, '/…/' + SHOWN_FOLDER)}\n```"),
    )
    for pattern, block in blocks:
        # A function, since a backslash in the text is no group.
        readme = re.sub(pattern, lambda _, block=block: block, readme, flags=re.DOTALL)
    return readme


def main() -> None:
    """Fill the README from the file that the first argument names."""
    printed = Path(sys.argv[1]).read_text(encoding="utf-8")
    (manifest,) = re.findall(r"^Manifest:\n(.*)$", printed, re.MULTILINE)
    readme = ROOT / "README.md"
    lines = Path(manifest).read_text(encoding="utf-8").splitlines()
    readme.write_text(fill(readme.read_text(encoding="utf-8"), printed, lines), encoding="utf-8")


if __name__ == "__main__":
    main()
