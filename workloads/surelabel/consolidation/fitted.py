"""What ``fit`` leaves behind, the same for every family of algorithms."""

from __future__ import annotations

from typing import Protocol


class Iterated(Protocol):
    """A result that says how it came about."""

    @property
    def n_iter(self) -> int:
        """Iterations that were needed."""

    @property
    def converged(self) -> bool:
        """Whether the last one changed next to nothing."""


class Fitted:
    """An algorithm after ``fit``, in scikit-learn's manner."""

    result_: Iterated

    @property
    def n_iter_(self) -> int:
        """Iterations that were needed; 0 for a method that has none."""
        return self.result_.n_iter

    @property
    def converged_(self) -> bool:
        """Whether the iteration stood still within ``tol`` before ``max_iter``."""
        return self.result_.converged
