"""What `helm test` runs, against the operator's own server."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import AsyncIterator, Callable

import pytest

from chart.rendering import CHART
from surelabel_cli.processes import free_ports
from surelabel_operator.metrics import Metrics
from surelabel_operator.server import ProbeServer

ASK = runpy.run_path(str(CHART / "ask_operator.py"))


async def said(
    ready: str | None,
    render: Callable[[], AsyncIterator[bytes]],
    capsys: pytest.CaptureFixture[str],
) -> tuple[int, str]:
    """Exit status and output with an operator whose /readyz and /metrics are these."""
    server = ProbeServer(lambda: None, lambda: ready, render)
    await server.start("127.0.0.1", 0)
    address = f"127.0.0.1:{server.port}"
    try:
        status = await asyncio.to_thread(ASK["main"], address, 0)
    finally:
        await server.stop()
    return status, capsys.readouterr().out.replace(address, "A")


async def nothing() -> AsyncIterator[bytes]:
    yield b"# nothing\n"


async def test_an_operator_that_is_ready_and_measured_passes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await said(None, Metrics("1").render, capsys) == (0, "operator at A: ready\n")


async def test_one_that_is_not_ready_fails_with_its_own_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reason = "the LabelingJobs have not been listed yet"
    expected = (1, f"operator at A: /readyz says: {reason}\n")
    assert await said(reason, Metrics("1").render, capsys) == expected


async def test_one_without_metrics_fails(capsys: pytest.CaptureFixture[str]) -> None:
    expected = (1, "operator at A: /metrics has no labeling_leader_status\n")
    assert await said(None, nothing, capsys) == expected


def test_one_that_does_not_answer_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert ASK["main"](f"127.0.0.1:{free_ports(1)[0]}", 0) == 1
    assert "does not answer: ConnectionRefusedError" in capsys.readouterr().out
