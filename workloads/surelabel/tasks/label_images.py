"""Masks of labels that lie in files of their own are read into memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from surelabel.tasks.classes import Classes
from surelabel.tasks.instance_segmentation.format import read_instances
from surelabel.tasks.semantic_segmentation.format import read_mask
from surelabel.tasks.values import Adjustment, Instances, SemanticMask


def with_mask(value: Any, read: Callable[[str], bytes], classes: Classes) -> Any:
    """The value of a label with its mask in memory; ``read(uri)`` gives the PNG. PixelError.

    A value without a file is returned as it is.
    """
    if isinstance(value, Adjustment):
        return replace(value, value=with_mask(value.value, read, classes))
    if not isinstance(value, SemanticMask | Instances) or value.mask is not None:
        return value
    if value.ref is None:
        raise ValueError("ref, mask: one of them must be there; got neither.")
    if isinstance(value, Instances):
        return read_instances(value, read(value.ref))
    return read_mask(value, read(value.ref), classes)
