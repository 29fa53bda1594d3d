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


def form_problem(uri: str) -> str | None:
    """Why no object can have this URI, whatever is allowed, and what to write; None: one can.

    It is all that can be said without a StorageAccess: `surelabel validate` and the check of
    manifest lines say it, and the store client says it in the same words.
    """
    scheme, place, path = _parts(uri)
    if "://" not in uri or scheme not in SCHEMES:
        return (
            f"scheme must be one of {', '.join(SCHEMES)}; got {scheme!r}. Write it like "
            "s3://bucket/path."
        )
    # Encoded dots as well, since a server between may decode them.
    if ".." in unquote(path).split("/"):
        return "'..' is not allowed in a URI. Leave it out."
    if scheme == "file":
        return _local_problem(place, unquote(path))
    if not _BUCKET.fullmatch(place):
        return (
            f"a bucket's name has letters, digits, '.', '_', '-'; got {place!r}. Write it like "
            "s3://bucket/path."
        )
    return _path_problem(path.lstrip("/"))


class AllowedUris:
    """The URIs that a StorageAccess allows; opens nothing."""

    def __init__(self, access: StorageAccess) -> None:
        self._access = access
        self._prefixes = (
            None if access.prefixes is None else tuple(_plain_prefix(p) for p in access.prefixes)
        )

    def resolve(self, uri: str) -> tuple[str, str]:
        """(scheme and bucket, path without a slash at its front); StorageNotAllowedError."""
        problem = form_problem(uri)
        if problem is not None:
            raise ImpossibleUriError(f"{uri!r}: {problem}")
        scheme, place, path = _parts(uri)
        if scheme != "file":
            self._check_prefix(uri, uri)
            return f"{scheme}://{place}", path.lstrip("/")
        if not self._access.local_files:
            raise StorageNotAllowedError(
                f"{uri!r}: local files are off on this cluster. Use s3://, gs:// or az://."
            )
        resolved = self.check_local(uri, "/" + unquote(path)).lstrip("/")
        # Links may lead anywhere.
        problem = _path_problem(resolved)
        if problem is not None:
            raise ImpossibleUriError(f"{uri!r}: {problem}")
        return "file://", resolved

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


def _parts(uri: str) -> tuple[str, str, str]:
    """Scheme, bucket or host, and path."""
    scheme, _, rest = uri.partition("://")
    # Not urlsplit: in a store "#" and "?" are letters of a key like any other.
    place, _, path = rest.partition("/")
    return scheme, place, path


def _local_problem(place: str, path: str) -> str | None:
    if place == ".":
        return (
            "file://./ is understood in the job file of `surelabel run` alone, where it means the "
            "folder of the run. Write file:///absolute/path where local files are allowed, else "
            "s3://bucket/path."
        )
    if place not in ("", "localhost"):
        return f"a local file has no host; got {place!r}. Write file:///absolute/path."
    # Empty parts and "." go away when links are followed.
    return _control_problem(path)


def _path_problem(path: str) -> str | None:
    # obstore would tell it by a bare ValueError.
    parts = path.removesuffix("/").split("/") if path else ()
    if "" in parts or "." in parts:
        return "no part of a path may be empty or '.'. Leave it out."
    return _control_problem(path)


def _control_problem(path: str) -> str | None:
    return "a path has no control characters. Rename it." if _CONTROL.search(path) else None


def _plain_prefix(prefix: str) -> str:
    """The prefix as it is compared: without a slash at its end, a local one with links followed."""
    if not prefix.startswith("file://"):
        return prefix.rstrip("/")
    path = "/" + unquote(prefix.removeprefix("file://")).lstrip("/")
    return f"file://{Path(path).resolve()}".rstrip("/")
