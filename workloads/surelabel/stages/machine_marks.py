"""What the manifest says of a machine label beside its confidence: which model gave it, in which
round, and which certificate covers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from surelabel.stages.context import StageContext
from surelabel_contract.model import sha256_hex
from surelabel_contract.stages import ObjectRef

if TYPE_CHECKING:
    from surelabel.account import Account, Attempt, Proposal

# So many hexadecimal digits of a SHA-256 name a model's file, and a proposal.
_DIGITS = 16


def certificate_id(proposal: Proposal) -> str:
    """Of an attempt, such as ``3f2a8c1d09b4e6f7-a2``: of all that was committed before its draw, so
    that the same job on the same data has the same one."""
    return f"{sha256_hex(proposal.to_json())[:_DIGITS]}-a{proposal.attempt}"


def marks_of(attempt: Attempt) -> dict[str, Any]:
    """The entries of the label's metadata; ``round``: the one whose model it was."""
    proposal = attempt.proposal
    return {
        "model": proposal.model[:_DIGITS],
        "round": proposal.round,
        "certificate-id": certificate_id(proposal),
    }


def machine_marks(
    context: StageContext, account: ObjectRef | None = None
) -> Mapping[int, dict[str, Any]]:
    """By attempt the entries of its labels. ``account``: where this step has changed it."""
    from surelabel.ledger import Ledger

    if account is None and not context.has("account"):
        return {}
    data = context.read_ref(account) if account is not None else context.read("account")
    found: Account = Ledger.from_json(data).account
    return {attempt.proposal.attempt: marks_of(attempt) for attempt in found.attempts}
