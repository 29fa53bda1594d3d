"""What a stage checks before it goes on with a predecessor's state.

The operator compares sizes only, since it never reads a manifest, and stores' ETags tell too much
apart: a restored bucket has others for the same bytes. So every stage of a taken state reads the
manifest once, in pieces, and compares its digest with the one that prepare left.
"""

from __future__ import annotations

import hashlib

from surelabel.items import ItemIndex
from surelabel.stages.context import StageContext
from surelabel_contract.errors import ConfigurationError, StorageNotAllowedError
from surelabel_contract.store import ForbiddenError, ImpossibleNameError, NotFoundInStoreError

_CHUNK = 8 * 2**20
_SHOWN = 12


def check_manifest(context: StageContext) -> None:
    """ConfigurationError if the manifest is not the one that the state's items were read from.

    One that is gone cannot be compared and is not needed any more. Before prepare has committed
    there are no items.
    """
    if not context.has("index"):
        return
    index, found = ItemIndex.from_json(context.read("index")), _digest(context)
    if found in (None, index.manifest_sha256):
        return
    raise ConfigurationError(
        "ManifestChanged",
        f"spec.output.takeOver: input.manifest must be the one that the job to continue was given; "
        f"got another content of {context.config.manifest_uri}: SHA-256 {(found or '')[:_SHOWN]}…, "
        f"then {index.manifest_sha256[:_SHOWN]}… with {index.manifest_bytes} bytes. Put that back, "
        "or create a job with another output.uri.",
    )


def _digest(context: StageContext) -> str | None:
    """SHA-256 of the manifest as it is now; None where it is gone or not for us."""
    digest = hashlib.sha256()
    try:
        folder, name = context.storage.locate(context.config.manifest_uri)
        for chunk in folder.read_chunks(name, _CHUNK):
            digest.update(chunk)
    except (NotFoundInStoreError, ForbiddenError, ImpossibleNameError, StorageNotAllowedError):
        return None
    return digest.hexdigest()
