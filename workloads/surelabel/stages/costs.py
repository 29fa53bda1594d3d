"""What people cost, and what they would have cost for everything; decimals, never floats."""

from __future__ import annotations

from decimal import Decimal

from surelabel_contract.stages import Money


def cost_of(answers: int, price: Money | None) -> str | None:
    """The price of so many answers as a decimal string; None without a price."""
    if price is None:
        return None
    return _shown(Decimal(price.amount) * answers)


def all_human_cost(items: int, annotators_per_item: int, price: Money | None) -> str | None:
    """The price of people labeling every item; None without a price."""
    return cost_of(items * annotators_per_item, price)


def _shown(amount: Decimal) -> str:
    cents = amount.quantize(Decimal("0.01"))
    # A tenth of a cent an answer must not vanish.
    return str(cents if cents == amount else amount.normalize())
