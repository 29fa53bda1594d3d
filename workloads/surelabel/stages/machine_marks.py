"""What the manifest says of a machine label beside its confidence: which model gave it, in which
round, and which certificate covers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from surelabel.stages.context import StageContext
from surelabel_contract.stages import ObjectRef

if TYPE_CHECKING:
    from surelabel.account import Account, Attempt

# So many hexadecimal digits of the model file's SHA-256 name it.
_DIGITS = 16


def certificate_id(state_root: str, attempt: int) -> str:
    """Of an attempt, such as ``3f2a8c1d-a2``; the first part is the job's place in the store."""
    return f"{state_root.rpartition('/')[2]}-a{attempt}"


def marks_of(state_root: str, attempt: Attempt) -> dict[str, Any]:
    """The entries of the label's metadata; ``round``: the one whose model it was."""
    proposal = attempt.proposal
    return {
        "model": proposal.model[:_DIGITS],
        "round": proposal.round,
        "certificate-id": certificate_id(state_root, proposal.attempt),
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
    return {
        attempt.proposal.attempt: marks_of(context.config.state_root, attempt)
        for attempt in found.attempts
    }
