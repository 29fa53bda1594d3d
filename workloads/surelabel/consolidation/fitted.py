"""What every family of algorithms shares: parameters that are checked, and what ``fit`` leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np


class Bounds(NamedTuple):
    """What a parameter must be: at least ``low``, or ``above`` it; at most ``high``; or whole."""

    low: float
    high: float = np.inf
    above: bool = False
    whole: bool = False

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        floor = f"above {self.low:g}" if self.above else f"of at least {self.low:g}"
        return f"{kind} {floor}" + (f" and at most {self.high:g}" if self.high < np.inf else "")

    def hold(self, value: object) -> bool:
        """Whether the value is such a number; nan, infinity and bool are none."""
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            return False
        number = float(value)
        if not np.isfinite(number) or (self.whole and number != int(number)):
            return False
        return (number > self.low if self.above else number >= self.low) and number <= self.high


# A name means the same in every algorithm, unless ``Fitted.own_bounds`` says otherwise.
_BOUNDS: Mapping[str, Bounds] = {
    "max_iter": Bounds(1, whole=True),
    "mm_iter": Bounds(1, whole=True),
    "tol": Bounds(0),
    "strength": Bounds(0, above=True),
    "subtypes": Bounds(1, whole=True),
    "threshold": Bounds(0, 1, above=True),
    "min_support": Bounds(0, 1, above=True),
    "support": Bounds(0, 1),
    "match": Bounds(0, 1, above=True),
    "least": Bounds(0, 1, above=True),
    "word_weight": Bounds(0),
    "huber": Bounds(0, above=True),
    "outlier": Bounds(0, above=True),
    "power": Bounds(0),
    "trust": Bounds(0),
    "smoothing": Bounds(0),
    "tile": Bounds(1, whole=True),
}


class NotFittedError(ValueError, AttributeError):
    """A result was asked for before ``fit``; both kinds, as scikit-learn's error of this name."""


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

    own_bounds: ClassVar[Mapping[str, Bounds]] = {}
    result_: Iterated

    def check_parameters(self) -> None:
        """ValueError for a parameter out of bounds; every ``fit`` begins with it."""
        for name, bounds in {**_BOUNDS, **self.own_bounds}.items():
            if hasattr(self, name) and not bounds.hold(getattr(self, name)):
                raise ValueError(
                    f"{name} must be {bounds}; got {getattr(self, name)!r}. Leave it out for the "
                    "usual one."
                )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Every parameter of the constructor by name, as it was given; for scikit-learn's
        ``clone`` and whatever searches for parameters. ``deep`` changes nothing: none is a method.
        """
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Self:
        """The method itself with some parameters changed; ``fit`` checks them. ValueError for a
        name that the constructor does not have."""
        for name, value in params.items():
            if name not in self._names():
                raise ValueError(
                    f"{type(self).__name__} must have the parameter; got {name!r}. It has "
                    f"{', '.join(self._names()) or 'none'}."
                )
            setattr(self, name, value)
        return self

    def _names(self) -> list[str]:
        return [each.name for each in fields(self) if each.init] if is_dataclass(self) else []

    def __getattr__(self, name: str) -> Any:
        # Only for what is not there, which what ``fit`` leaves is not before.
        kind = type(self).__name__
        if name.endswith("_") and not name.startswith("_") and "result_" not in self.__dict__:
            raise NotFittedError(f"{kind} must be fitted before {name}; call fit or fit_predict.")
        raise AttributeError(f"{kind!r} object has no attribute {name!r}")

    @property
    def n_iter_(self) -> int:
        """Iterations that were needed; 0 for a method that has none."""
        return self.result_.n_iter

    @property
    def converged_(self) -> bool:
        """Whether the iteration stood still within ``tol`` before ``max_iter``."""
        return self.result_.converged
