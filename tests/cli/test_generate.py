"""Generated files are as committed; what is missing, differs or is stale is told and mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from surelabel_cli.generate import generated_files, main
from surelabel_operator.generate import ROOT


@pytest.mark.parametrize("path", generated_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_committed_files_are_what_the_code_generates(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generated_files()[path], "run `make generate`"


def test_check_passes_when_nothing_differs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_check_tells_what_differs_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([], tmp_path)
    pages = tmp_path / "docs" / "reference" / "library"
    (pages / "gone.md").write_text("No family has this page.")
    (pages / "spans.md").write_text("Edited by hand.")
    (pages / "texts.md").unlink()
    assert main(["--check"], tmp_path) == 1
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(" ")[0] for line in told] == [
        f"docs/reference/library/{name}.md" for name in ("texts", "spans", "gone")
    ]
    assert (pages / "spans.md").read_text() == "Edited by hand."


def test_writing_mends_what_differs_and_removes_what_is_stale(tmp_path: Path) -> None:
    main([], tmp_path)
    pages = tmp_path / "docs" / "reference" / "library"
    (pages / "gone.md").write_text("No family has this page.")
    (pages / "spans.md").write_text("Edited by hand.")
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    assert not (pages / "gone.md").exists()
