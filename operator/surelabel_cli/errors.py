"""Which errors are told to the user as they are; every other one is a bug of ours."""

from __future__ import annotations

import errno

# What the machine refuses to whoever starts the command; FileNotFoundError and the like are
# told where a file is named by the user, and are bugs anywhere else.
_OF_THE_USER = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.EEXIST,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENAMETOOLONG,
        errno.ELOOP,
    }
)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class UserError(Exception):
    """Something that the user can mend; the message says what and how."""


def is_expected(error: Exception) -> bool:
    """Whether the message is for the user, who needs no traceback."""
    # Imported here: this is asked when a command has failed, not when one starts.
    from surelabel.answer_table import TableError
    from surelabel_cli.go_build import GoBuildError
    from surelabel_cli.processes import FolderInUseError, ProcessError
    from surelabel_cli.sample_data import UnknownSampleDataError
    from surelabel_cli.toolchain import ToolchainError
    from surelabel_contract.errors import ConfigurationError
    from surelabel_contract.store import StorageError
    from surelabel_operator.cluster import ClusterError
    from surelabel_operator.folder_cluster import FolderInUseError as RunFolderInUseError

    if isinstance(error, OSError):
        named = error.filename is not None and error.errno in _OF_THE_USER
        return named or error.errno in _FULL
    return isinstance(
        error,
        UserError
        | GoBuildError
        | FolderInUseError
        | ProcessError
        | UnknownSampleDataError
        | ToolchainError
        | TableError
        | ConfigurationError
        | StorageError
        | ClusterError
        | RunFolderInUseError,
    )


def message_of(error: Exception) -> str:
    """What the user is told of an expected error."""
    if not isinstance(error, OSError):
        return str(error)
    if error.errno in _FULL:
        return f"{error.filename or 'the disk'}: {error.strerror}. Make room and start again."
    return f"{error.filename}: {error.strerror}. Mend that, or choose another file or folder."
