"""The last write of a step, and the draft of an attempt that failed."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from surelabel.stages.context import StageContext, StageResult
from surelabel_contract.stages import StageFailure, StageReport

_VERSIONS = ("surelabel", "numpy", "onnxruntime", "scikit-learn", "pyarrow", "ray")


def build_report(context: StageContext, result: StageResult) -> StageReport:
    """The report of a finished attempt."""
    config = context.config
    carry = dict(config.inputs)
    for role, ref in result.carry.items():
        if ref is None:
            carry.pop(role, None)
        else:
            carry[role] = ref
    return StageReport(
        job=config.job,
        step=config.step,
        attempt=config.attempt,
        name=config.name,
        generation=config.generation,
        config_digest=config.digest(),
        seed=context.seed if result.seed is None else result.seed,
        inputs=config.inputs,
        outputs=context.outputs,
        carry=carry,
        progressed=result.progressed,
        next=result.next,
        annotate=result.annotate,
        validation=result.validation,
        metrics=result.metrics,
        notices=tuple(context.notices),
        seconds=context.seconds,
        versions=_versions(),
    )


def commit(context: StageContext, report: StageReport) -> bool:
    """Create the step's commit; False if a twin was faster, whose commit then holds."""
    return context.folder.create(context.keys.commit(context.config.step), report.to_json())


def is_committed(context: StageContext) -> bool:
    """Whether the step has a commit already."""
    return context.folder.size(context.keys.commit(context.config.step)) is not None


def write_draft(context: StageContext, failure: StageFailure) -> None:
    """Leave word why this attempt ends without a commit."""
    config = context.config
    context.folder.write(context.keys.draft(config.step, config.attempt), failure.to_json())


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
