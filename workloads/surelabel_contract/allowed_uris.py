"""What URIs a job may touch: the one prefix check, before any request."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from surelabel_contract.errors import ImpossibleUriError, StorageNotAllowedError
from surelabel_contract.stages import StorageAccess

SCHEMES = ("s3", "gs", "az", "file")
# obstore panics over a bucket that cannot stand in a URL.
_BUCKET = re.compile(r"[A-Za-z0-9$][A-Za-z0-9$._-]*")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class AllowedUris:
    """The URIs that a StorageAccess allows; opens nothing."""

    def __init__(self, access: StorageAccess) -> None:
        self._access = access
        self._prefixes = (
            None if access.prefixes is None else tuple(_plain_prefix(p) for p in access.prefixes)
        )

    def resolve(self, uri: str) -> tuple[str, str]:
        """(scheme and bucket, path without a slash at its front); StorageNotAllowedError."""
        scheme, separator, rest = uri.partition("://")
        if not separator or scheme not in SCHEMES:
            raise StorageNotAllowedError(
                f"{uri!r}: scheme must be one of {', '.join(SCHEMES)}; got {scheme!r}. Write it "
                "like s3://bucket/path."
            )
        # Not urlsplit: in a store "#" and "?" are letters of a key like any other.
        place, _, path = rest.partition("/")
        # Encoded dots as well, since a server between may decode them.
        if ".." in path.split("/") or ".." in unquote(path).split("/"):
            raise StorageNotAllowedError(f"{uri!r}: '..' is not allowed in a URI. Leave it out.")
        if scheme != "file":
            self._check_prefix(uri, uri)
            if not _BUCKET.fullmatch(place):
                raise ImpossibleUriError(
                    f"{uri!r}: a bucket's name has letters, digits, '.', '_', '-'; got {place!r}. "
                    "Write it like s3://bucket/path."
                )
            return f"{scheme}://{place}", _checked(uri, path.lstrip("/"))
        if place == ".":
            raise ImpossibleUriError(
                f"{uri!r}: file://./ is understood in the job file of `surelabel run` alone, where "
                "it means the folder of the run. Use s3://, gs:// or az://."
            )
        if not self._access.local_files:
            raise StorageNotAllowedError(
                f"{uri!r}: local files are off on this cluster. Use s3://, gs:// or az://."
            )
        if place not in ("", "localhost"):
            raise ImpossibleUriError(
                f"{uri!r}: a local file has no host; got {place!r}. Write file:///absolute/path."
            )
        return "file://", _checked(uri, self.check_local(uri, "/" + unquote(path)).lstrip("/"))

    def check_local(self, uri: str, path: str) -> str:
        """The path with all links followed, so that none leads out of an allowed prefix."""
        try:
            resolved = str(Path(path).resolve()) + ("/" if path.endswith("/") else "")
        except (OSError, RuntimeError, ValueError) as error:
            # Links in a circle, or a zero byte.
            raise ImpossibleUriError(f"{uri!r}: no path that can be followed: {error}.") from None
        self._check_prefix(uri, f"file://{resolved}")
        return resolved

    def _check_prefix(self, uri: str, resolved: str) -> None:
        if self._prefixes is None:
            return
        for prefix in self._prefixes:
            # "s3://bucket/a" must not allow "s3://bucket/ab".
            if resolved.startswith(prefix + "/") or resolved == prefix:
                return
        shown = ", ".join(self._access.prefixes or ()) or "none"
        raise StorageNotAllowedError(
            f"{uri!r} lies under none of the allowed prefixes ({shown}). "
            "Ask who runs the operator to allow it, or bring a Secret with spec.storage.secretName."
        )


def _checked(uri: str, path: str) -> str:
    """The path, unless obstore knows no key for it, which it would tell by a bare ValueError."""
    if path and any(part in ("", ".") for part in path.removesuffix("/").split("/")):
        raise ImpossibleUriError(f"{uri!r}: no part of a path may be empty or '.'. Leave it out.")
    if _CONTROL.search(path):
        raise ImpossibleUriError(f"{uri!r}: a path has no control characters. Rename it.")
    return path


def _plain_prefix(prefix: str) -> str:
    """The prefix as it is compared: without a slash at its end, a local one with links followed."""
    if not prefix.startswith("file://"):
        return prefix.rstrip("/")
    path = "/" + unquote(prefix.removeprefix("file://")).lstrip("/")
    return f"file://{Path(path).resolve()}".rstrip("/")
