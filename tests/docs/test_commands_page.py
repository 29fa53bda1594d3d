"""docs/reference/commands.md has every command and every option."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main

from surelabel_cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"


def test_every_command_and_option_stands_there_and_no_other() -> None:
    written: dict[str, set[str]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"## (\w+)", line):
            written[heading[1]] = set()
        elif option := re.match(r"\| `(--[\w-]+)` \|", line):
            written[list(written)[-1]].add(option[1])
    group = typer.main.get_group(app)
    real = {
        name: {
            option
            for parameter in command.params
            for option in parameter.opts
            if option.startswith("--") and option != "--help"
        }
        for name, command in group.commands.items()
    }
    assert written == real
