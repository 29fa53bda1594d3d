"""Labels that are no classes: one JSON line each, in files of ascending lines.

Every consolidate writes one file, the later one holds where two have the same line. Refuses to
know what a value means; task types do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from surelabel.labels import ValueFile
from surelabel_contract.store import Folder

# Files held in memory: lines are read in order, and a round's lies in one or two.
_FILES_IN_MEMORY = 4


class LabelValue(msgspec.Struct, frozen=True):
    """Label and metadata of a line, but for who made it, and when."""

    line: int
    label: msgspec.Raw
    metadata: msgspec.Raw


def value_lines(values: Iterable[LabelValue]) -> bytes:
    """A file of labels, in the given order."""
    encoder = msgspec.json.Encoder()
    return b"".join(encoder.encode(value) + b"\n" for value in values)


class LabelValues:
    """The labels in some files; few of them are in memory at a time."""

    def __init__(self, folder: Folder, files: tuple[ValueFile, ...]) -> None:
        self._folder = folder
        self._files = files
        self._loaded: OrderedDict[str, dict[int, LabelValue]] = OrderedDict()

    @staticmethod
    def of_bytes(data: bytes) -> dict[int, LabelValue]:
        """The labels in a file by line, in its order."""
        decoder = msgspec.json.Decoder(LabelValue)
        values = (decoder.decode(raw) for raw in data.splitlines())
        return {value.line: value for value in values}

    def of(self, line: int) -> LabelValue:
        """The label of a line; KeyError if it has none."""
        for each in reversed(self._files):
            if each.first_line <= line <= each.last_line:
                found = self._load(each).get(line)
                if found is not None:
                    return found
        raise KeyError(line)

    def _load(self, each: ValueFile) -> dict[int, LabelValue]:
        key = each.file.key
        if key in self._loaded:
            self._loaded.move_to_end(key)
            return self._loaded[key]
        self._loaded[key] = self.of_bytes(self._folder.read(key))
        if len(self._loaded) > _FILES_IN_MEMORY:
            self._loaded.popitem(last=False)
        return self._loaded[key]
