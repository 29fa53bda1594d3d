"""What a namespace may use: Ray clusters, stores, Secrets. Everything fails closed.

Pure: it reads settings, spec and Secrets that others fetched, and refuses with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from surelabel_contract.errors import ConfigurationError, StorageNotAllowedError
from surelabel_contract.stages import StorageAccess
from surelabel_operator.logging import SecretText
from surelabel_operator.resources import RayAddress, Storage
from surelabel_operator.settings import Settings

ALLOW_USE_LABEL = "surelabel.dev/allow-use"

# Secret keys that become credentials; anything else in the Secret is ignored, so that a Secret
# cannot switch the store client's other options.
_CREDENTIAL_KEYS = frozenset(
    {
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "azure_storage_account_key",
        "azure_storage_account_name",
        "azure_storage_sas_token",
        "google_service_account_key",
    }
)
# <service>.<namespace>.svc, with the default cluster domain or none. Another domain would be a
# name that anybody can register: it has to stand in the settings' rayOrigins.
_SERVICE = re.compile(
    r"[a-z]([-a-z0-9]*[a-z0-9])?\.(?P<namespace>[-a-z0-9]+)\.svc(\.cluster\.local)?"
)


@dataclass(frozen=True)
class RayTarget:
    """A Ray cluster that a job may use."""

    url: str
    # A Secret in the operator's namespace.
    token_secret: str | None = None
    # It lies in the job's own namespace: its pods' credentials are the namespace's.
    own: bool = False


@dataclass(frozen=True)
class Access:
    """What a job may do with the store: the operator with its Secret, the stages as they are."""

    operator: StorageAccess
    stages: StorageAccess
    credentials: Mapping[str, SecretText] = field(default_factory=dict)


def ray_target(settings: Settings, namespace: str, address: RayAddress | None) -> RayTarget:
    """The Ray cluster of ``compute.ray.address``; ConfigurationError if it is not allowed."""
    if address is None:
        raise ConfigurationError(
            "InvalidSpec", "spec.compute.ray: needs exactly one of: address; got none."
        )
    if address.name is not None:
        cluster = settings.ray_cluster(address.name)
        if cluster is None or not cluster.serves(namespace):
            # The same words for both: which clusters others may use is nobody's business.
            raise ConfigurationError(
                "RayNotAllowed",
                f"spec.compute.ray.address.name: the operator's settings list no Ray cluster "
                f"{address.name!r} for namespace {namespace!r}. Ask who runs the operator to add "
                "it to rayClusters.",
            )
        return RayTarget(cluster.url, cluster.token_secret)
    url = (address.url or "").rstrip("/")
    match = _SERVICE.fullmatch(urlsplit(url).hostname or "")
    own = match is not None and match["namespace"] == namespace
    if not own and not any(o.origin == url and o.serves(namespace) for o in settings.ray_origins):
        raise ConfigurationError(
            "RayNotAllowed",
            f"spec.compute.ray.address.url: must be http(s)://<service>.{namespace}.svc[:port] or "
            f"an origin that the operator's settings list for the namespace; got {url!r}.",
        )
    return RayTarget(url, None, own)


def storage_access(
    settings: Settings,
    namespace: str,
    storage: Storage,
    secret: Mapping[str, SecretText] | None,
    *,
    own_ray: bool,
) -> Access:
    """What the job may do with the store; StorageNotAllowedError if that is nothing.

    ``secret``: the values of ``storage.secretName``. Stages on a shared Ray cluster run with its
    credentials, not with the Secret, so prefixes bind them also where a Secret frees the operator.
    """
    prefixes = settings.prefixes(namespace)
    endpoint = storage.endpoint.rstrip("/") if storage.endpoint is not None else None
    _check_endpoint(settings, namespace, endpoint, secret)
    if not prefixes and (secret is None or not own_ray):
        raise StorageNotAllowedError(
            f"namespace {namespace!r} has no allowed prefixes. Ask who runs the operator to add "
            "it to storage.allowedPrefixes."
        )
    sse = storage.server_side_encryption
    base = StorageAccess(
        prefixes=prefixes,
        local_files=settings.storage.local_files,
        endpoint=endpoint,
        region=storage.region,
        sse_type=sse.type if sse is not None else None,
        sse_key_id=sse.key_id if sse is not None else None,
    )
    if secret is None:
        return Access(base, base)
    # Free of prefixes never goes with local files: the Secret says nothing about this machine.
    free = base.model_copy(update={"prefixes": None, "local_files": False})
    return Access(free, free if own_ray else base, _credentials(secret))


def _check_endpoint(
    settings: Settings,
    namespace: str,
    endpoint: str | None,
    secret: Mapping[str, SecretText] | None,
) -> None:
    if endpoint is None:
        return
    listed = any(
        entry.url == endpoint and entry.serves(namespace) for entry in settings.storage.endpoints
    )
    given = (secret or {}).get("endpoint")
    if not listed and (given is None or given.reveal().rstrip("/") != endpoint):
        raise StorageNotAllowedError(
            f"spec.storage.endpoint: must be listed in the operator's settings for namespace "
            f"{namespace!r} or equal the key 'endpoint' of the Secret; got {endpoint!r}."
        )


def _credentials(secret: Mapping[str, SecretText]) -> dict[str, SecretText]:
    found = {key.lower(): value for key, value in secret.items()}
    return {key: value for key, value in found.items() if key in _CREDENTIAL_KEYS}
