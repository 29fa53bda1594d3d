"""What every part of a resource has in common: names, reading, and rules for the API server.

The Python models are the one source of the CRDs: types, bounds, defaults and descriptions of
fields and the rules below become the schema (``crd.py``).
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict

API_GROUP = "surelabel.dev"
API_VERSION = "surelabel.dev/v1alpha1"

_ACRONYMS = {"uri": "URI", "id": "ID", "cpus": "CPUs", "gpus": "GPUs", "mib": "MiB"}


def field_alias(name: str) -> str:
    """The field's name in YAML: ``truth_uri`` is ``truthURI``, ``memory_mib`` is ``memoryMiB``."""
    first, *rest = name.split("_")
    return first + "".join(_ACRONYMS.get(word, word.capitalize()) for word in rest)


class Part(BaseModel):
    """A frozen part of a resource; camelCase in YAML, snake_case in Python.

    Unknown fields are ignored: the API server prunes them, and an older operator must survive
    a status that a newer one wrote.
    """

    model_config = ConfigDict(
        alias_generator=field_alias,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        # Defaults are constants here; checking them again for each of 1,000 jobs costs time.
        validate_default=False,
    )

    def to_dict(self) -> dict[str, Any]:
        """As it stands in YAML: camelCase, times as RFC 3339, absent values left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def with_(self, **changes: Any) -> Self:
        """A copy with these fields (by their Python names) changed."""
        return self.model_copy(update=changes)


def rule(cel: str, message: str, *, field_path: str | None = None) -> dict[str, str]:
    """A CEL rule; ``message`` says what is asked for, the API server puts field and value before.

    ``field_path``: the field that is at fault where the rule stands on its parent.
    """
    found = {"rule": cel, "message": message}
    if field_path is not None:
        found["fieldPath"] = field_path
    return found


def immutable(what: str) -> dict[str, str]:
    """The field cannot change once set; the rule sees values only, not coming and going."""
    return rule("self == oldSelf", f"{what} is immutable; create another LabelingJob instead")


def rules(*every: dict[str, str], **schema: Any) -> dict[str, Any]:
    """Schema extras with these CEL rules."""
    return {"x-kubernetes-validations": list(every), **schema}


def map_list(key: str) -> dict[str, Any]:
    """A list whose entries are told apart by ``key``, which is unique in it."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
