"""Text to tokens and back: what counts as the same text, and where a text may be cut.

Normalised: Unicode NFC (so that a letter with an accent is one text however it was typed), runs of
white space are one space, none at the ends. Letter case and punctuation are kept.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

Level = Literal["words", "characters"]

_JOINER = "\u200d"
# Scripts that are written without spaces between words: first and last code points.
_NO_SPACES = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip
_FLAGS = (0x1F1E6, 0x1F1FF)
_SKINS = (0x1F3FB, 0x1F3FF)


def normalised(text: str) -> str:
    """``text`` in NFC, with single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def level_of(texts: Iterable[str]) -> Level:
    """ "characters" where most letters are of scripts that put no spaces between words."""
    without = letters = 0
    for text in texts:
        for character in text:
            if character.isalpha():
                letters += 1
                without += any(low <= ord(character) <= high for low, high in _NO_SPACES)
    return "characters" if 2 * without > letters else "words"


def tokens_of(text: str, level: Level) -> tuple[str, ...]:
    """The tokens of a normalised text: what stands between spaces, or what a reader calls a letter.

    A character is a code point with the combining marks, joined emoji and skin colours that follow
    it; two letters of a flag are one. A space is a character too.
    """
    if level == "words":
        return tuple(text.split())
    found: list[str] = []
    for character in text:
        if found and _continues(found[-1], character):
            found[-1] += character
        else:
            found.append(character)
    return tuple(found)


def text_of(tokens: Sequence[str], level: Level) -> str:
    """The text of the tokens."""
    return normalised((" " if level == "words" else "").join(tokens))


def _continues(before: str, character: str) -> bool:
    code = ord(character)
    if unicodedata.category(character).startswith("M") or character == _JOINER:
        return True
    if before.endswith(_JOINER) or _SKINS[0] <= code <= _SKINS[1]:
        return True
    flag = _FLAGS[0] <= code <= _FLAGS[1]
    return flag and len(before) == 1 and _FLAGS[0] <= ord(before) <= _FLAGS[1]
