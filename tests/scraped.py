"""What an operator's /metrics says, for tests and benchmarks that count."""

from __future__ import annotations

import re
import urllib.request


def scrape(port: int) -> dict[str, float]:
    """Every series and its value."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if line and line[0] != "#")
    return {name: float(value) for name, _, value in pairs}


def writes_of(values: dict[str, float]) -> tuple[float, float]:
    """Writing requests to the API server: to the Lease, and all others."""
    lease = others = 0.0
    for name, value in values.items():
        if name.startswith("labeling_kube_requests_total") and not re.search(
            r'verb="(get|list|watch)"', name
        ):
            if 'resource="leases"' in name:
                lease += value
            else:
                others += value
    return lease, others
