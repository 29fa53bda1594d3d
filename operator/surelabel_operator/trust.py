"""What a namespace may use: Ray clusters, stores, Secrets. Everything fails closed.

Pure: it reads settings, spec and Secrets that others fetched, and refuses with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from surelabel_contract.errors import ConfigurationError, StorageNotAllowedError
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store_client import CREDENTIAL_KEYS, missing_credentials
from surelabel_operator.logging import SecretText
from surelabel_operator.resources import RayAddress, Storage
from surelabel_operator.settings import Settings

ALLOW_USE_LABEL = "surelabel.dev/allow-use"

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
    # Of the operator; None: its ambient ones.
    credentials: Mapping[str, SecretText] | None = None


def use_problem(labels: Mapping[str, str], use: str) -> str | None:
    """Why a Secret with these labels is not meant for ``use``, and what to do; None: it is."""
    got = labels.get(ALLOW_USE_LABEL)
    if got == use:
        return None
    found = "has no such label" if got is None else f"has {got!r} there"
    return f"must have the label {ALLOW_USE_LABEL}: {use}; it {found}. Ask its owner to set it."


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
            f"an origin that the operator's settings list for the namespace; got {url!r}. Ask who "
            "runs the operator to add it to rayOrigins.",
        )
    return RayTarget(url, None, own)


def is_allowed_entrypoint(entrypoint: str, prefixes: Iterable[str]) -> bool:
    """Whether one of the prefixes is it, or its beginning up to the end of a part of the name:
    ``team.models:`` begins ``team.models:Net``, ``team.mod`` begins nothing."""
    return any(
        entrypoint == prefix or (prefix[-1:] in (".", ":") and entrypoint.startswith(prefix))
        for prefix in prefixes
    )


def check_entrypoint(settings: Settings, namespace: str, entrypoint: str | None) -> None:
    """ConfigurationError if the namespace may not run this code as a model."""
    if entrypoint is None:
        return
    prefixes = [
        prefix
        for entry in settings.model_entrypoints
        if entry.serves(namespace)
        for prefix in entry.prefixes
    ]
    if is_allowed_entrypoint(entrypoint, prefixes):
        return
    raise ConfigurationError(
        "EntrypointNotAllowed",
        f"spec.autoLabeling.model.entrypoint: must begin with a prefix that the operator's "
        f"settings list for namespace {namespace!r}; got {entrypoint!r}. Ask who runs the operator "
        "to add it to modelEntrypoints, or take a model by name.",
    )


def storage_access(
    settings: Settings,
    namespace: str,
    storage: Storage,
    secret: Mapping[str, SecretText] | None,
    *,
    own_ray: bool,
    output: str,
    ca_certificate: str | None = None,
) -> Access:
    """What the job may do with the store; StorageNotAllowedError if that is nothing,
    ConfigurationError if the store cannot do what is asked.

    ``secret``: the values of ``storage.secretName``, with which ``output`` is opened;
    ``ca_certificate``: PEM of ``storage.caSecretName``. Stages on a
    shared Ray cluster run with its credentials, not with the Secret, so prefixes bind them also
    where a Secret frees the operator, and only a listed endpoint gets their requests.
    """
    prefixes = settings.prefixes(namespace)
    endpoint = storage.endpoint.rstrip("/") if storage.endpoint is not None else None
    _check_encryption(storage, output)
    _check_endpoint(settings, namespace, endpoint, secret, own_ray)
    if not prefixes and (secret is None or not own_ray):
        raise StorageNotAllowedError(
            f"spec.output.uri: namespace {namespace!r} has no allowed prefixes, so nothing may be "
            f"read or written; got {output!r}. Ask who runs the operator to add the namespace to "
            "storage.allowedPrefixes."
        )
    sse = storage.server_side_encryption
    base = StorageAccess(
        prefixes=prefixes,
        local_files=settings.storage.local_files,
        endpoint=endpoint,
        region=storage.region,
        sse_type=sse.type if sse is not None else None,
        sse_key_id=sse.key_id if sse is not None else None,
        ca_certificate=ca_certificate,
    )
    if secret is None:
        return Access(base, base)
    # Free of prefixes never goes with local files: the Secret says nothing about this machine.
    free = base.model_copy(update={"prefixes": None, "local_files": False})
    credentials = _credentials(secret)
    _check_complete(storage.secret_name, credentials, output)
    return Access(free, free if own_ray else base, credentials)


def _check_encryption(storage: Storage, output: str) -> None:
    # Ignored it would leave a job's data without the encryption that its author counts on.
    if storage.server_side_encryption is None or output.startswith("s3://"):
        return
    raise ConfigurationError(
        "InvalidSpec",
        "spec.storage.serverSideEncryption: goes with a spec.output.uri of s3:// only; got "
        f"{output!r}. Leave it out, and set the key on the bucket, container or disk itself.",
    )


def _check_endpoint(
    settings: Settings,
    namespace: str,
    endpoint: str | None,
    secret: Mapping[str, SecretText] | None,
    own_ray: bool,
) -> None:
    if endpoint is None:
        return
    if any(e.url == endpoint and e.serves(namespace) for e in settings.storage.endpoints):
        return
    given = (secret or {}).get("endpoint")
    if given is None or given.reveal().strip().rstrip("/") != endpoint:
        raise StorageNotAllowedError(
            f"spec.storage.endpoint: must be listed in the operator's settings for namespace "
            f"{namespace!r} or equal the key 'endpoint' of the Secret; got {endpoint!r}. Ask who "
            "runs the operator to list it in storage.endpoints, or add the key to the Secret."
        )
    if not own_ray:
        # The Secret speaks for its own credentials only; the stages would bring another's there.
        raise StorageNotAllowedError(
            f"spec.storage.endpoint: the stages of a shared Ray cluster use its credentials, so "
            f"the Secret's key 'endpoint' is not enough; got {endpoint!r}. Ask who runs the "
            f"operator to list it in storage.endpoints for namespace {namespace!r}, or use a Ray "
            "cluster of the namespace (spec.compute.ray.address.url)."
        )


def _check_complete(name: str | None, credentials: Mapping[str, SecretText], output: str) -> None:
    scheme = output.partition("://")[0]
    missing = missing_credentials(scheme, credentials)
    if missing:
        raise StorageNotAllowedError(
            f"spec.storage.secretName: Secret {name!r} must hold credentials for {scheme}://, the "
            f"place of spec.output.uri; it lacks {missing}. Add that to the Secret, or leave "
            "secretName out: the operator's own credentials never complete it."
        )


def _credentials(secret: Mapping[str, SecretText]) -> dict[str, SecretText]:
    """What the Secret has of credentials. Its other keys are ignored, so that it cannot switch
    the store client's other options."""
    # Without the line end that an editor leaves in the file of `--from-file`.
    found = {key.lower(): value.reveal().strip() for key, value in secret.items()}
    return {
        key: SecretText(value) for key, value in found.items() if key in CREDENTIAL_KEYS and value
    }
