"""``surelabel validate``: jobs, WorkTeams and manifests, offline, everything at once.

Resources are held to the rules of the CRDs in the words of the API server, jobs to the WorkTeams
beside them in the words of the operator, manifests to those of the prepare stage in its words; all
with line numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from surelabel.plural import counted
from surelabel_cli.manifest_file import ManifestRules, manifest_problems
from surelabel_cli.placeholder import PLACEHOLDER, placeholders
from surelabel_cli.resource_file import Document, ResourceFileError, read_resource_file
from surelabel_cli.team_match import KnownTeam, known_teams, team_problem
from surelabel_contract.task_types import TASK_TYPE_FACTS
from surelabel_operator.resources import API_GROUP, API_VERSION
from surelabel_operator.schema_rules import field_of
from surelabel_operator.validation import kind_of, validate_object

MANIFEST_SUFFIXES = (".manifest", ".jsonl")
RESOURCE_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class FileProblem:
    """One thing that is wrong in a file; ``line`` counts from 1."""

    file: str
    line: int | None
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.message}"


@dataclass(frozen=True)
class FileResult:
    """What a file has, in words, and everything that is wrong with it."""

    file: str
    contents: str
    problems: list[FileProblem]


def validate(
    files: Annotated[
        list[Path],
        typer.Argument(help="LabelingJobs and WorkTeams (YAML), manifests (JSON Lines)."),
    ],
    task_type: Annotated[
        str | None,
        typer.Option(
            help="Task type of the manifests; not needed beside a LabelingJob, whose labels then "
            "count as well."
        ),
    ] = None,
) -> None:
    """Check jobs, WorkTeams and manifests offline; exit status 0 only if all are valid."""
    wrong = 0
    for result in validate_files(files, task_type):
        if not result.problems:
            typer.echo(f"{result.file}: valid ({result.contents})")
        for problem in result.problems:
            typer.echo(str(problem), err=True)
        wrong += len(result.problems)
    if wrong:
        typer.echo(f"{wrong} problem{'s' if wrong > 1 else ''}.", err=True)
        raise typer.Exit(1)


def validate_files(files: list[Path], task_type: str | None = None) -> Iterator[FileResult]:
    """A result per file, in the order given."""
    read: dict[Path, list[Document] | ResourceFileError] = {}
    for file in files:
        if file.suffix in RESOURCE_SUFFIXES:
            try:
                read[file] = read_resource_file(file)
            except ResourceFileError as error:
                read[file] = error
    documents = [d for found in read.values() if isinstance(found, list) for d in found]
    rules = _manifest_rules(documents, task_type)
    teams = known_teams(d.value for d in documents if is_ours(d.value))
    for file in files:
        if file in read:
            yield _resource_result(str(file), read[file], teams)
        elif file.suffix in MANIFEST_SUFFIXES:
            yield _manifest_result(file, rules)
        else:
            expected = ", ".join((*RESOURCE_SUFFIXES, *MANIFEST_SUFFIXES))
            message = f"what it has is told by the end of its name ({expected}); rename it"
            yield FileResult(str(file), "", [FileProblem(str(file), None, message)])


def resource_problems(
    file: str, document: Document, teams: Sequence[KnownTeam] = ()
) -> list[FileProblem]:
    """Everything that is wrong with one document of ours; ``teams``: those of all files."""
    obj = document.value
    if not _is_object(obj):
        return [FileProblem(file, document.line_of(()), _no_object(obj))]
    if kind_of(obj) is None:
        found = obj.get("apiVersion"), obj.get("kind")
        message = (
            f"{found[0]} {found[1]}: write apiVersion: {API_VERSION}, and kind: LabelingJob or "
            "WorkTeam"
        )
        return [FileProblem(file, document.line_of(()), message)]
    who = _who(obj)
    problems = [
        FileProblem(file, document.line_of(problem.path), f"{who}: {problem}")
        for problem in validate_object(obj)
    ]
    for path, text in placeholders(obj):
        wrong_text = (
            f'{who}: {field_of(path)}: Invalid value: "{text}": {PLACEHOLDER} stands where only '
            "you know the value; replace it"
        )
        problems.append(FileProblem(file, document.line_of(path), wrong_text))
    mismatch = team_problem(obj, teams) if obj["kind"] == "LabelingJob" else None
    if mismatch is not None:
        path, wrong = mismatch
        text = f"{who}: {wrong.reason}: {wrong.message}"
        problems.append(FileProblem(file, document.line_of(path), text))
    return problems


def is_ours(value: Any) -> bool:
    """Whether a document says that it is of our API group, in whatever version."""
    return _is_object(value) and value["apiVersion"].startswith(f"{API_GROUP}/")


def _resource_result(
    file: str, found: list[Document] | ResourceFileError, teams: Sequence[KnownTeam]
) -> FileResult:
    if isinstance(found, ResourceFileError):
        return FileResult(file, "", [FileProblem(file, found.line, str(found))])
    problems: list[FileProblem] = []
    contents: list[str] = []
    for document in found:
        if is_ours(document.value):
            problems += resource_problems(file, document, teams)
            contents.append(_who(document.value))
        elif _is_object(document.value):
            contents.append(f"{_who(document.value)} not looked at")
        else:
            problems.append(FileProblem(file, document.line_of(()), _no_object(document.value)))
    if not found:
        problems.append(
            FileProblem(file, None, "has no documents; write a LabelingJob or a WorkTeam in it")
        )
    return FileResult(file, ", ".join(contents), problems)


def _manifest_result(file: Path, rules: ManifestRules | str) -> FileResult:
    name = str(file)
    if isinstance(rules, str):
        return FileResult(name, "", [FileProblem(name, None, rules)])
    problems: list[FileProblem] = []
    n_lines = 0
    try:
        for n_lines, message in manifest_problems(file, rules):
            if message is not None:
                problems.append(FileProblem(name, n_lines, message))
    except OSError as error:
        problems.append(FileProblem(name, None, f"cannot be read: {error.strerror}"))
    if n_lines == 0 and not problems:
        text = (
            'has no lines; at least one is needed, such as {"source": "a text"} or '
            '{"source-ref": "s3://bucket/a.png"}'
        )
        problems.append(FileProblem(name, None, text))
    return FileResult(name, counted(n_lines, "item"), problems)


def _manifest_rules(documents: list[Document], task_type: str | None) -> ManifestRules | str:
    """The rules for manifests, or what is missing to have them."""
    if task_type is not None and task_type not in TASK_TYPE_FACTS:
        return f"--task-type: must be one of {', '.join(TASK_TYPE_FACTS)}; got {task_type!r}"
    jobs = [d.value for d in documents if is_ours(d.value) and d.value.get("kind") == "LabelingJob"]
    if len(jobs) == 1 and not validate_object(jobs[0]):
        return ManifestRules.of_job(jobs[0], task_type)
    if task_type is None:
        return (
            "needs to know the task type: pass --task-type, or one valid LabelingJob beside it, "
            "whose labels then count as well"
        )
    return ManifestRules(task_type)


def _is_object(value: Any) -> bool:
    """Whether it says, in words, what it is."""
    return isinstance(value, dict) and all(
        isinstance(value.get(key), str) and value[key] for key in ("apiVersion", "kind")
    )


def _no_object(value: Any) -> str:
    if isinstance(value, dict):
        got = f"apiVersion {value.get('apiVersion')!r} and kind {value.get('kind')!r}"
    else:
        got = {list: "a list", str: "text", bool: "a boolean"}.get(type(value), "a number")
    return f"is no Kubernetes object: it needs apiVersion and kind, both text; got {got}"


def _who(obj: dict[str, Any]) -> str:
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{obj.get('kind')} {name}" if name else str(obj.get("kind"))
