"""The end: account checked once more, output manifest, report, lists, model.

Every end exports what there is; a round that was cut short between its passes is consolidated
first, so that no answer is lost.
"""

from __future__ import annotations

import msgspec
import numpy as np

from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelState
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.ground_truth_layout import write_annotations
from surelabel.stages.lists import rejected_parts, unlabeled_parts
from surelabel.stages.machine_marks import machine_marks
from surelabel.stages.media import MediaFailure
from surelabel.stages.model_files import write_model
from surelabel.stages.output_manifest import manifest_parts
from surelabel.stages.promise import NOT_CERTIFIED, settle
from surelabel.stages.report import build_report, history_at_end
from surelabel.stages.report_page import report_page
from surelabel.stages.rounds import finish_round, has_open_round, read_open_round
from surelabel.stages.stored import read_items, read_state
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.keys import OUTPUT_MANIFEST, REJECTED, REPORT, REPORT_PAGE, UNLABELED
from surelabel_contract.model import canonical_json
from surelabel_contract.stages import Certificate, Ending, ObjectRef, Progressed

LIMIT_REACHED = "LimitReached"
# Endings that say themselves why an item was left.
_TELLING = frozenset({"StoppedByUser", "DeadlineExceeded"})
_LIMITS = frozenset({"MaxHumanLabeledItems", "MaxLabeledPercent", "MaxCost"})


def export(context: StageContext) -> StageResult:
    """Everything that a user takes away."""
    ending = context.config.ending
    if ending is None:
        raise ConfigurationError("NoEnding", f"the config of {context.config.name} has no ending.")
    if not context.has("index"):
        # Ended before prepare had anything to show.
        return StageResult(progressed=context.previous)
    reader, state = read_items(context), read_state(context)
    certificate = context.previous.certificate
    carry: dict[str, ObjectRef | None] = {}
    if has_open_round(context):
        round_ = read_open_round(context, reader)
        finished = finish_round(context, reader, state, round_, cut_off=True)
        state, certificate = finished.state, finished.certificate
        carry.update(finished.carry)
    settled = settle(context, state, carry.get("account"))
    if settled.account is not None:
        # None where every region was withdrawn: then there is nothing left to certify.
        certificate = settled.certificate
        carry["account"] = settled.account
    default = _default_reason(context, ending)
    progressed = _progressed(context, state, certificate, default)
    with context.phase("manifest"):
        marks = machine_marks(context, carry.get("account"))
        parts = manifest_parts(context, reader, state, marks)
        context.write_stream(OUTPUT_MANIFEST, parts, "manifest")
    _write_lists(context, reader, state, default)
    if context.config.output_layout == "GroundTruth":
        with context.phase("annotations"):
            write_annotations(context, reader, state)
    with context.phase("model"):
        write_model(context, reader)
    items = int(np.count_nonzero(state.kind != Kind.REJECTED))
    report = build_report(context, progressed, carry, items)
    context.write_key(REPORT, canonical_json(report), "reportNumbers")
    with context.phase("report"):
        page = report_page(
            context, reader, state, progressed, report, history_at_end(context, carry)
        )
        context.write_key(REPORT_PAGE, page, "report")
    return StageResult(progressed=progressed, carry=carry)


def _default_reason(context: StageContext, ending: Ending) -> str:
    """Why an item is open at the end that nothing else happened to."""
    # Of an end without a result the cause tells.
    reason = ending.cause or ending.reason
    if reason in _TELLING:
        return reason
    if context.config.auto_labeling is None or reason in _LIMITS:
        return LIMIT_REACHED
    return NOT_CERTIFIED


def _progressed(
    context: StageContext, state: LabelState, certificate: Certificate | None, default: str
) -> Progressed:
    reasons = state.unlabeled_reasons()
    silent = int(np.count_nonzero((state.kind == Kind.OPEN) & (state.reason == 0)))
    if silent:
        reasons[default] = reasons.get(default, 0) + silent
    return Progressed(
        counters=state.counters(),
        unlabeled_reasons=dict(sorted(reasons.items())),
        answers=context.previous.answers,
        certificate=certificate,
    )


def _write_lists(
    context: StageContext, reader: ItemReader, state: LabelState, default: str
) -> None:
    messages: dict[int, str] = {}
    if context.has("mediaFailures"):
        decoder = msgspec.json.Decoder(MediaFailure)
        for raw in context.read("mediaFailures").splitlines():
            failure = decoder.decode(raw)
            messages[failure.line] = failure.message
    context.write_stream(REJECTED, rejected_parts(reader, state), "rejected")
    context.write_stream(UNLABELED, unlabeled_parts(reader, state, default, messages), "unlabeled")
