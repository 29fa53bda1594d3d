"""Makes the store clients: which credentials count, which options belong to which scheme.

It refuses what obstore would panic over, and keeps out what the environment says where
credentials are given. Messages never have the value of a credential.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Container, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from surelabel_contract.errors import StorageNotAllowedError
from surelabel_contract.stages import StorageAccess

# By scheme: sets of credential keys, each of which is complete; nothing else ever completes one.
CREDENTIALS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "s3": (("aws_access_key_id", "aws_secret_access_key"),),
    "az": (
        ("azure_storage_account_name", "azure_storage_account_key"),
        ("azure_storage_account_name", "azure_storage_sas_token"),
    ),
    "gs": (("google_service_account_key",),),
}
CREDENTIAL_KEYS = frozenset(
    {"aws_session_token", *(key for sets in CREDENTIALS.values() for one in sets for key in one)}
)
# A folder with a file for each credential, as Kubernetes mounts a Secret.
CREDENTIALS_VARIABLE = "SURELABEL_STORAGE_CREDENTIALS"
# How long a mounted credential is used before its file is read again.
_REREAD = timedelta(seconds=60)
# obstore reads the environment whenever it makes a client. All else can be overruled, but these
# would count beside the credentials that were given.
_NOT_OVERRULED: Mapping[str, tuple[str, ...]] = {
    "s3": ("AWS_SERVER_SIDE_ENCRYPTION", "AWS_SSE_KMS_KEY_ID", "AWS_SSE_CUSTOMER_KEY_BASE64"),
    "az": ("AZURE_ENCRYPTION_KEY",),
    "gs": (
        *("GOOGLE_BEARER_TOKEN", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH"),
        "SERVICE_ACCOUNT",
    ),
}
_KEY_PREFIX = {"s3": "aws_", "az": "azure_", "gs": "google_"}
# obstore panics over a line break in a header, or a port or address that is none: so these come
# first.
_REGION = re.compile(r"[A-Za-z0-9._-]+")
_ENDPOINT = re.compile(
    r"https?://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>\d{1,5}))?(/[\w.~-]*)*", re.A
)
_VISIBLE = re.compile(r"[!-~]+")
_PORT_MAX = 65_535


def connect(
    root: str,
    access: StorageAccess,
    credentials: Mapping[str, str] | None,
    timeout_seconds: float,
) -> ObjectStore:
    """A client for the bucket or container at ``root``, such as ``s3://bucket``.

    ``credentials`` count alone; None: those mounted at $SURELABEL_STORAGE_CREDENTIALS count
    alone, and are read again as they change; without that variable the process's ambient ones.
    """
    scheme, _, place = root.partition("://")
    read: Callable[[], Mapping[str, str]] | None = None
    if credentials is None and (folder := os.environ.get(CREDENTIALS_VARIABLE)):
        read = lambda: _mounted(Path(folder))  # noqa: E731
        credentials = read()
    endpoint = access.endpoint
    timeout = timedelta(seconds=timeout_seconds)
    client: dict[str, Any] = {"timeout": timeout, "connect_timeout": timeout}
    if (endpoint or (_ambient_endpoint() if credentials is None else "")).startswith("http://"):
        client["allow_http"] = True
    if access.ca_certificate is not None:
        client["root_certificate"] = access.ca_certificate
    retry: Any = {"max_retries": 3, "retry_timeout": 3 * timeout}
    options = _options(scheme, access)
    if credentials is not None:
        options = {**_only(scheme, credentials, access.region), **options}
        if read is not None and scheme == "s3":
            options["credential_provider"] = lambda: _s3_credentials(
                read(), datetime.now(UTC) + _REREAD
            )
    # Untyped on purpose: obstore has one class per cloud, and which one is a matter of data.
    make: Any = {"s3": S3Store, "az": AzureStore, "gs": GCSStore}[scheme]
    try:
        store: ObjectStore = make(place, client_options=client, retry_config=retry, **options)
    except (BaseError, ValueError):
        # Without obstore's words: they quote parts of what they could not read.
        raise StorageNotAllowedError(_refused(root, credentials)) from None
    return store


def is_mounted() -> bool:
    """Whether credentials are mounted for this process, which then count alone."""
    return bool(os.environ.get(CREDENTIALS_VARIABLE))


def missing_credentials(scheme: str, given: Container[str]) -> str:
    """The keys, in words, that ``given`` lacks for the scheme; "" if it is complete."""
    lacking = [[key for key in one if key not in given] for one in CREDENTIALS.get(scheme, ())]
    return "" if [] in lacking else ", or ".join(" and ".join(keys) for keys in lacking)


def _options(scheme: str, access: StorageAccess) -> dict[str, Any]:
    """What the spec says of the store, as far as it belongs to the scheme."""
    endpoint, region = access.endpoint, access.region
    if endpoint is not None and not _is_endpoint(endpoint):
        raise StorageNotAllowedError(
            f"spec.storage.endpoint: must be http(s)://host[:port]; got {endpoint!r}. Correct it."
        )
    if scheme == "gs":
        return {} if endpoint is None else {"base_url": endpoint}
    if scheme == "az":
        return {} if endpoint is None else {"endpoint": endpoint}
    if region is not None and not _REGION.fullmatch(region):
        raise StorageNotAllowedError(
            f"spec.storage.region: has letters, digits, '.', '_', '-'; got {region!r}. Correct it."
        )
    options = {
        "region": region,
        "endpoint": endpoint,
        # It has the last word, so that AWS_ENDPOINT_URL_S3 has not.
        "aws_endpoint_url_s3": endpoint,
        "aws_server_side_encryption": access.sse_type,
        "aws_sse_kms_key_id": access.sse_key_id,
        "conditional_put": "etag",
    }
    return {key: value for key, value in options.items() if value is not None}


def _is_endpoint(text: str) -> bool:
    match = _ENDPOINT.fullmatch(text)
    if match is None or int(match["port"] or 0) > _PORT_MAX:
        return False
    host = match["host"]
    if not host.startswith("[") and not host.rpartition(".")[2].isdigit():
        return True
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _only(scheme: str, given: Mapping[str, str], region: str | None) -> dict[str, Any]:
    """Options by which these credentials count, and nothing that the environment says of
    credentials, addresses and signing."""
    missing = missing_credentials(scheme, given)
    if missing:
        raise StorageNotAllowedError(f"{scheme}://: the credentials given lack {missing}.")
    for key, value in given.items():
        # Google's is JSON, which is read and not sent.
        if scheme != "gs" and key.startswith(_KEY_PREFIX[scheme]) and not _VISIBLE.fullmatch(value):
            raise StorageNotAllowedError(
                f"spec.storage.secretName: {key} must be visible ASCII, without spaces and line "
                "breaks. Correct the Secret."
            )
    for name in os.environ:
        if name.upper() in _NOT_OVERRULED[scheme]:
            raise StorageNotAllowedError(
                f"{scheme}://: this process's environment has {name}, which would count beside the "
                "credentials given. Ask who runs it to unset it."
            )
    if scheme == "gs":
        return {
            "service_account_key": given["google_service_account_key"],
            # Over the key's own gcs_base_url as well: only an endpoint leads elsewhere.
            "base_url": "https://storage.googleapis.com",
            "skip_signature": False,
        }
    if scheme == "az":
        return _only_azure(given)
    address = f"https://s3.{region or 'us-east-1'}.amazonaws.com"
    return {
        # Not as options: there AWS_SESSION_TOKEN would complete them.
        "credential_provider": lambda: _s3_credentials(given, None),
        "region": "us-east-1",
        "endpoint": address,
        "aws_endpoint_url_s3": address,
        "virtual_hosted_style_request": False,
        "s3_express": False,
        "skip_signature": False,
        "request_payer": False,
    }


def _s3_credentials(given: Mapping[str, str], expires_at: datetime | None) -> dict[str, Any]:
    return {
        "access_key_id": given["aws_access_key_id"],
        "secret_access_key": given["aws_secret_access_key"],
        "token": given.get("aws_session_token"),
        "expires_at": expires_at,
    }


def _mounted(folder: Path) -> dict[str, str]:
    """The credentials in the folder's files; other files are ignored."""
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        key = path.name.lower()
        if key in CREDENTIAL_KEYS and path.is_file():
            found[key] = path.read_text(encoding="utf-8", errors="replace").strip()
    return {key: value for key, value in found.items() if value}


