"""What the pages show runs: every Python snippet by itself, every ``surelabel`` command line."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from surelabel_cli.main import app

ROOT = Path(__file__).parents[2]
# The reference shows signatures, and its pages are written from the code.
PAGES = [
    ROOT / "README.md",
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "library" not in p.parts),
]
GUIDE = ROOT / "docs" / "guides" / "consolidation.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANSWERS = """item,annotator,label
a,ann,cat
a,bo,cat
a,cy,dog
b,ann,dog
b,bo,dog
b,cy,dog
"""


def blocks(page: Path, *languages: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return [body for language, body in _BLOCK.findall(text) if language in languages]


def snippets() -> list[Any]:
    return [
        pytest.param(code, id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, code in enumerate(blocks(page, "python"), start=1)
    ]


def command_lines(page: Path) -> list[list[str]]:
    """Arguments of each ``surelabel`` command in a block of shell, also as in ``.venv/bin``."""
    joined = "\n".join(blocks(page, "", "sh", "shell", "bash", "console")).replace("\\\n", " ")
    lines = [
        line.strip().removeprefix("$ ").removeprefix(".venv/bin/") for line in joined.splitlines()
    ]
    return [
        shlex.split(re.split(r" \| | > |…", line)[0], comments=True)[1:]
        for line in lines
        if line.startswith("surelabel ")
    ]


def run(code: str) -> None:
    """Run it in a namespace of its own; an expression with a literal after ``#`` has that value."""
    namespace: dict[str, Any] = {}
    lines = code.splitlines()
    for node in ast.parse(code).body:
        source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        if not isinstance(node, ast.Expr):
            exec(compile(source, "snippet", "exec"), namespace)
            continue
        value = eval(compile(ast.Expression(node.value), "snippet", "eval"), namespace)
        comment = lines[node.end_lineno - 1][node.end_col_offset :].partition("#")[2].strip()
        if comment:
            assert repr(value) == comment, source


def test_snippets_are_found() -> None:
    assert len(snippets()) >= 4


@pytest.mark.parametrize("code", snippets())
def test_every_snippet_runs_alone(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(code)


def test_a_wrong_value_in_a_snippet_is_told() -> None:
    run("x = [1]\nx * 2  # [1, 1]")
    with pytest.raises(AssertionError):
        run("1 + 1  # 3")


@pytest.mark.parametrize(
    "page", [page for page in PAGES if command_lines(page)], ids=lambda page: page.name
)
def test_every_command_line_has_options_that_there_are(page: Path) -> None:
    commands = typer.main.get_group(app).commands
    for name, *arguments in command_lines(page):
        command = commands[name]
        context = command.context_class(command, info_name=name)
        command.make_parser(context).parse_args(arguments)


def test_the_readmes_commands_name_files_that_a_checkout_has() -> None:
    # In its text as well: readers copy what looks like a command.
    text = PAGES[0].read_text(encoding="utf-8")
    shown = re.findall(r"\bsurelabel (?:run|validate) ([^\s`]+)", text)
    assert shown
    assert [path for path in shown if not (ROOT / path).is_file()] == []


def test_the_commands_of_the_guide_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("answers.csv").write_text(ANSWERS)
    for arguments in command_lines(GUIDE):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
    assert len(Path("labels.jsonl").read_text().splitlines()) == 2
    assert Path("annotators.csv").read_text().startswith("annotator,")
