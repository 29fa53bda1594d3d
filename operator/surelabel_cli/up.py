"""``surelabel up``: a local cluster with Ray and the operator, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from types import FrameType

from surelabel_cli.local_stack import RAY_NAME, LocalStack, local_stack
from surelabel_cli.samples import prepare_samples

__all__ = ["LocalStack", "local_stack", "up"]

DEFAULT_FOLDER = Path(".surelabel/up")


def up(*, kubeconfig: Path | None = None, workdir: Path | None = None) -> None:
    """Start everything, say how to reach it, and wait; returns after Ctrl-C or SIGTERM, when
    nothing runs any more."""
    folder = workdir or DEFAULT_FOLDER
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with local_stack(folder, kubeconfig=kubeconfig, say=_say) as stack:
            stack.data.mkdir(exist_ok=True)
            samples = prepare_samples(stack.data)
            _say(_how_to_reach(stack, samples))
            while True:
                time.sleep(1)
                stack.check()
    except KeyboardInterrupt:
        _say("stopped; the same command continues in the same folder")
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _how_to_reach(stack: LocalStack, samples: list[Path]) -> str:
    return "\n".join(
        (
            "",
            f"export KUBECONFIG={stack.kubeconfig}",
            f"export PATH={stack.kubectl.parent}:$PATH    # kubectl and helm",
            "",
            f"Ray dashboard   {stack.ray_url}",
            f"  its token     {stack.ray.token_file}",
            f"Metrics         {stack.metrics_url}",
            f"Logs            {stack.folder}/logs, {stack.folder}/ray/logs",
            f"Data of jobs    {stack.data}",
            f"Jobs name this Ray cluster as compute.ray.address.name: {RAY_NAME}",
            "Samples, their data made:",
            *(f"  kubectl apply --server-side -f {path}" for path in samples),
            "",
            "Ctrl-C ends all of it; the folder keeps what was done.",
        )
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
