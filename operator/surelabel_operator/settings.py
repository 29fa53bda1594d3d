"""Settings of the operator, read once from a YAML file; unknown keys are refused.

What a namespace may use stands here and nowhere else, and everything fails closed: a namespace
that no entry names gets nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from surelabel_contract.errors import ConfigurationError
from surelabel_operator.resources.base import field_alias
from surelabel_operator.resources.kube_ray import RAY_VERSION_RULE, is_ray_version

SETTINGS_VARIABLE = "SURELABEL_SETTINGS"
# In a list of namespaces: every namespace.
EVERY = "*"


class SettingsError(ConfigurationError):
    """Settings that cannot be used (reason ``InvalidSettings``)."""

    def __init__(self, message: str) -> None:
        super().__init__("InvalidSettings", message)


def _origin(value: str) -> str:
    scheme, separator, host = value.rstrip("/").partition("://")
    if scheme not in ("http", "https") or not separator or not host or set(host) & set("/?#@"):
        raise ValueError("must be http(s)://host[:port], without path, user or query")
    return value.rstrip("/")


def _ray_version(value: str) -> str:
    if not is_ray_version(value):
        raise ValueError(RAY_VERSION_RULE)
    return value


Origin = Annotated[str, AfterValidator(_origin)]
RayVersion = Annotated[str, AfterValidator(_ray_version)]


class Setting(BaseModel):
    """A frozen part of the settings; camelCase in YAML."""

    model_config = ConfigDict(
        alias_generator=field_alias, populate_by_name=True, frozen=True, extra="forbid"
    )


class ForNamespaces(Setting):
    """Something that only some namespaces may use."""

    namespaces: tuple[str, ...] = Field(
        min_length=1, description="Namespaces that may use it; * is every one."
    )

    def serves(self, namespace: str) -> bool:
        """Whether this namespace may use it."""
        return EVERY in self.namespaces or namespace in self.namespaces


class RayCluster(ForNamespaces):
    """A Ray cluster that jobs name in compute.ray.address.name."""

    name: str = Field(min_length=1, description="The name that jobs use.")
    url: Origin = Field(description="URL of its Jobs API: http(s)://host[:port].")
    token_secret: str | None = Field(
        default=None,
        description="A Secret in the operator's namespace with Ray's token under the key token.",
    )


class RayOrigin(ForNamespaces):
    """A URL that jobs may give in compute.ray.address.url."""

    origin: Origin = Field(description="http(s)://host[:port].")


class AllowedPrefixes(ForNamespaces):
    """Places in the object store that jobs may use with the operator's own credentials."""

    prefixes: tuple[str, ...] = Field(
        min_length=1, description="URIs such as s3://bucket/team; everything below is allowed."
    )


class AllowedEndpoint(ForNamespaces):
    """An address of a store that jobs may give in storage.endpoint."""

    url: Origin = Field(description="http(s)://host[:port].")


class AllowedImages(ForNamespaces):
    """Images that jobs may give in compute.ray.cluster.template.image."""

    prefixes: tuple[str, ...] = Field(
        min_length=1,
        description="Whole images, or beginnings that end with /, : or @.",
    )


class AllowedEntrypoints(ForNamespaces):
    """Code that jobs may name in autoLabeling.model.entrypoint; it runs where the stages run."""

    prefixes: tuple[str, ...] = Field(
        min_length=1,
        description="Whole entrypoints (module:Class), or beginnings that end with . or :.",
    )


class AllowedName(ForNamespaces):
    """An object that jobs may name in compute.ray.cluster.template."""

    name: str = Field(min_length=1, description="Its name.")


class KubeRay(Setting):
    """Ray clusters that the operator asks KubeRay for."""

    image: str = Field(min_length=1, description="Image of the pods where a job names none.")
    ray_version: RayVersion = Field(
        default="2.60.0",
        description="Version of Ray in that image, 2.52.0 or newer.",
    )
    images: tuple[AllowedImages, ...] = Field(
        default=(), description="Other images that jobs may name."
    )
    service_accounts: tuple[AllowedName, ...] = Field(
        default=(), description="ServiceAccounts besides surelabel-stage that jobs may name."
    )
    priority_classes: tuple[AllowedName, ...] = Field(
        default=(), description="PriorityClasses that jobs may name."
    )


