"""A finished job becomes one that can be simulated: its files written, its people a team.

Where its media cannot be read no model can learn, and then people's part alone is replayed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from surelabel.tasks import TASK_TYPES
from surelabel_cli.errors import UserError
from surelabel_cli.simulation.finished import FinishedJob
from surelabel_cli.simulation.replay import Simulated
from surelabel_contract.errors import ConfigurationError, ImpossibleUriError
from surelabel_contract.model import sha256_hex
from surelabel_contract.store import Storage, StorageError
from surelabel_contract.task_types import TASK_TYPE_FACTS
from surelabel_operator.validation import validate_object

# Ground Truth's own target, as `surelabel convert` has it; here it is a promise.
_PROMISE = {"targetErrorPermille": 50, "riskPermille": 50}
_TEAM = "recorded"
# Looked at before anybody waits for a job: whether media are there at all.
_LOOKED_AT = 5


@dataclass(frozen=True)
class Replayed:
    """``told``: what is replayed and what cannot be, in sentences."""

    simulated: Simulated
    told: tuple[str, ...]


def replayed(
    finished: FinishedJob,
    folder: Path,
    storage: Storage,
    *,
    job: Mapping[str, Any] | None = None,
    media: Path | None = None,
    price: str | None = None,
) -> Replayed:
    """The job, its files written to ``folder``.

    ``job``: a LabelingJob whose settings count in place of those that it had. ``media``: a folder
    with its files, by name, where they no longer lie where the manifest says. ``price``: of an
    answer, in USD, where no job says it. UserError where the settings do not fit.
    """
    if not finished.answers:
        raise UserError(f"{finished.name}: nobody answered anything, so nothing can be replayed.")
    lines = [json.loads(raw) if raw.strip() else {} for raw in finished.lines]
    if media is not None:
        lines = [_in_folder(line, media) for line in lines]
    unread = _unreadable(lines, storage)
    spec = _spec(finished, job, price)
    told = [_counts(finished)]
    if unread is not None:
        task = TASK_TYPES[finished.task_type]
        folder.mkdir(parents=True, exist_ok=True)
        blank = _blank(folder, task.source_kind)
        lines = [{**line, "source-ref": blank} if "source-ref" in line else line for line in lines]
        spec.pop("autoLabeling", None)
        told.append(
            f"Its media cannot be read ({unread}), so no model can learn: people's part alone is "
            "replayed. --media names a folder with files of the same names."
        )
    here = folder / _digest(lines, finished)
    _write(here / "manifest.jsonl", lines)
    _write(here / "truth.jsonl", finished.truth())
    _write(here / "answers.jsonl", finished.recorded())
    spec["input"] = {**spec.get("input", {}), "manifest": (here / "manifest.jsonl").as_uri()}
    spec["workforce"] = {**spec["workforce"], "workTeam": _TEAM}
    resource = {
        "apiVersion": "surelabel.dev/v1alpha1",
        "kind": "LabelingJob",
        "metadata": {"name": finished.name},
        "spec": spec,
    }
    problems = [str(problem) for problem in validate_object(resource)]
    if problems:
        raise UserError(f"{finished.name}: cannot be replayed.\n" + "\n".join(problems))
    uri = (here / "answers.jsonl").as_uri()
    return Replayed(Simulated(resource, _team(finished, here), uri), tuple(told))


def _counts(finished: FinishedJob) -> str:
    machine, human = len(finished.by_machine), len(finished.labels) - len(finished.by_machine)
    people = len(finished.annotators)
    text = (
        f"{len(finished.lines):,} items, {human:,} labeled by people, {machine:,} by a machine; "
        f"{len(finished.answers):,} answers of {people:,} people are replayed"
    )
    asked = len({each.line for each in finished.answers})
    if asked < len(finished.lines):
        text += (
            f". Of {len(finished.lines) - asked:,} items no answer is recorded: people who are as "
            "good as these answer them from the job's own labels"
        )
    return text + ". What is called wrong differs from the job's own labels."


def _spec(
    finished: FinishedJob, job: Mapping[str, Any] | None, price: str | None
) -> dict[str, Any]:
    names = list(finished.classes.names)
    spec: dict[str, Any] = {
        "taskType": finished.task_type,
        "output": {"uri": "file:///replaced"},
        "compute": {"ray": {"address": {"name": "local"}}},
        **finished.spec,
    }
    workforce = {"annotatorsPerItem": finished.usual_answers(), **spec.get("workforce", {})}
    if price is not None:
        workforce["pricePerAnnotation"] = {"amount": price, "currency": "USD"}
    spec["workforce"] = workforce
    if names:
        spec["labels"] = [{"name": name} for name in names]
    if TASK_TYPE_FACTS[finished.task_type].has_model:
        spec.setdefault("autoLabeling", dict(_PROMISE))
    if job is None:
        return spec
    given: dict[str, Any] = dict(job["spec"])
    if given["taskType"] != finished.task_type:
        raise UserError(
            f"spec.taskType: must be that of the finished job, {finished.task_type}; got "
            f"{given['taskType']}."
        )
    theirs = [label["name"] for label in given.get("labels", ())]
    if theirs != names:
        raise UserError(
            f"spec.labels: must be those of the finished job in their order, {', '.join(names)}; "
            f"got {', '.join(theirs)}."
        )
    return given


def _team(finished: FinishedJob, here: Path) -> dict[str, Any]:
    people = [
        {"name": name, "accuracyPermille": permille}
        for name, permille in finished.accuracies().items()
    ]
    simulated = {"annotators": people, "truthURI": (here / "truth.jsonl").as_uri()}
    return {
        "apiVersion": "surelabel.dev/v1alpha1",
        "kind": "WorkTeam",
        "metadata": {"name": _TEAM},
        "spec": {"simulated": simulated},
    }


def _in_folder(line: dict[str, Any], media: Path) -> dict[str, Any]:
    source = line.get("source-ref")
    if not isinstance(source, str):
        return line
    name = PurePosixPath(unquote(source)).name
    return {**line, "source-ref": f"file://{quote(str((media / name).absolute()))}"}


def _unreadable(lines: list[dict[str, Any]], storage: Storage) -> str | None:
    """Why the media cannot be read; None where those looked at are there, or nothing refers to any.

    A few that are missing fail alone, as in any job.
    """
    sources = [line["source-ref"] for line in lines if isinstance(line.get("source-ref"), str)]
    step = max(len(sources) // _LOOKED_AT, 1)
    problem: str | None = None
    for uri in sources[::step][:_LOOKED_AT]:
        try:
            folder, name = storage.locate(uri)
            if folder.size(name) is not None:
                return None
            problem = problem or f"{uri} does not exist"
        except (StorageError, ConfigurationError, ImpossibleUriError) as error:
            # What to do about credentials stands behind the first sentence.
            problem = problem or str(error).partition(". ")[0]
    return problem


def _blank(folder: Path, kind: str) -> str:
    """The URI of a file that stands for every one that cannot be read."""
    file = folder / ("blank.txt" if kind == "text" else "blank.png")
    if kind == "text":
        file.write_text("(not there)", encoding="utf-8")
    else:
        from PIL import Image

        buffer = io.BytesIO()
        Image.new("L", (1, 1)).save(buffer, "PNG")
        file.write_bytes(buffer.getvalue())
    return file.absolute().as_uri()


def _digest(lines: list[dict[str, Any]], finished: FinishedJob) -> str:
    """Of all that is written, so that outcomes of another job are never taken for this one's."""
    what = [lines, finished.truth(), finished.recorded()]
    return "finished-" + sha256_hex(json.dumps(what).encode())[:16]


def _write(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text(text, encoding="utf-8")
