"""report/report.json: the job in numbers; says nothing that the store cannot prove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from surelabel.stages.attempt_report import attempts_told
from surelabel.stages.context import StageContext
from surelabel.stages.costs import all_human_cost, cost_of
from surelabel.stages.history import ConsensusError, History, read_curve
from surelabel_contract.stages import ObjectRef, Progressed


class _Annotator(msgspec.Struct):
    name: str
    answers: int
    agreement: float | None
    # None where labels are no classes.
    accuracy: float | None = None


class _Annotators(msgspec.Struct):
    """What is told of annotators.json."""

    annotators: list[_Annotator]


def build_report(
    context: StageContext,
    progressed: Progressed,
    carry: Mapping[str, ObjectRef | None],
    items: int,
) -> dict[str, Any]:
    """The report's content; ``carry``: what export itself has changed; ``items``: good lines."""
    config = context.config

    def read(role: str) -> bytes | None:
        ref = carry.get(role) or config.inputs.get(role)
        return context.read_ref(ref) if ref is not None else None

    history = history_at_end(context, carry)
    annotators = read("annotators")
    price = config.price_per_annotation
    counters = progressed.counters
    report: dict[str, Any] = {
        "schemaVersion": 1,
        "job": {
            "namespace": config.job.namespace,
            "name": config.job.name,
            "uid": config.job.uid,
        },
        "taskType": config.task_type,
        "labels": [label.name for label in config.labels],
        "labelAttributeName": config.label_attribute_name,
        "seed": context.seed if config.seed is not None else None,
        "ending": config.ending.model_dump(by_alias=True) if config.ending else None,
        "stateRoot": config.state_root,
        "step": config.step.key,
        "counters": counters.model_dump(by_alias=True),
        "unlabeledReasons": progressed.unlabeled_reasons,
        "answers": progressed.answers,
        "rounds": [
            entry.model_dump(mode="json", by_alias=True, exclude_none=True)
            for entry in history.rounds
        ],
        "learningCurve": [point.model_dump(by_alias=True) for point in read_curve(context).points],
        "consensusError": _shown(_consensus_error(history)),
        "annotators": _annotators(annotators),
        "cost": {
            "currency": price.currency if price else None,
            "amount": cost_of(progressed.answers, price),
            "allHumanAnswers": items * config.annotators_per_item,
            "allHumanAmount": all_human_cost(items, config.annotators_per_item, price),
            "toFinishAmount": all_human_cost(counters.unlabeled, config.annotators_per_item, price),
        },
    }
    if config.auto_labeling is not None:
        report["promise"] = {
            "targetErrorPermille": config.auto_labeling.target_error_permille,
            "riskPermille": config.auto_labeling.risk_permille,
        }
    if progressed.certificate is not None:
        certificate = progressed.certificate.model_dump(by_alias=True, exclude_none=True)
        report["certificate"] = certificate
        report["statement"] = _statement(progressed, history)
    if config.auto_labeling is not None:
        report |= attempts_told(context, carry.get("account"))
    return report


def history_at_end(context: StageContext, carry: Mapping[str, ObjectRef | None]) -> History:
    """All rounds, with what export itself has added."""
    ref = carry.get("history") or context.config.inputs.get("history")
    return History() if ref is None else History.from_json(context.read_ref(ref))


def _annotators(data: bytes | None) -> list[dict[str, Any]]:
    if data is None:
        return []
    found = msgspec.json.decode(data, type=_Annotators)
    return [
        {
            "name": each.name,
            "answers": each.answers,
            "accuracy": _rounded(each.accuracy),
            "agreement": _rounded(each.agreement),
        }
        for each in found.annotators
    ]


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _consensus_error(history: History) -> ConsensusError | None:
    """The last estimate: each is of all answers so far."""
    found = [entry.consensus_error for entry in history.rounds if entry.consensus_error is not None]
    return found[-1] if found else None


def _shown(error: ConsensusError | None) -> dict[str, float] | None:
    return None if error is None else error.model_dump(by_alias=True)


def _statement(progressed: Progressed, history: History) -> str:
    certificate = progressed.certificate
    if certificate is None or certificate.machine_labels == 0:
        return "No label of this job came from a machine."
    sure = 100 - certificate.risk_permille / 10
    bound = certificate.error_bound_permille / 10
    which = "the machine labels" if certificate.classes is None else "each class's machine labels"
    promise = (
        f"With {sure:g} % confidence at most {bound:g} % of {which} differ from what "
        "your annotators' consensus would say. "
    )
    error = _consensus_error(history)
    if error is None:
        return promise + "How often the consensus itself is wrong, single answers do not say."
    eta, low, high = 100 * error.share, 100 * error.low, 100 * error.high
    return promise + (
        f"The consensus itself is estimated to be wrong on {eta:.1f} % ({low:.1f} to {high:.1f}), "
        "as far as people's mistakes are independent of each other. If people and model err "
        f"independently, {bound:g} % also bounds the true error; in the worst case it is "
        f"{bound + high:.1f} %."
    )