class StorageSettings(Setting):
    """What jobs may do with object stores."""

    local_files: bool = Field(
        default=False, description="Whether file:// is allowed; for one machine only."
    )
    allowed_prefixes: tuple[AllowedPrefixes, ...] = Field(
        default=(), description="What is allowed with the operator's own credentials."
    )
    endpoints: tuple[AllowedEndpoint, ...] = Field(
        default=(), description="Store addresses that jobs may use."
    )


class Settings(Setting):
    """Settings of the operator."""

    watch_namespaces: tuple[str, ...] = Field(
        default=(), description="Namespaces whose resources are acted on; empty: all."
    )
    ray_clusters: tuple[RayCluster, ...] = Field(
        default=(), description="Ray clusters that jobs may name."
    )
    ray_origins: tuple[RayOrigin, ...] = Field(
        default=(), description="URLs of Ray clusters that jobs may give."
    )
    kube_ray: KubeRay | None = Field(
        default=None,
        description="Allows compute.ray.cluster and compute.ray.selector, which need KubeRay 1.5.1 "
        "or newer; absent: nobody may use them.",
    )
    storage: StorageSettings = Field(
        default=StorageSettings(), description="What jobs may do with object stores."
    )
    model_entrypoints: tuple[AllowedEntrypoints, ...] = Field(
        default=(), description="Models that jobs may bring by autoLabeling.model.entrypoint."
    )
    workers: int = Field(
        default=8, ge=1, le=256, description="Jobs that are reconciled at the same time."
    )
    resync_seconds: int = Field(
        default=600, ge=1, le=86_400, description="Every job is looked at this often at least."
    )
    lease_name: str = Field(
        default="surelabel",
        min_length=1,
        max_length=63,
        description="Name of the Lease in the operator's namespace; its uid is the installation.",
    )
    release: str = Field(
        default="surelabel",
        min_length=1,
        max_length=63,
        description="Name of the Helm release; another release finds the Lease held.",
    )
    metrics_port: int = Field(
        default=8080,
        ge=0,
        le=65_535,
        description="Port of /metrics, /healthz and /readyz; 0 takes a free one.",
    )
    stage_time: AwareDatetime | None = Field(
        default=None,
        description="Tests only: this time stands in data instead of the real one, so that two "
        "runs can be compared byte by byte.",
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="Logs as one JSON object a line, or as text for people."
    )

    @classmethod
    def from_yaml(cls, text: str, source: str = "settings") -> Self:
        """The settings in a YAML text; SettingsError names every key that is wrong."""
        try:
            return cls.model_validate(yaml.safe_load(text) or {})
        except yaml.YAMLError as error:
            raise SettingsError(f"{source}: is not YAML: {error}") from None
        except ValidationError as error:
            raise SettingsError(_explain(source, error)) from None

    @classmethod
    def load(cls, path: str | None = None) -> Self:
        """The settings at ``path``, else at $SURELABEL_SETTINGS, else the defaults."""
        found = path or os.environ.get(SETTINGS_VARIABLE)
        if found is None:
            return cls()
        try:
            text = Path(found).read_text(encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"{found}: cannot be read: {error.strerror}.") from None
        return cls.from_yaml(text, found)

    def ray_cluster(self, name: str) -> RayCluster | None:
        """The Ray cluster of this name."""
        return next((cluster for cluster in self.ray_clusters if cluster.name == name), None)

    def prefixes(self, namespace: str) -> tuple[str, ...]:
        """Allowed prefixes of a namespace without a Secret of its own; () allows nothing."""
        return tuple(
            prefix
            for entry in self.storage.allowed_prefixes
            if entry.serves(namespace)
            for prefix in entry.prefixes
        )

    def watches(self, namespace: str) -> bool:
        """Whether resources of this namespace are acted on."""
        return not self.watch_namespaces or namespace in self.watch_namespaces


def _explain(source: str, error: ValidationError) -> str:
    found = []
    for problem in error.errors(include_url=False, include_context=False):
        field = ".".join(str(part) for part in problem["loc"]) or "settings"
        value = problem["input"]
        shown = f"; got {value!r}" if isinstance(value, str | int | float | bool) else ""
        found.append(f"{field}: {problem['msg']}{shown}.")
    return f"{source}: " + " ".join(found)
