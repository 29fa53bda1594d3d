"""The attempts of the promise as the report tells of them, with the certificate of each."""

from __future__ import annotations

from typing import Any

from surelabel.stages.context import StageContext
from surelabel.stages.machine_marks import certificate_id
from surelabel_contract.stages import ObjectRef


def attempts_told(context: StageContext, account: ObjectRef | None) -> dict[str, Any]:
    """Entries of the report: ``attempts``; ``classBounds`` where each predicted class has a
    promise; ``newItems`` where a test says anything of such. Empty where nothing was attempted."""
    ref = account or context.config.inputs.get("account")
    if ref is None:
        return {}
    # Late: SciPy's distributions take most of a second.
    from surelabel.ledger import Ledger
    from surelabel.new_items import new_items

    found = Ledger.from_json(context.read_ref(ref)).account
    names = [label.name for label in context.config.labels]
    attempts = []
    for attempt in found.attempts:
        proposal = attempt.proposal
        attempts.append(
            {
                "attempt": proposal.attempt,
                "certificateId": certificate_id(proposal),
                "round": proposal.round,
                "outcome": "Withdrawn" if attempt.is_withdrawn else attempt.outcome,
                "class": None if proposal.label is None else names[proposal.label],
                "regionItems": proposal.region_items,
                "sampleItems": proposal.sample_items,
                "errors": attempt.errors,
                "thresholds": max(len(proposal.levels), 1),
                "machineLabels": attempt.machine_labels,
                "chargedErrors": attempt.charge,
            }
        )
    told: dict[str, Any] = {"attempts": attempts}
    if found.n_classes is not None:
        told["classBounds"] = [
            {**bound.model_dump(by_alias=True), "label": names[bound.label]}
            for bound in found.class_bounds()
        ]
    outlook = new_items(found)
    if outlook is not None:
        told["newItems"] = outlook.model_dump(by_alias=True)
    return told
