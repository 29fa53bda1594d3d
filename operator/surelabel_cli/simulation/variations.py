"""Which settings are tried: ``--vary autoLabeling.targetErrorPermille=10,20,50``.

Of several fields every combination. A field is named as it stands below ``spec``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from surelabel_cli.errors import UserError
from surelabel_cli.simulation.replay import Simulated
from surelabel_operator.validation import validate_object


@dataclass(frozen=True)
class Variation:
    """``changes``: the value of each varied field, by its path below ``spec``."""

    changes: tuple[tuple[str, Any], ...]

    @property
    def title(self) -> str:
        """``targetErrorPermille=10, annotatorsPerItem=3``; of nothing varied "as it is"."""
        named = [f"{path.rsplit('.', 1)[-1]}={value}" for path, value in self.changes]
        return ", ".join(named) or "as it is"

    def of(self, simulated: Simulated) -> Simulated:
        """The job with these values; UserError with every rule that it breaks."""
        spec: dict[str, Any] = dict(simulated.job["spec"])
        for path, value in self.changes:
            spec = _with(spec, path.split("."), value)
        job = {**simulated.job, "spec": spec}
        problems = [str(problem) for problem in validate_object(job)]
        if problems:
            raise UserError(f"--vary {self.title}: the job is not valid.\n" + "\n".join(problems))
        return replace(simulated, job=job)


def variations(options: Sequence[str]) -> list[Variation]:
    """Every combination of the values, the last option fastest; UserError for what is no option."""
    fields: dict[str, list[Any]] = {}
    for option in options:
        path, equals, values = option.partition("=")
        path = path.strip().removeprefix("spec.")
        if not path or not equals or not values.strip():
            raise UserError(
                f"--vary {option}: must be a field below spec and its values, such as "
                "autoLabeling.targetErrorPermille=10,20,50."
            )
        if path in fields:
            raise UserError(f"--vary {path}: stands twice; put all of its values into one.")
        fields[path] = list(dict.fromkeys(_value(option, text) for text in values.split(",")))
    return [
        Variation(tuple(zip(fields, values, strict=True)))
        for values in itertools.product(*fields.values())
    ]


def _value(option: str, text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = None
    if not isinstance(value, str | int | float | bool):
        raise UserError(f"--vary {option}: {text!r} is no number, text, true or false.")
    return value


def _with(value: Mapping[str, Any], path: Sequence[str], new: Any) -> dict[str, Any]:
    name, *rest = path
    if not rest:
        return {**value, name: new}
    inner = value.get(name)
    return {**value, name: _with(inner if isinstance(inner, Mapping) else {}, rest, new)}
