"""Bare Kopf: what an operator costs that does nothing. Says when it has seen all objects.

``KUBECONFIG=... python kopf_peer.py NAMESPACE COUNT``: prints "seen" once it saw COUNT of them.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import kopf

NAMESPACE, COUNT = sys.argv[1], int(sys.argv[2])
SEEN: set[str] = set()


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.queueing.idle_timeout = 1


@kopf.on.login()
def login(**arguments: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_kubeconfig(**arguments)


@kopf.on.event("surelabel.dev", "v1alpha1", "labelingjobs")
async def job(name: str | None, **_: Any) -> None:
    SEEN.add(str(name))
    if len(SEEN) == COUNT:
        sys.stdout.write("seen\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(kopf.operator(standalone=True, namespaces=[NAMESPACE]))
