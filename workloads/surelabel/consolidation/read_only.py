"""Results whose arrays cannot be written to: what is shared by many is changed by none."""

from __future__ import annotations

from dataclasses import fields

import numpy as np


class ReadOnlyArrays:
    """The base of a frozen dataclass whose arrays become views that cannot be written to.

    Views, since the arrays behind them may be the caller's own. ``array.copy()`` can be changed.
    """

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray) and value.flags.writeable:
                view = value.view()
                view.flags.writeable = False
                object.__setattr__(self, each.name, view)
