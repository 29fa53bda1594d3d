"""The part of Kubernetes' object metadata that the operator reads."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from surelabel_operator.resources.base import Part


class Metadata(Part):
    """Object metadata; never written by the operator."""

    name: str
    namespace: str = "default"
    uid: str = ""
    resource_version: str = ""
    generation: int = 1
    creation_timestamp: AwareDatetime | None = None
    deletion_timestamp: AwareDatetime | None = None
    labels: dict[str, str] = Field(default={})
    annotations: dict[str, str] = Field(default={})
