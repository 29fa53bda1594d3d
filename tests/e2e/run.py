"""`make e2e`: builds what a real cluster needs, says what is missing, and runs the suite.

    python tests/e2e/run.py [pytest's arguments]
    python tests/e2e/run.py --smoke

With SURELABEL_E2E_KUBECONFIG it runs on that cluster and builds nothing but kubectl and Helm.
``--smoke`` is the shortest part: a node of our own, the chart, the digits through
RayJobs; where that cannot run, the reason is printed and nothing has failed.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from e2e.node_images import build_node_images
from e2e.prerequisites import why_no_node
from e2e.real_cluster import KUBECONFIG_VARIABLE, given_kubeconfig
from e2e.root import ImagesError
from e2e.tools import build_node_tools
from surelabel_cli.go_build import GoBuildError
from surelabel_cli.toolchain import ToolchainError, find_toolchain

_SUITE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """The exit status: pytest's, or 1 with one line of reason where the suite cannot run."""
    smoke = arguments == ["--smoke"]
    given = None if smoke else given_kubeconfig()
    reason = why_no_node() if given is None else _why_not(given)
    if reason is not None:
        sys.stderr.write(f"{'The real node is left out. ' if smoke else ''}{reason}\n")
        return 0 if smoke else 1
    # Whoever ends make ends the cluster too, not only this process.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        if given is None:
            tools = build_node_tools()
            sys.stderr.write("images: building what has changed\n")
            build_node_images(tools)
        else:
            find_toolchain()
    except (GoBuildError, ToolchainError, ImagesError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    os.environ.pop("KUBECONFIG", None)
    if smoke:
        os.environ.pop(KUBECONFIG_VARIABLE, None)
        return int(pytest.main(["-m", "e2e and smoke", "--durations=5", str(_SUITE)]))
    named = any(Path(each.partition("::")[0]).exists() for each in arguments)
    what = arguments if named else [str(_SUITE), *arguments]
    return int(pytest.main(["-m", "e2e", "--durations=15", *what]))


def _why_not(kubeconfig: Path) -> str | None:
    return None if kubeconfig.exists() else f"KUBECONFIG={kubeconfig}: there is no such file."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
