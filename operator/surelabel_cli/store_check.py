"""Asks the store of a job once, before ``surelabel run`` starts anything.

It writes nothing. What only the job's own writes can find, the job finds.
"""

from __future__ import annotations

from surelabel_cli.errors import UserError
from surelabel_cli.job_file import JobFile
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import (
    ForbiddenError,
    ImpossibleNameError,
    Storage,
    StorageError,
    UnusableStoreError,
)

# A request and its retries take three times as long.
_TIMEOUT_SECONDS = 5.0
# A folder of two objects. It is listed, since only a list tells a missing bucket from a missing
# object.
_ASKED = "manifests/output/"


def check_store(file: JobFile) -> str | None:
    """None if the store answers; else what it may still mend by itself, in one line.

    UserError for what no retry mends: no credentials, refused ones, no such bucket.
    """
    spec = file.job["spec"]
    storage = spec.get("storage") or {}
    if "secretName" in storage or "caSecretName" in storage:
        # Not to be read here; the job says so at once.
        return None
    access = StorageAccess(
        prefixes=None,
        local_files=True,
        endpoint=storage.get("endpoint"),
        region=storage.get("region"),
    )
    try:
        folder = Storage(access, timeout_seconds=_TIMEOUT_SECONDS).folder(
            f"{spec['output']['uri'].rstrip('/')}/{file.name}"
        )
        folder.entries(_ASKED)
    except ConfigurationError:
        # Nor can a retry mend this, and the job says which field it is.
        return None
    except (UnusableStoreError, ForbiddenError, ImpossibleNameError) as error:
        raise UserError(
            f"the store of {file.name} refuses, so nothing was started. {error}"
        ) from None
    except StorageError as error:
        return str(error)
    return None
