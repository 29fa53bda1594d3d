"""Where this process runs: whose Lease it may hold, and under which name."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where this process runs: the Lease lies in ``namespace``."""

    namespace: str
    identity: str

    @classmethod
    def of_environment(cls) -> Place:
        """From the pod's fields; outside of a pod a name of its own for each process."""
        return cls(
            namespace=os.environ.get("POD_NAMESPACE") or "default",
            identity=os.environ.get("POD_NAME") or f"{socket.gethostname()}-{secrets.token_hex(4)}",
        )
