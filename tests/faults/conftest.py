"""The fork server, shared by a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.fork_server import ForkServer


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """Real processes in milliseconds."""
    with ForkServer() as server:
        yield server
