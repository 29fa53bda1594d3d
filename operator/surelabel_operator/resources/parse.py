"""From a dict as the API server or YAML has it to a typed resource.

A spec that does not fit is an InvalidSpecError with every field, rule and value. A status that
does not fit counts as lost: it can be rebuilt from the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from surelabel_contract.errors import ConfigurationError
from surelabel_operator.resources.base import Part
from surelabel_operator.resources.labeling_job import LabelingJob, LabelingJobSpec
from surelabel_operator.resources.metadata import Metadata
from surelabel_operator.resources.status import JobStatus, TeamStatus
from surelabel_operator.resources.work_team import WorkTeam, WorkTeamSpec

P = TypeVar("P", bound=Part)


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong: where, what is asked for, what is there."""

    field: str
    rule: str
    value: object

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}; got {self.value!r}."


class InvalidSpecError(ConfigurationError):
    """A spec that does not fit the schema (reason ``InvalidSpec``); ``errors`` has all."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("InvalidSpec", " ".join(str(error) for error in errors))
        self.errors = errors


def read_labeling_job(obj: Mapping[str, Any]) -> LabelingJob:
    """The LabelingJob in ``obj``; InvalidSpecError if its spec does not fit."""
    return LabelingJob(
        metadata=read_metadata(obj),
        spec=_read_spec(LabelingJobSpec, obj),
        status=read_job_status(obj),
    )


def read_work_team(obj: Mapping[str, Any]) -> WorkTeam:
    """The WorkTeam in ``obj``; InvalidSpecError if its spec does not fit."""
    return WorkTeam(
        metadata=read_metadata(obj),
        spec=_read_spec(WorkTeamSpec, obj),
        status=_read_status(TeamStatus, obj),
    )


def read_metadata(obj: Mapping[str, Any]) -> Metadata:
    """The object's metadata; also of one whose spec does not fit."""
    return Metadata.model_validate(obj["metadata"])


def read_job_status(obj: Mapping[str, Any]) -> JobStatus:
    """The LabelingJob's status; empty if there is none, or none that can be read."""
    return _read_status(JobStatus, obj)


def _read_spec(model: type[P], obj: Mapping[str, Any]) -> P:
    try:
        return model.model_validate(obj.get("spec") or {})
    except ValidationError as error:
        raise InvalidSpecError(
            [
                FieldError(_path(("spec", *e["loc"])), e["msg"], _short(e["input"]))
                for e in error.errors(include_url=False, include_context=False)
            ]
        ) from None


def _read_status(model: type[P], obj: Mapping[str, Any]) -> P:
    try:
        return model.model_validate(obj.get("status") or {})
    except ValidationError:
        return model()


def _path(parts: tuple[int | str, ...]) -> str:
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".")


def _short(value: object) -> object:
    return value if isinstance(value, str | int | float | bool) or value is None else "an object"
