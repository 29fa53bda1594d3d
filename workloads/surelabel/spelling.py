"""Names as people and their tools write them: spaces around them, accents in one sign or two."""

from __future__ import annotations

import unicodedata


def plain_name(name: str) -> str:
    """``name`` in Unicode's NFC without space around it, so that what looks the same is the same.

    Capitals stand: "US" and "us" may be two classes.
    """
    # Nearly all names; it is asked once per answer.
    return name.strip() if name.isascii() else unicodedata.normalize("NFC", name).strip()
