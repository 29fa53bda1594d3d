"""What the exit status of a stage means for its retry. See surelabel.stages.runner."""

from __future__ import annotations

import signal

from surelabel_operator.observed import FailureClass

# A retry would fail the same way.
EXIT_CONFIGURATION = 2
# The store could not be asked.
EXIT_UNAVAILABLE = 3
# A shell between Ray and the program tells a signal so.
_SIGNALED = 128


def class_of_exit(exit_code: int) -> FailureClass:
    """Who is at fault, by the status with which the stage's program ended."""
    if exit_code == EXIT_CONFIGURATION:
        return FailureClass.CONFIGURATION
    if exit_code == EXIT_UNAVAILABLE:
        return FailureClass.INFRASTRUCTURE
    return FailureClass.APPLICATION


def signal_of_exit(exit_code: int) -> int | None:
    """The signal that ended the program; None: it ended by itself."""
    if exit_code < 0:
        return -exit_code
    return exit_code - _SIGNALED if _SIGNALED < exit_code <= _SIGNALED + signal.SIGRTMAX else None
