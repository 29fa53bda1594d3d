"""Reads the part of the Containerfile language that ours use: stages, and what they do.

No registry, no shell form of ENTRYPOINT, no heredocs, no ONBUILD: an instruction that is not known
here is an error, so that a build without an engine never leaves one out.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """One instruction with its arguments as they stand there, continued lines joined."""

    name: str
    rest: str


@dataclass
class Stage:
    """A stage: what it starts from, what it does, and the image that it would be."""

    name: str
    parent: str
    steps: list[Instruction] = field(default_factory=list)
    arguments: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    ports: list[str] = field(default_factory=list)
    folder: str = "/"
    user: str = ""
    entrypoint: list[str] = field(default_factory=list)


def instructions(path: Path) -> list[Instruction]:
    """All instructions of a file, in order."""
    lines = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines()]


def read_stages(path: Path, given: Mapping[str, str]) -> list[Stage]:
    """The stages of a file with these build arguments; the last one is the image.

    A stage without a name is named by its number, as in the language. ``steps`` has COPY and RUN.
    """
    defaults: dict[str, str] = {}
    stages: list[Stage] = []
    for found in instructions(path):
        if found.name == "FROM":
            parent, *named = _expand(found.rest, defaults | dict(given)).split()
            stages.append(Stage(named[1] if named else str(len(stages)), parent))
        elif not stages:
            name, default = found.rest.split("=", 1)
            defaults[name] = default
        else:
            _apply(found, stages[-1], defaults, given)
    return stages


def _apply(
    found: Instruction, stage: Stage, defaults: Mapping[str, str], given: Mapping[str, str]
) -> None:
    known = stage.arguments | stage.environment
    match found.name:
        case "ARG":
            name, _, default = found.rest.partition("=")
            stage.arguments[name] = given.get(name, default or defaults.get(name, ""))
        case "COPY" | "RUN":
            stage.steps.append(found)
        case "ENV":
            stage.environment.update(_pairs(found.rest, known))
        case "LABEL":
            stage.labels.update(_pairs(found.rest, known))
        case "EXPOSE":
            stage.ports += found.rest.split()
        case "WORKDIR":
            stage.folder = found.rest
        case "USER":
            stage.user = found.rest
        case "ENTRYPOINT":
            stage.entrypoint = json.loads(found.rest)
        case _:
            raise ValueError(f"{found.name} {found.rest}: not known here.")


def _pairs(text: str, known: Mapping[str, str]) -> dict[str, str]:
    return dict(_expand(word, known).split("=", 1) for word in shlex.split(text))


def _expand(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda found: known[found[1]], text)
