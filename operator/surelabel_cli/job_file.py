"""A job file of ``surelabel run``, ``up`` and the demo: one LabelingJob, and WorkTeams beside it.

``file://./x`` is understood here and nowhere else: it lies in the folder of the run, and becomes
an absolute URI before anything is applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surelabel_cli.errors import UserError
from surelabel_cli.resource_file import ResourceFileError, read_resource_file
from surelabel_cli.sample_data import make_sample_data, sample_data_of
from surelabel_cli.team_match import known_teams
from surelabel_cli.validate import is_ours, resource_problems

_HERE = "file://./"


@dataclass(frozen=True)
class JobFile:
    """The resources of a file as dicts, valid by the rules of the CRDs."""

    job: dict[str, Any]
    teams: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        """The LabelingJob's name."""
        return str(self.job["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The LabelingJob's namespace."""
        return str(self.job["metadata"].get("namespace") or "default")

    def in_folder(self, folder: Path) -> JobFile:
        """The same with every ``file://./x`` in ``folder``."""
        uri = folder.absolute().as_uri() + "/"
        return JobFile(_absolute(self.job, uri), tuple(_absolute(team, uri) for team in self.teams))

    @property
    def wants_sample_data(self) -> bool:
        """Whether the job's annotation asks for a data set."""
        return sample_data_of(self.job) is not None

    def make_sample_data(self, folder: Path) -> None:
        """Make the data set that the job's annotation asks for, unless it is there."""
        name = sample_data_of(self.job)
        if name is not None:
            make_sample_data(name, folder)


def read_job_file(path: Path) -> JobFile:
    """The job in the file; UserError with everything that is wrong with it."""
    try:
        documents = read_resource_file(path)
    except ResourceFileError as error:
        place = path if error.line is None else f"{path}:{error.line}"
        raise UserError(f"{place}: {error}") from None
    teams = known_teams(one.value for one in documents if is_ours(one.value))
    problems = [
        problem for one in documents for problem in resource_problems(str(path), one, teams)
    ]
    if problems:
        raise UserError("the job file is not valid.\n" + "\n".join(map(str, problems)))
    found = [document.value for document in documents]
    jobs = [value for value in found if value["kind"] == "LabelingJob"]
    if len(jobs) != 1:
        raise UserError(f"{path}: needs exactly one LabelingJob, has {len(jobs)}. Leave one in it.")
    file = JobFile(jobs[0], tuple(value for value in found if value["kind"] == "WorkTeam"))
    _check_team(path, file)
    return file


def _check_team(path: Path, file: JobFile) -> None:
    wanted = file.job["spec"]["workforce"]["workTeam"]
    names = [
        team["metadata"]["name"]
        for team in file.teams
        if (team["metadata"].get("namespace") or "default") == file.namespace
    ]
    if wanted not in names:
        raise UserError(
            f"{path}: spec.workforce.workTeam: there is no WorkTeam {wanted!r} in the file (in "
            f"namespace {file.namespace}: {', '.join(names) or 'none'}). Put it there, after a "
            "line with ---."
        )


def _absolute(value: Any, folder_uri: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _absolute(child, folder_uri) for key, child in value.items()}
    if isinstance(value, list):
        return [_absolute(child, folder_uri) for child in value]
    if isinstance(value, str) and value.startswith(_HERE):
        return folder_uri + value.removeprefix(_HERE)
    return value
