"""What can go wrong with a request to a store, from how obstore says it.

A message is the same each time the same thing goes wrong, since it becomes a condition, whose every
change is a write: it has no times, no counts of retries, no ids of requests.
"""

from __future__ import annotations

import errno
import html
import re
from dataclasses import dataclass

from obstore.exceptions import AlreadyExistsError, NotFoundError, PreconditionError

from surelabel_contract.credential_source import credentials_hint

_READS = frozenset({"get", "head"})
_CONDITIONAL = frozenset({"create", "replace"})
# Answers that stand whatever is done but to the object itself; all others a retry may mend, or
# whoever cares for store and credentials.
_FORBIDDEN = frozenset({403, 405, 409, 410})
_MISSING = 404
# Whoever asks may not, or is nobody.
_REFUSED = frozenset({401, 403})
# Where a cloud's machines ask who they are: the last resort of who has no credentials.
_MACHINE_IDENTITY = "169.254.169.254"
# Nobody answered at all: a wrong address, a firewall, a server that is down.
_NO_ANSWER = "error sending request"
_REACH_OTHER = "Check that the store is up and can be reached from here."
_REACH = {
    "s3": "Check that the store is up and can be reached from here; its address is "
    "spec.storage.endpoint of a job, AWS_ENDPOINT_URL for a command."
}
# Of these an archived object and a clock that is off.
_NO_MATTER_OF_RIGHTS = frozenset({"InvalidObjectState", "RequestTimeTooSkewed"})
_FORBIDDEN_CODES = re.compile("AuthorizationHeaderMalformed|PermanentRedirect")
# Of 403: whoever asks is refused, not for this object.
_CREDENTIALS_CODES = re.compile(
    "SignatureDoesNotMatch|InvalidAccessKeyId|RequestTimeTooSkewed|AuthenticationFailed|"
    "ExpiredToken|InvalidToken|TokenRefreshRequired|InvalidSecurity|NotSignedUp|AccountProblem|"
    "UserProjectAccountProblem"
)
_NAME_CODES = re.compile(
    "KeyTooLongError|InvalidURI|InvalidUri|InvalidObjectName|InvalidResourceName|OutOfRangeInput"
)
_BUCKET_CODES = re.compile("NoSuchBucket|ContainerNotFound")
_FORBIDDEN_ERRORS = frozenset({errno.EACCES, errno.EPERM})
_NAME_ERRORS = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP})

_DEBUG = "\n\nDebug source:"
_STATUS = re.compile(r"Server returned non-2xx status code: ((\d{3})[^:\n]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<\n]*)")
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
# "Generic S3 error: Error performing GET http://host/key in 2.1ms, after 3 retries, ... - "
_STORE = re.compile(r"^Generic \w+ error: ")
_REQUEST = re.compile(
    r"Error performing [A-Z]+ (?:(\w+://[^/\s?]+)\S*|\S+) in \S+?(?:, after .*?)? +- "
)
_REDIRECT = "Received redirect without LOCATION"
# Ids, digests and times that a server puts into its own words.
_VARYING = re.compile(
    r"\b(?:[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{27}|[0-9A-Fa-f]{16,}|\d{4}-\d\d-\d\d[T ][\d:.]+Z?)"
)
# Only obstore's debug text has why no connection came about.
_CAUSE = re.compile(r'(?:message|error): "([^"\\]+)"|HttpError \{\s*kind: (\w+)')
# What is wrong with the server's certificate, such as UnknownIssuer or Expired.
_CERTIFICATE = re.compile(r"InvalidCertificate\(\s*(\w+)")
_HALF = 150


class StorageError(Exception):
    """The store could not be asked, or refused; the message names operation and URI."""


class UnusableStoreError(StorageError):
    """No such bucket, or nobody that the store knows: for a person, whoever asks again."""


class NotFoundInStoreError(StorageError):
    """No such object."""


class TooLargeError(StorageError):
    """The object is larger than the reader allows."""


class ForbiddenError(StorageError):
    """The store works, and does not give out this object; others may well be readable."""


class ImpossibleNameError(StorageError):
    """No object of this store can have this name."""


class ExistsError(StorageError):
    """The key exists, or has another version than the writer knew."""


