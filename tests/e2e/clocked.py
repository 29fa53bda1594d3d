"""An operator whose clock for data stands still, so that two jobs write the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from e2e.installed import fix_clock, installed
from e2e.labeling import Labeling


@contextmanager
def clocked(labeling: Labeling, values: dict[str, Any]) -> Iterator[Labeling]:
    """The namespace with its operator, by these values of the chart, and with the job's data."""
    with installed(labeling.cluster, labeling.namespace, values):
        fix_clock(labeling.cluster, labeling.namespace)
        labeling.prepare()
        yield labeling
