"""The effective label attribute name: the key of the label in the output manifest."""

from __future__ import annotations


def label_attribute_name(spec_value: str | None, job_name: str, needs_ref: bool) -> str:
    """``spec.labelAttributeName``, else the job's name, with ``-ref`` where the type demands it.

    ``needs_ref``: the task type's labels are references to files (Ground Truth's rule).
    """
    if spec_value is not None:
        return spec_value
    return f"{job_name}-ref" if needs_ref else job_name
