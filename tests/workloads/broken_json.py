"""JSON that is broken at each of its places in turn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

JUNK = [None, True, -1, 1.5, 10**400, math.nan, "", "x", [], [[]], {}, {"a": 1}]


def broken_at_every_leaf(value: Any, junk: Any) -> Iterator[Any]:
    """The value with one of its members, or all of it, replaced or taken away; each once."""
    yield junk
    if isinstance(value, dict):
        for key, member in value.items():
            yield {k: v for k, v in value.items() if k != key}
            for other in broken_at_every_leaf(member, junk):
                yield value | {key: other}
    elif isinstance(value, list) and value:
        for other in broken_at_every_leaf(value[0], junk):
            yield [other, *value[1:]]
