"""What the words of a text say about its spans, learned from the spans themselves.

Each tag has its own distribution over words (naive Bayes, as in Nguyen et al. 2017 and Simpson and
Gurevych 2019), so that "patients with" supports a span that few annotators marked, if others like
it were marked elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.spans.forward_backward import Lattice
from surelabel.consolidation.spans.sequences import Sequences
from surelabel.consolidation.spans.units import words

# Pseudo-words behind each tag's distribution, and how often a word must occur to say anything.
_PSEUDO_WORDS = 50.0
_OFTEN = 3


@dataclass(frozen=True)
class WordTable:
    """Log P(word | tag) / P(word): ``vocabulary``, (n_words,); ``log_ratio``, (n_words, n_tags)."""

    vocabulary: tuple[str, ...]
    log_ratio: Floats

    @classmethod
    def empty(cls, n_tags: int) -> WordTable:
        """Nothing is known of any word."""
        return cls((), np.zeros((0, n_tags)))


@dataclass(frozen=True)
class WordsOfUnits:
    """The words of all texts that occur often enough to say something.

    ``code`` (in ``vocabulary``), ``unit`` and ``opens`` (the unit begins with it): of the words in
    units that somebody marked, (n_words,) each. ``opening``, ``later``: (n_units, n_vocabulary),
    how often each word begins, or goes on in, a unit that nobody marked, and so is O. Of several
    layers the first has all words.
    """

    vocabulary: tuple[str, ...]
    code: Codes
    unit: Codes
    opens: NDArray[np.bool_]
    opening: sparse.csr_matrix
    later: sparse.csr_matrix

    @classmethod
    def of(
        cls, lattice: Lattice, texts: Sequence[str], known: tuple[str, ...] | None = None
    ) -> WordsOfUnits:
        """``known``: a vocabulary from before; without it the words that occur often enough."""
        item, start, end = words(texts)
        places: dict[str, int] = {}
        raw = [
            places.setdefault(texts[i][a:b], len(places))
            for i, a, b in zip(item.tolist(), start.tolist(), end.tolist(), strict=True)
        ]
        spelled, respell = np.unique([spelling(word) for word in places], return_inverse=True)
        code = respell[raw] if raw else np.empty(0, np.int64)
        if known is None:
            often = np.bincount(code, minlength=len(spelled)) >= _OFTEN
            known = tuple(spelled[often].tolist())
        position = {word: place for place, word in enumerate(known)}
        recode = np.array([position.get(word, -1) for word in spelled.tolist()], dtype=np.int64)
        code = recode[code] if len(code) else code
        unit = _unit_of(lattice.sequences, item, start)
        opens = np.ones(len(unit), dtype=bool)
        opens[1:] = unit[1:] != unit[:-1]
        said, own = lattice.said
        marked = np.zeros(lattice.n_units + 1, dtype=bool)
        marked[said[own > 0]] = True
        inside = (code >= 0) & marked[unit]
        outside = (code >= 0) & (unit >= 0) & ~marked[unit]

        def counted(rows: NDArray[np.bool_]) -> sparse.csr_matrix:
            place = unit[rows], code[rows]
            shape = (lattice.n_units, len(known))
            return sparse.csr_matrix((np.ones(len(place[0])), place), shape=shape)

        return cls(
            known,
            code[inside],
            unit[inside],
            opens[inside],
            counted(outside & opens),
            counted(outside & ~opens),
        )

    def learn(self, posterior: Floats) -> tuple[WordTable, Floats]:
        """Each tag's words from the units' tags, and what they say about each unit.

        The evidence, (n_units, n_tags), leaves out what the very word taught: a word that is rare
        would vouch for itself.
        """
        tags = posterior[self.unit]
        late = ~self.opens
        # Only the first word of a unit can begin a span.
        tags[late, 2::2] += tags[late, 1::2]
        tags[late, 1::2] = 0.0
        n = len(self.vocabulary)
        columns = [np.bincount(self.code, column, minlength=n) for column in tags.T]
        counts: Floats = np.stack(columns, axis=1).astype(np.float64)
        counts[:, 0] += np.asarray(self.opening.sum(axis=0) + self.later.sum(axis=0)).ravel()
        total: Floats = counts.sum(axis=0)
        usual = counts.sum(axis=1, keepdims=True) / max(total.sum(), 1.0)
        table = WordTable(self.vocabulary, np.log(_shares(counts, total, usual) / usual))
        others = np.maximum(counts[self.code] - tags, 0.0), np.maximum(total - tags, 0.0)
        own = usual[self.code]
        said = np.log(_shares(*others, own) / own)
        return table, self._by_unit(said, table)

    def evidence(self, table: WordTable) -> Floats:
        """(n_units, n_tags): what words say about units by a table that these did not teach."""
        return self._by_unit(table.log_ratio[self.code], table)

    def _by_unit(self, said: Floats, table: WordTable) -> Floats:
        n_units = self.opening.shape[0]
        late = ~self.opens
        said[late, 1::2] = said[late, 2::2]
        columns = [np.bincount(self.unit, column, minlength=n_units) for column in said.T]
        within = table.log_ratio.copy()
        within[:, 1::2] = within[:, 2::2]
        unmarked = self.opening @ table.log_ratio + self.later @ within
        return np.asarray(np.stack(columns, axis=1) + unmarked)


def _shares(counts: Floats, total: Floats, usual: Floats) -> Floats:
    """P(word | tag), drawn towards how common the word is."""
    return np.asarray((counts + _PSEUDO_WORDS * usual) / (total + _PSEUDO_WORDS))


def spelling(word: str) -> str:
    """The word as it is counted: small letters, every digit a 0."""
    small = word.lower()
    return "".join("0" if c.isdigit() else c for c in small) if not small.isalpha() else small


def _unit_of(sequences: Sequences, item: Codes, start: Codes) -> Codes:
    """The unit of the first layer that each place lies in, -1 where none does."""
    first_layer = np.ones(len(sequences.item), dtype=bool)
    first_layer[1:] = sequences.item[1:] != sequences.item[:-1]
    units = np.flatnonzero(np.repeat(first_layer, sequences.length))
    if not len(units):
        return np.full(len(start), -1, np.int64)
    of_item = np.repeat(sequences.item, sequences.length)[units]
    values = np.unique(np.concatenate((sequences.start[units], start)))
    keys = of_item * len(values) + np.searchsorted(values, sequences.start[units])
    place = np.searchsorted(keys, item * len(values) + np.searchsorted(values, start), "right") - 1
    unit = units[np.maximum(place, 0)]
    inside = (place >= 0) & (of_item[np.maximum(place, 0)] == item) & (start < sequences.end[unit])
    return np.where(inside, unit, -1)
