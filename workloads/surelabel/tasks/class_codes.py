"""Class codes wherever a value has them: which there are, and the same value by other codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from surelabel.tasks.label_format import Label
from surelabel.tasks.values import SemanticMask


def codes_of(value: Any) -> Iterator[int]:
    """The codes that the value uses, some of them more than once; -1 is the background's."""
    if isinstance(value, tuple):
        for each in value:
            yield from codes_of(each)
    elif is_dataclass(value):
        for name, inner in _members(value):
            if name == "label":
                yield inner
            elif name == "labels":
                yield from inner
            elif name == "mask" and isinstance(value, SemanticMask) and inner is not None:
                yield from np.unique(inner).tolist()
            else:
                yield from codes_of(inner)


def recoded(value: Any, new: Mapping[int, int]) -> Any:
    """The value with ``new[code]`` for each code; KeyError for one that is not there."""
    if isinstance(value, tuple):
        return tuple(recoded(each, new) for each in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed: dict[str, Any] = {}
    for name, inner in _members(value):
        if name == "label":
            changed[name] = new[inner]
        elif name == "labels":
            changed[name] = tuple(new[code] for code in inner)
        elif name == "mask" and isinstance(value, SemanticMask) and inner is not None:
            changed[name] = _recoded_mask(inner, new)
        else:
            changed[name] = recoded(inner, new)
    return replace(value, **changed)


def codes_of_label(label: Label[Any]) -> Iterator[int]:
    """The codes of its value and of its metadata."""
    yield from codes_of(label.value)
    yield from label.named


def recoded_label(label: Label[Any], new: Mapping[int, int]) -> Label[Any]:
    """The label with ``new[code]`` for each code; KeyError for one that is not there."""
    named = tuple(new[code] for code in label.named)
    return replace(label, value=recoded(label.value, new), named=named)


def without(codes: Iterable[int], n_classes: int) -> dict[int, int]:
    """Old code to new one, dense from 0, once ``codes`` are left out; the background stays -1."""
    left_out = set(codes)
    kept = [code for code in range(n_classes) if code not in left_out]
    return {-1: -1} | {old: position for position, old in enumerate(kept)}


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    return ((each.name, getattr(value, each.name)) for each in fields(value))


def _recoded_mask(mask: Any, new: Mapping[int, int]) -> Any:
    found, places = np.unique(mask, return_inverse=True)
    codes = np.array([new[code] for code in found.tolist()], mask.dtype)
    return codes[places].reshape(mask.shape)
