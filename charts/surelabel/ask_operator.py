"""What ``helm test`` runs: exit status 0 if the operator at ``host:port`` is ready and measured."""

from __future__ import annotations

import http.client
import sys
import time


def problem(address: str) -> str:
    """What is wrong with the operator's answers; empty if nothing is."""
    try:
        ready = get(address, "/readyz")
        if ready.status != 200:
            return f"/readyz says: {ready.read().decode().strip()}"
        # Line by line: thousands of jobs have megabytes of series. This one is 1 of the operator
        # that works, and 0 of one that waits for the Lease.
        found = any(
            line.startswith(b"labeling_leader_status ") for line in get(address, "/metrics")
        )
    except (OSError, http.client.HTTPException) as error:
        return f"it does not answer: {error!r}"
    return "" if found else "/metrics has no labeling_leader_status"


def get(address: str, path: str) -> http.client.HTTPResponse:
    """The answer to a GET; it is read by the caller."""
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.request("GET", path, headers={"Connection": "close"})
    return connection.getresponse()


def main(address: str, seconds: float) -> int:
    """Ask until all is well, at most so long; the exit status."""
    end = time.monotonic() + seconds
    while (found := problem(address)) and time.monotonic() < end:
        time.sleep(1)
    sys.stdout.write(f"operator at {address}: {found or 'ready'}\n")
    return 1 if found else 0


if __name__ == "__main__":
    # An operator that has just been installed may still start.
    sys.exit(main(sys.argv[1], 60))
