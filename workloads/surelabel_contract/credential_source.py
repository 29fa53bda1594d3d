"""Where the credentials come from with which a store is asked, in words; never what they are."""

from __future__ import annotations

import os
from collections.abc import Mapping

# By scheme, in the order in which obstore takes them: variables that make credentials together.
_AMBIENT: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "s3": (
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ),
    "gs": (
        ("GOOGLE_SERVICE_ACCOUNT",),
        ("GOOGLE_SERVICE_ACCOUNT_PATH",),
        ("GOOGLE_SERVICE_ACCOUNT_KEY",),
        ("GOOGLE_APPLICATION_CREDENTIALS",),
    ),
    "az": (
        ("AZURE_STORAGE_ACCOUNT_KEY",),
        ("AZURE_STORAGE_SAS_TOKEN",),
        ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"),
        ("AZURE_STORAGE_CLIENT_ID", "AZURE_STORAGE_CLIENT_SECRET", "AZURE_STORAGE_TENANT_ID"),
    ),
}
# What to do where none are found.
_SET = {
    "s3": (
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, since profiles in ~/.aws are not read (of "
        "one, `aws configure export-credentials --format env` prints them)"
    ),
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, the file of a service account",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}


def credentials_hint(uri: str, *, given: bool) -> str:
    """What may be wrong with the credentials that a store refuses, and the next step; "" for files.

    ``given``: they come from the job's Secret; else from this process's environment.
    """
    scheme = uri.partition("://")[0]
    if scheme not in _AMBIENT:
        return ""
    if given:
        return (
            "Asked with the credentials of spec.storage.secretName: they are wrong, or lack the "
            "right to do this. Correct the Secret, or give them the right."
        )
    found = next((each for each in _AMBIENT[scheme] if all(map(os.environ.get, each))), None)
    if found is None:
        return (
            "No credentials were found in this process's environment, so at best the machine's own "
            f"identity was asked with. Set {_SET[scheme]}; or give that identity the right."
        )
    return (
        f"Asked with the credentials of {' and '.join(found)} in this process's environment: they "
        "are wrong, or lack the right to do this. Correct them, or give them the right."
    )
