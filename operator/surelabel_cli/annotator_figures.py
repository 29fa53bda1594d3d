"""What a consolidation found out about annotators, as columns of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Attributes that a family may have, a number for each annotator.
_FIGURES = (
    *("hit_rate", "false_rate", "sigma", "iou", "border_bias", "sensitivity", "specificity"),
    *("precision", "recall", "relaxed_precision", "relaxed_recall", "length_bias"),
    *("bias", "scale", "noise", "reliability", "error_rate"),
)


def figures_of(annotators: list[Any], n_annotators: int) -> dict[str, NDArray[np.float64]]:
    """Columns by name, (n_annotators,) each, nan where nothing shows.

    ``annotators``: what the fits found; of several, which may not be compared, there are none.
    """
    found: dict[str, NDArray[np.float64]] = {}
    for attribute in _FIGURES if len(annotators) == 1 else ():
        value = np.asarray(getattr(annotators[0], attribute, ()), dtype=float)
        if value.shape == (n_annotators,):
            found[_camel(attribute)] = value
        elif value.ndim == 2 and len(value) == n_annotators:
            # Errors of the geometry, which the family names.
            for name, column in zip(annotators[0].error_names, value.T, strict=True):
                found[f"{_camel(attribute)} {name}"] = column
    return found


def flags_of(annotators: list[Any], n_annotators: int) -> list[tuple[str, ...]]:
    """The flags of each annotator, as far as the family has any."""
    found = getattr(annotators[0], "flags", None) if len(annotators) == 1 else None
    return list(found()) if found is not None else [()] * n_annotators


def _camel(attribute: str) -> str:
    first, *others = attribute.split("_")
    return first + "".join(each.capitalize() for each in others)
