"""The truth that simulated people know; nothing but them and simulations' last comparison reads it.

Its lines belong to the manifest's by their numbers. A ``source-ref`` in a line is held against the
manifest's: labels by a truth that has slipped by a line would look like everybody's mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from surelabel.items import ItemReader
from surelabel.manifest import read_line
from surelabel.stages.context import StageContext
from surelabel.stages.splitting import whole_lines
from surelabel.stages.stored import read_items
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import Coded
from surelabel_contract.errors import ConfigurationError, uri_of_field
from surelabel_contract.stages import SimulatedWorkforce
from surelabel_contract.store import NotFoundInStoreError

FIELD = "WorkTeam spec.simulated.truthURI"
_CHUNK = 4 << 20


@dataclass(frozen=True)
class Truth:
    """``known``: the truth by line. ``unknown``: why there is none, by line; people cannot tell."""

    known: Mapping[int, Coded]
    unknown: Mapping[int, str]


def read_truth(context: StageContext, workforce: SimulatedWorkforce, wanted: set[int]) -> Truth:
    """The truth of the wanted lines; ConfigurationError where file and manifest do not fit."""
    uri = workforce.truth_uri
    with uri_of_field(FIELD):
        context.storage.check(uri)
    folder, name = context.storage.locate(uri)
    task_type = TASK_TYPES[context.config.task_type]
    labels = [label.name for label in context.config.labels]
    known: dict[int, Coded] = {}
    unknown: dict[int, str] = {}
    named: dict[int, object] = {}
    last = max(wanted, default=-1)
    n_lines = 0
    try:
        for number, raw in enumerate(whole_lines(folder.read_chunks(name, _CHUNK))):
            if number > last:
                break
            n_lines = number + 1
            if number not in wanted:
                continue
            try:
                record = read_line(raw)
                if isinstance(record, dict) and "source-ref" in record:
                    named[number] = record["source-ref"]
                known[number] = task_type.read_truth(record, labels)
            except (ValueError, TypeError, KeyError) as error:
                unknown[number] = str(error)
    except NotFoundInStoreError as error:
        raise ConfigurationError(
            "TruthNotFound",
            f"{FIELD}: {uri} does not exist. Upload it: one line {task_type.truth_example} for "
            "each line of the manifest.",
        ) from error
    if n_lines <= last:
        raise ConfigurationError(
            "TruthNotFound",
            f"{FIELD}: {uri} must have a line for each line of the manifest, such as "
            f"{task_type.truth_example}; it has {n_lines}, and people are asked about line "
            f"{last + 1}. Write {{}} where the truth is not known.",
        )
    _check_items(read_items(context), uri, named)
    return Truth(known, unknown)


def _check_items(reader: ItemReader, uri: str, named: Mapping[int, object]) -> None:
    """ConfigurationError if a line of the truth is about another item than the manifest's."""
    for line, item in reader.items(sorted(named)).items():
        if item.source_ref is not None and named[line] != item.source_ref:
            raise ConfigurationError(
                "TruthOfAnotherItem",
                f"{FIELD}: line {line + 1} of {uri} is about {_shown(named[line])}, but line "
                f"{line + 1} of the manifest is {_shown(item.source_ref)}. Write the truth in the "
                "manifest's order, a line for each of its lines, also for those that are no items.",
            )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
