"""What people once answered, given again when a finished job is replayed.

A file of JSON Lines in the manifest's order: ``{"answers": [{"annotator": "ada", "answerContent":
{...}}]}``, content null where somebody could not tell. Who answered an item is asked about it
first; whoever else is asked answers from the truth, as simulated people do.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import msgspec
import numpy as np

from surelabel.stages.context import StageContext, StateCorruptedError
from surelabel.stages.splitting import whole_lines
from surelabel_contract.stages import SimulatedAnnotator, SimulatedWorkforce
from surelabel_contract.store import NotFoundInStoreError

_CHUNK = 4 << 20


class RecordedAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """One person's answer; ``answer_content`` None: could not tell."""

    annotator: str
    answer_content: dict[str, Any] | None = None


class RecordedItem(msgspec.Struct, frozen=True):
    """A line of the file; an item that nobody was asked about has no answers."""

    answers: tuple[RecordedAnswer, ...] = ()


# By line and annotator.
Recorded = Mapping[int, Mapping[str, "dict[str, Any] | None"]]


def read_recorded(
    context: StageContext, workforce: SimulatedWorkforce, wanted: set[int]
) -> Recorded:
    """The recorded answers to the wanted lines; nothing without a file."""
    uri = workforce.answers_uri
    if uri is None:
        return {}
    folder, name = context.storage.locate(uri)
    decoder = msgspec.json.Decoder(RecordedItem)
    found: dict[int, dict[str, dict[str, Any] | None]] = {}
    try:
        for number, raw in enumerate(whole_lines(folder.read_chunks(name, _CHUNK))):
            if number in wanted:
                answers = decoder.decode(raw).answers
                found[number] = {each.annotator: each.answer_content for each in answers}
    except (NotFoundInStoreError, msgspec.DecodeError) as error:
        # Whoever replays a job has written it: it is no mistake of a user.
        raise StateCorruptedError(f"recorded answers: {uri}: {error}") from error
    return found


class SimulatedPeople:
    """The team, and what is recorded of it."""

    def __init__(self, workforce: SimulatedWorkforce, recorded: Recorded) -> None:
        self._team = {person.name: person for person in workforce.annotators}
        self._recorded = recorded

    def choose(
        self, line: int, wanted: int, rng: np.random.Generator, exclude: Container[str] = ()
    ) -> list[SimulatedAnnotator]:
        """Who is asked about an item, at random; first of all those whose answer is recorded."""
        names = [name for name in self._team if name not in exclude]
        mixed = [names[index] for index in rng.permutation(len(names)).tolist()]
        there = self._recorded.get(line)
        if there:
            mixed.sort(key=lambda name: name not in there)
        return [self._team[name] for name in mixed[:wanted]]

    def has_answer(self, line: int, name: str) -> bool:
        """Whether it is recorded what this person said of the item, even that they cannot tell."""
        return name in self._recorded.get(line, ())

    def answer(self, line: int, name: str) -> dict[str, Any] | None:
        """The recorded answer; None: could not tell."""
        return self._recorded[line][name]
