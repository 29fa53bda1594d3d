"""Why some text is no JSON, in words that help whoever wrote it."""

from __future__ import annotations

import re

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
# What Python, JavaScript and NumPy write where a number is none.
_NO_NUMBER = re.compile(rb"(?<![\w.])[-+]?(nan|inf(?:inity)?)\b", re.IGNORECASE)


def json_problem(data: bytes, error: Exception) -> str:
    """What is wrong with ``data``, which ``error`` says is no JSON, and what to write instead."""
    found = _NO_NUMBER.search(_STRING.sub(b'""', data))
    if found is not None:
        word = found[0].decode()
        return f"{word} is no JSON. Write null, or leave out what has no number."
    return f"{str(error).rstrip('.')}. Correct it, or leave it out."
