"""The units that a sequence model labels: pieces of a text that no answer cuts.

With the text they are its words, punctuation marks and symbols, cut also wherever an answer begins
or ends, so that every answered span is a run of units. Without it they are the pieces between the
offsets that the answers use. A letter and its combining characters, or an emoji made of several
code points, are never cut but where an answer does.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.checked import Codes
from surelabel.consolidation.spans.answers import SpanAnswers

_SPACE, _WORD, _SYMBOL, _ALONE, _FLAG, _JOINED, _JOINER = range(7)
_ZERO_WIDTH_JOINER = 0x200D
_MAX_PIECES = 100
_SKIN_TONES, _TAGS, _FLAGS = (0x1F3FB, 0x1F3FF), (0xE0020, 0xE007F), (0x1F1E6, 0x1F1FF)
# Thai, Lao, Myanmar, Khmer: words without spaces between them, as in Chinese and Japanese.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF))


@dataclass(frozen=True)
class Units:
    """``start``, ``end``: (n_units,), code points, sorted by item and start.

    ``first``: (n_items + 1,): item i has the units first[i] .. first[i + 1] - 1.
    """

    first: Codes
    start: Codes
    end: Codes

    @classmethod
    def of(cls, answers: SpanAnswers, texts: Sequence[str] | None = None) -> Units:
        """The words where there are texts, else the pieces."""
        return cls.of_pieces(answers) if texts is None else cls.of_words(answers, texts)

    @classmethod
    def of_words(cls, answers: SpanAnswers, texts: Sequence[str]) -> Units:
        """The words of each text, punctuation marks and symbols, cut where answers begin or end.

        ``texts``: one per item, none shorter than its answers (``check_texts``). Spaces are left
        out, but where an answer begins or ends with them.
        """
        of_item = answers.span_item
        word_item, word_start, word_end = words(texts)
        items = np.concatenate((of_item, of_item, word_item, word_item))
        offsets = np.concatenate((answers.start, answers.end, word_start, word_end))
        key_item, key_offset, place = _distinct(items, offsets)
        n, w = len(of_item), len(word_item)
        opens, closes = np.zeros(len(key_item), dtype=bool), np.zeros(len(key_item), dtype=bool)
        opens[place[:n]] = True
        closes[place[n : 2 * n]] = True
        in_word = _depth(place[2 * n : 2 * n + w], place[2 * n + w :], len(key_item)) > 0
        kept = np.zeros(len(key_item), dtype=bool)
        kept[:-1] = (in_word | opens)[:-1] | closes[1:]
        kept[:-1] &= key_item[1:] == key_item[:-1]
        rows = np.flatnonzero(kept)
        count = np.bincount(key_item[rows], minlength=answers.n_items)
        return cls(np.concatenate(([0], np.cumsum(count))), key_offset[rows], key_offset[rows + 1])

    @classmethod
    def of_pieces(cls, answers: SpanAnswers, texts: Sequence[str] | None = None) -> Units:
        """The pieces of each text between the offsets that answers use.

        A piece that nobody marked is cut into as many as spans of mean length would fit into it
        (100 at most): each is a place where an annotator could have marked something and did not.
        A text begins at 0; where it ends is known only from ``texts`` (one per
        item), else with the last span.
        """
        of_item = answers.span_item
        every = np.arange(answers.n_items)
        items = [of_item, of_item, every]
        offsets = [answers.start, answers.end, np.zeros(answers.n_items, dtype=np.int64)]
        if texts is not None:
            items.append(every)
            offsets.append(np.array([len(text) for text in texts], dtype=np.int64))
        key_item, key_offset, place = _distinct(np.concatenate(items), np.concatenate(offsets))
        n = len(of_item)
        marked = _depth(place[:n], place[n : 2 * n], len(key_item)) > 0
        rows = np.flatnonzero(key_item[1:] == key_item[:-1])
        start, length = key_offset[rows], key_offset[rows + 1] - key_offset[rows]
        usual = float((answers.end - answers.start).mean()) if n else 1.0
        fitting = np.clip(np.rint(length / usual), 1, np.minimum(length, _MAX_PIECES))
        parts = np.where(marked[rows], 1, fitting).astype(np.int64)
        part = ranges(np.zeros_like(parts), parts)
        count = np.bincount(key_item[rows], weights=parts, minlength=answers.n_items)
        start, length, parts = (np.repeat(column, parts) for column in (start, length, parts))
        # Floats would lose digits of large offsets; quotient and rest do not.
        whole, rest = length // parts, length % parts
        begin = start + whole * part + rest * part // parts
        end = start + whole * (part + 1) + rest * (part + 1) // parts
        return cls(np.concatenate(([0], np.cumsum(count))).astype(np.int64), begin, end)

    def locate(self, answers: SpanAnswers) -> tuple[Codes, Codes]:
        """(n_spans,) twice: the first unit of each answered span, and the one after its last."""
        item = np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))
        return (
            _place(item, self.start, answers.span_item, answers.start),
            _place(item, self.end, answers.span_item, answers.end) + 1,
        )


def ranges(start: Codes, count: Codes) -> Codes:
    """start[0], start[0] + 1, ... (count[0] of them), start[1], ..."""
    total = np.concatenate(([0], np.cumsum(count)))
    return np.repeat(start - total[:-1], count) + np.arange(total[-1])


def words(texts: Sequence[str]) -> tuple[Codes, Codes, Codes]:
    """(n_words,) each: item, start and end of the words, punctuation marks and symbols.

    A run of letters, digits and underscores is one word; scripts that write no spaces between
    words give one for each character; any other visible character stands alone. Combining
    characters, variation selectors, skin tones and what follows a zero-width joiner belong to the
    character before.
    """
    # A line break after each text keeps neighbours apart.
    lengths = np.array([len(text) + 1 for text in texts], dtype=np.int64)
    joined = "".join(f"{text}\n" for text in texts).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, dtype="<u4")
    present, inverse = np.unique(codes, return_inverse=True)
    kinds = np.array([_kind(code) for code in present.tolist()], dtype=np.int8)
    kind = kinds[inverse] if len(codes) else kinds
    base = _base_kind(kind)
    visible = base != _SPACE
    joins = np.zeros(len(codes), dtype=bool)
    joins[1:] = (
        (kind[1:] >= _JOINED)
        | ((kind[1:] == _WORD) & (base[:-1] == _WORD))
        | (kind[:-1] == _JOINER)
        | ((base[:-1] == _FLAG) & _second_of_pair(kind == _FLAG)[1:])
    ) & (visible[:-1] & visible[1:])
    at = np.flatnonzero(visible & ~joins)
    # A text ends with a line break, so something follows each word.
    stop = np.flatnonzero(visible[:-1] & ~joins[1:]) + 1
    first = np.concatenate(([0], np.cumsum(lengths)))
    item = np.searchsorted(first, at, side="right") - 1
    return item, at - first[item], stop - first[item]


def _distinct(items: Codes, offsets: Codes) -> tuple[Codes, Codes, Codes]:
    """The distinct (item, offset), sorted, and the row of each one that came in."""
    # Ranks, since an offset may be as large as 2^62.
    values, rank = np.unique(offsets, return_inverse=True)
    n = max(len(values), 1)
    keys, place = np.unique(items * n + rank, return_inverse=True)
    return keys // n, values[keys % n], place


def _depth(opens: Codes, closes: Codes, n: int) -> Codes:
    """(n,): how many are open after each row."""
    return np.cumsum(np.bincount(opens, minlength=n) - np.bincount(closes, minlength=n))


def _kind(code: int) -> int:
    character = chr(code)
    if code == _ZERO_WIDTH_JOINER:
        return _JOINER
    if character.isspace():
        return _SPACE
    category = unicodedata.category(character)
    if category[0] == "M" or _within(code, _SKIN_TONES) or _within(code, _TAGS):
        return _JOINED
    if _within(code, _FLAGS):
        return _FLAG
    if category == "Lo" and (
        unicodedata.east_asian_width(character) in "WF"
        or any(_within(code, block) for block in _UNSPACED)
    ):
        return _ALONE
    return _WORD if category[0] in "LN" or character == "_" else _SYMBOL


def _within(code: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= code <= bounds[1]


def _base_kind(kind: NDArray[np.int8]) -> NDArray[np.int8]:
    """The kind of the character that each one belongs to: the last that joins nothing."""
    own = kind < _JOINED
    own[:1] = True
    # What would join a space has nothing to belong to.
    own[1:] |= kind[:-1] == _SPACE
    base: NDArray[np.int8] = kind[np.maximum.accumulate(np.where(own, np.arange(len(kind)), 0))]
    return base


def _second_of_pair(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Every second of neighbours that are marked: two regional indicators make one flag."""
    place = np.arange(len(marked))
    since = place - np.maximum.accumulate(np.where(marked, -1, place))
    odd: NDArray[np.bool_] = marked & (since % 2 == 0)
    return odd


def _place(item: Codes, offset: Codes, of_item: Codes, wanted: Codes) -> Codes:
    """Row of each (of_item, wanted) among the sorted (item, offset); all of them are there."""
    values = np.unique(np.concatenate((offset, wanted)))
    keys = item * len(values) + np.searchsorted(values, offset)
    return np.searchsorted(keys, of_item * len(values) + np.searchsorted(values, wanted))


def check_texts(answers: SpanAnswers, texts: Sequence[str]) -> None:
    """Raise ValueError where a text is missing, or an answer reaches beyond its text."""
    if len(texts) != answers.n_items:
        raise ValueError(f"texts must hold {answers.n_items} (n_items); got {len(texts)}.")
    length = np.array([len(text) for text in texts], dtype=np.int64)
    beyond = np.flatnonzero(answers.end > length[answers.span_item])
    if beyond.size:
        where = int(beyond[0])
        item = int(answers.span_item[where])
        raise ValueError(
            f"end must be at most the length of the text in code points ({length[item]} for item "
            f"{item}); got {answers.end[where]}. Offsets in bytes or UTF-16 have to be converted."
        )
