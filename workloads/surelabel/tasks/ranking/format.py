"""Labels that put candidates in order."""

from __future__ import annotations

from typing import Any

from surelabel.tasks.fields import Field
from surelabel.tasks.own_content import OwnContentFormat
from surelabel.tasks.values import Order


class RankingFormat(OwnContentFormat[Order]):
    """``{"order": [ids, the best first]}``; numbers are read as ids."""

    name = "Ranking"
    crowd_element = "crowd-text-ranking"
    key = "order"

    def take(self, content: Field) -> Order:
        """See ``OwnContentFormat``."""
        order = tuple(
            str(each.whole()) if isinstance(each.value, int) else each.text()
            for each in content.each()
        )
        if len(set(order)) < len(order):
            raise content.wrong("an array in which every candidate stands once")
        return Order(order)

    def give(self, value: Order) -> Any:
        """See ``OwnContentFormat``."""
        return list(value.order)
