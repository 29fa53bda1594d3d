"""Counts in the words of messages."""

from __future__ import annotations


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """As in "1 item", "2 items", "1,000 items"; ``nouns`` where the plural is not noun + s."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"
