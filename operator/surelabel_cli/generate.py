"""Write every generated file: ``python -m surelabel_cli.generate [--check]``.

What comes of the operator's models (``surelabel_operator.generate``), and the reference of the
library. ``--check`` writes nothing and fails if a file differs, or if nothing writes it any more.
"""

from __future__ import annotations

import sys
from pathlib import Path

from surelabel_cli.library_pages import library_pages
from surelabel_operator.generate import ROOT
from surelabel_operator.generate import generated_files as files_of_models


def generated_files(root: Path = ROOT) -> dict[Path, str]:
    """Every generated file and its content."""
    reference = root / "docs" / "reference"
    pages = {reference / name: text for name, text in library_pages().items()}
    return {**files_of_models(root), **pages}


def stale_files(root: Path = ROOT) -> list[Path]:
    """Pages of the library that no family has any more."""
    pages = (root / "docs" / "reference" / "library").glob("*.md")
    return sorted(set(pages) - set(generated_files(root)))


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Write or check all files; the files that differ are told on standard error."""
    differing = [
        (path, text)
        for path, text in generated_files(root).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    stale = stale_files(root)
    if "--check" in arguments:
        for path in (*(path for path, _ in differing), *stale):
            print(f"{path.relative_to(root)} is not what `make generate` writes.", file=sys.stderr)
        return 1 if differing or stale else 0
    for path, text in differing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(root)}")
    for path in stale:
        path.unlink()
        print(f"removed {path.relative_to(root)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