@dataclass(frozen=True)
class _Answer:
    """What a server or the system said, as far as obstore's text has it."""

    text: str
    status: int | None = None
    status_line: str = ""
    code: str = ""
    message: str = ""
    errno: int | None = None
    cause: str = ""

    @classmethod
    def of(cls, error: BaseException) -> _Answer:
        text, _, debug = str(error).partition(_DEBUG)
        causes = _CAUSE.findall(debug)
        status = _STATUS.search(text)
        code, message = _CODE.search(text), _MESSAGE.search(text)
        number = _OS_ERROR.search(text)
        certificate = _CERTIFICATE.search(debug)
        # The innermost; the kind of connection error only if it has no words.
        cause = next((words for words, _ in reversed(causes) if words), "") or next(
            (kind for _, kind in causes), ""
        )
        if certificate is not None:
            cause = (
                f"the server's certificate is refused: {certificate[1]}; name the authority that "
                "it is of in spec.storage.caSecretName"
            )
        return cls(
            text=text or type(error).__name__,
            status=None if status is None else int(status[2]),
            status_line="" if status is None else status[1].strip(),
            code="" if code is None else code[1],
            message="" if message is None else message[1],
            errno=int(number[1]) if number is not None else getattr(error, "errno", None),
            cause=cause,
        )

    def words(self) -> str:
        """The answer in one line."""
        if self.code or self.status is not None:
            line = self.status_line or "error"
            line += f" ({self.code})" if self.code else ""
            message = _VARYING.sub("…", " ".join(html.unescape(self.message).split()))
            return f"{line}: {message}" if message else f"{line}."
        line = _REQUEST.sub(lambda found: f"{found[1]}: " if found[1] else "", self.text)
        line = _STORE.sub("", line.splitlines()[0].strip())
        return line if not self.cause or self.cause in line else f"{line} ({self.cause})"


def result_of(error: BaseException) -> str:
    """What an observer is told of a request that ended so."""
    if isinstance(error, AlreadyExistsError | PreconditionError):
        return "exists"
    return "not_found" if isinstance(error, NotFoundError | FileNotFoundError) else "error"


def translated(
    operation: str, uri: str, error: BaseException, *, given: bool = False
) -> StorageError:
    """obstore's error as one of ours. ``given``: the credentials are those of the job's Secret."""
    answer, missing = _Answer.of(error), isinstance(error, NotFoundError | FileNotFoundError)
    bucket = _bucket_of(uri)
    # What is written cannot be missing itself, so it is the bucket, unless the answer knows more.
    no_bucket = _BUCKET_CODES.fullmatch(answer.code) or (missing and not answer.code)
    if operation in _READS and missing:
        return NotFoundInStoreError(f"{uri} does not exist.")
    if bucket is not None and no_bucket:
        return UnusableStoreError(
            f"spec.output.uri: bucket or container {bucket!r} does not exist; got that for "
            f"{operation} {uri}. Create it, or use another output.uri in a new job."
        )
    if operation in _CONDITIONAL and isinstance(error, AlreadyExistsError | PreconditionError):
        return ExistsError(uri)
    message = f"{operation} {uri}: {_shortened(answer.words())}"
    if _is_about_credentials(answer):
        message = f"{message.rstrip('. ')}. {credentials_hint(uri, given=given)}".rstrip()
    elif answer.status is None and _NO_ANSWER in answer.text:
        message = f"{message.rstrip('. ')}. {_REACH.get(uri.partition('://')[0], _REACH_OTHER)}"
    return _kind_of(answer)(message)


def _is_about_credentials(answer: _Answer) -> bool:
    refused = answer.status in _REFUSED and answer.code not in _NO_MATTER_OF_RIGHTS
    return refused or _MACHINE_IDENTITY in answer.text


def _kind_of(answer: _Answer) -> type[StorageError]:
    if _CREDENTIALS_CODES.fullmatch(answer.code):
        # A clock that is off may be set right by itself.
        skewed = answer.code in _NO_MATTER_OF_RIGHTS
        return StorageError if skewed else UnusableStoreError
    if _NAME_CODES.fullmatch(answer.code) or answer.errno in _NAME_ERRORS:
        return ImpossibleNameError
    if (
        answer.status in _FORBIDDEN
        or _FORBIDDEN_CODES.fullmatch(answer.code)
        or answer.errno in _FORBIDDEN_ERRORS
        # A bucket of another region.
        or _REDIRECT in answer.text
    ):
        return ForbiddenError
    # What is not a read cannot be missing itself: the place is, or whoever asks is unknown there.
    unusable = answer.status == _MISSING or _is_about_credentials(answer)
    return UnusableStoreError if unusable else StorageError


def _bucket_of(uri: str) -> str | None:
    scheme, _, rest = uri.partition("://")
    return None if scheme == "file" else rest.partition("/")[0]


def _shortened(line: str) -> str:
    """The line without its middle if it is long: what happened stands at the end."""
    return line if len(line) <= 2 * _HALF else f"{line[:_HALF]}…{line[-_HALF:]}"
