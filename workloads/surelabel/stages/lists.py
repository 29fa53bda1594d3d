"""The two lists of what has no label: lines that are no items, and items nobody could label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from surelabel.items import DUPLICATE_ID, ItemReader
from surelabel.labels import Kind, LabelState

_SHOWN = 500
_JSON = msgspec.json.Encoder()


def rejected_parts(reader: ItemReader, state: LabelState) -> Iterator[bytes]:
    """``rejected.jsonl``, a shard at a time: line (from 1), reason, message, the line's text."""
    duplicates = set(reader.index.duplicates)
    for number, shard in enumerate(reader.index.shards):
        lines = slice(shard.first_line, shard.first_line + shard.n_lines)
        rows = (state.kind[lines] == Kind.REJECTED).nonzero()[0].tolist()
        if not rows:
            continue
        table = reader.table(number, ["line", "item_id", "reason", "message", "raw"]).take(rows)
        out: list[bytes] = []
        for row in table.to_pylist():
            reason, message = row["reason"], row["message"]
            if row["line"] in duplicates:
                reason = DUPLICATE_ID
                message = (
                    f"an earlier line has the id {row['item_id']!r} already. Give each line an id "
                    "of its own."
                )
            text = row["raw"][:_SHOWN].decode(errors="replace")
            entry = {"line": row["line"] + 1, "reason": reason, "message": message, "text": text}
            out.append(_JSON.encode(entry) + b"\n")
        yield b"".join(out)


def unlabeled_parts(
    reader: ItemReader, state: LabelState, default: str, messages: Mapping[int, str]
) -> Iterator[bytes]:
    """``unlabeled.jsonl``, a shard at a time: item, source, reason, answers so far.

    ``default``: the reason of items that nothing happened to; ``messages``: by line, what went
    wrong with its source.
    """
    for number, shard in enumerate(reader.index.shards):
        first = shard.first_line
        kinds = state.kind[first : first + shard.n_lines]
        rows = ((kinds == Kind.OPEN) | (kinds == Kind.FAILED)).nonzero()[0].tolist()
        if not rows:
            continue
        table = reader.table(number, ["line", "item_id", "source", "source-ref"]).take(rows)
        out: list[bytes] = []
        for row in table.to_pylist():
            line = row["line"]
            entry = {"itemId": row["item_id"], "line": line + 1}
            key = "source" if row["source"] is not None else "source-ref"
            entry[key] = row[key]
            entry["reason"] = state.reason_of(line) or default
            if line in messages:
                entry["message"] = messages[line]
            entry["answers"] = int(state.answers[line])
            out.append(_JSON.encode(entry) + b"\n")
        yield b"".join(out)
