"""What a job's samples say of items that are not in it: additional information, never a promise.

The promise is about the job's own items, so the bound of an attempt is hypergeometric. Of new items
of the same source, labeled by the same model where it is as sure, a sample says what a binomial
bound says. It decides nothing: for a small region it is smaller than the exact bound.
"""

from __future__ import annotations

import math

from scipy.stats import beta

from surelabel.account import Account, Attempt
from surelabel_contract.model import Record


class NewItems(Record):
    """The last region that passed a test, taken as a sample of new items.

    With probability 1 - risk the model is wrong on at most this share of such items.
    """

    attempt: int
    sample_items: int
    errors: int
    error_bound_permille: int
    risk_permille: int


def clopper_pearson(n_sample: int, errors: int, risk: float) -> float:
    """The largest chance of an error that so many in the sample do not refute at ``risk``.

    C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the
    case of the binomial", Biometrika 26 (1934), doi:10.1093/biomet/26.4.404. Nothing drawn: 1.
    """
    if errors >= n_sample:
        return 1.0
    return float(beta.ppf(1 - risk, errors + 1, n_sample - errors))


def new_items(account: Account) -> NewItems | None:
    """What the latest accepted attempt says; None without one, or where losses were tested."""
    accepted = [a for a in account.attempts if a.outcome == "Accepted" and not a.losses]
    if not accepted:
        return None
    attempt = accepted[-1]
    n_sample, errors = _in_what_passed(attempt)
    bound = clopper_pearson(n_sample, errors, account.risk_permille / 1000)
    return NewItems(
        attempt=attempt.proposal.attempt,
        sample_items=n_sample,
        errors=errors,
        error_bound_permille=math.ceil(1000 * bound),
        risk_permille=account.risk_permille,
    )


def _in_what_passed(attempt: Attempt) -> tuple[int, int]:
    """Items of the sample in the levels that passed, and errors among them."""
    proposal = attempt.proposal
    if not proposal.levels:
        return proposal.sample_items, len(attempt.wrong)
    wrong = set(attempt.wrong)
    pairs = zip(proposal.sample, proposal.sample_level, strict=True)
    drawn = [line in wrong for line, level in pairs if level < attempt.passed]
    return len(drawn), sum(drawn)
