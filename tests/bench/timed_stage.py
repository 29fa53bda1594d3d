"""The stage program, whose report also has each phase's CPU seconds (``<phase>.cpu``).

On a machine that others use, too, these alone say what a phase costs.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from surelabel.stages import runner
from surelabel.stages.context import StageContext

_phase = StageContext.phase


@contextmanager
def phase(self: StageContext, name: str) -> Iterator[None]:
    """Measure as ever, and the CPU seconds as well."""
    started = time.process_time()
    with _phase(self, name):
        yield
    self.seconds[f"{name}.cpu"] = round(time.process_time() - started, 3)


if __name__ == "__main__":
    StageContext.phase = phase  # type: ignore[method-assign]
    sys.exit(runner.main(sys.argv[1:], os.environ, lambda *_: None))
