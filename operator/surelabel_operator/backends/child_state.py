"""What a RayJob's status means for its attempt. Pure; facts of KubeRay 1.5.1."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from surelabel_operator.children import Child
from surelabel_operator.failure_classes import class_of_exit, signal_of_exit
from surelabel_operator.observed import AttemptState, FailureClass, Problem
from surelabel_operator.reasons import Reason

# Ray's words for a driver that ended.
_EXIT = re.compile(r"exit code (-?\d+)")
_MEMORY = ("OutOfMemoryError", "due to the node running low on memory")
_ENDED = {
    "SUCCEEDED": AttemptState.SUCCEEDED,
    "STOPPED": AttemptState.STOPPED,
    "FAILED": AttemptState.FAILED,
}


@dataclass(frozen=True)
class Ending:
    """How an attempt failed: whose fault, a reason more exact than that, words for people."""

    failure: FailureClass | None
    reason: str | None
    message: str


def state_of(child: Child) -> AttemptState:
    """The state of the attempt, by KubeRay's status and Ray's."""
    if child.deployment in ("Failed", "ValidationFailed"):
        return AttemptState.FAILED
    if child.state in _ENDED:
        return _ENDED[child.state]
    # While it is deleted its Ray job is being stopped; the end is seen when it is gone.
    runs = child.deleting or child.state == "RUNNING"
    return AttemptState.RUNNING if runs else AttemptState.PENDING


def ending_of(child: Child, of_pods: Problem | None) -> Ending:
    """Why the failed RayJob failed; ``of_pods``: why one of its pods ended, if one did."""
    if "ValidationFailed" in (child.deployment, child.reason):
        text = f"KubeRay refuses the RayJob: {child.message}"
        return Ending(FailureClass.CONFIGURATION, None, text)
    if any(words in child.message for words in _MEMORY):
        text = f"Ray ran out of memory. Give the pods more memoryMiB. {child.message}"
        return Ending(FailureClass.APPLICATION, Reason.OUT_OF_MEMORY, text)
    found = _EXIT.search(child.message)
    exit_code = int(found[1]) if found else None
    ended_by = None if exit_code is None else signal_of_exit(exit_code)
    is_memory = of_pods is not None and of_pods.reason == Reason.OUT_OF_MEMORY
    # A task whose pod ran out of memory takes its stage with it, which exits by itself.
    if of_pods is not None and (
        exit_code is None or ended_by is not None or (is_memory and exit_code == 1)
    ):
        failure = FailureClass.APPLICATION if is_memory else FailureClass.INFRASTRUCTURE
        return Ending(failure, of_pods.reason, of_pods.message)
    if exit_code is None:
        text = f"{child.reason}: {child.message}".strip(": ")
        return Ending(FailureClass.INFRASTRUCTURE, None, text)
    if ended_by == signal.SIGKILL:
        # Nobody of ours sends it: it is the kernel, and where it ends one process of a pod alone
        # (cgroup v1) nothing else tells.
        text = (
            "the stage was killed, as the kernel does when memory is short. Give the pods more "
            f"memoryMiB. {child.message}"
        )
        return Ending(FailureClass.APPLICATION, Reason.OUT_OF_MEMORY, text)
    return Ending(class_of_exit(exit_code), None, child.message)
