"""Which errors are told to the user as they are; every other one is a bug of ours."""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can mend; the message says what and how."""


def is_expected(error: Exception) -> bool:
    """Whether the message is for the user, who needs no traceback."""
    # Imported here: this is asked when a command has failed, not when one starts.
    from surelabel_cli.go_build import GoBuildError
    from surelabel_cli.processes import FolderInUseError, ProcessError
    from surelabel_cli.sample_data import UnknownSampleDataError
    from surelabel_cli.toolchain import ToolchainError
    from surelabel_contract.errors import ConfigurationError
    from surelabel_contract.store import StorageError
    from surelabel_operator.cluster import ClusterError
    from surelabel_operator.folder_cluster import FolderInUseError as RunFolderInUseError

    return isinstance(
        error,
        UserError
        | GoBuildError
        | FolderInUseError
        | ProcessError
        | UnknownSampleDataError
        | ToolchainError
        | ConfigurationError
        | StorageError
        | ClusterError
        | RunFolderInUseError,
    )