def _only_azure(given: Mapping[str, str]) -> dict[str, Any]:
    name, key = given["azure_storage_account_name"], given.get("azure_storage_account_key")
    if not name.isalnum():
        raise StorageNotAllowedError(
            "spec.storage.secretName: azure_storage_account_name has letters and digits only. "
            "Correct the Secret."
        )
    if key is not None:
        secret = {"credential_type": "access_key", "account_key": key}
    else:
        secret = {"credential_type": "sas_token", "sas_key": given["azure_storage_sas_token"]}
    return {
        "account_name": name,
        **secret,
        "endpoint": f"https://{name}.blob.core.windows.net",
        "use_emulator": False,
        "use_fabric_endpoint": False,
        "skip_signature": False,
    }


def _refused(root: str, given: Mapping[str, str] | None) -> str:
    prefix = _KEY_PREFIX[root.partition("://")[0]]
    if given is None:
        what = f"the variables {prefix.upper()}* of this process's environment"
    else:
        keys = sorted(key for key in given if key.startswith(prefix))
        what = f"the Secret's {', '.join(keys)}"
    return f"{root}: no client can be made of spec.storage and {what}. Correct what is malformed."


def _ambient_endpoint() -> str:
    """The endpoint that the store client takes from the environment of the process."""
    return os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
