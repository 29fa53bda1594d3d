"""The bucket's secret key stands in no object, log or file of a job but in its Secret."""

from __future__ import annotations

import threading

import pytest

from chart.cluster import Kubectl
from e2e.cluster import FOLDER
from e2e.installed import DEPLOYMENT
from e2e.labeling import HEAD, Labeling

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_KINDS = "slj,workteams,rayjobs,rayclusters,pods,jobs,services,configmaps,events,leases"
_HEAD = "ray.io/node-type=head"


def test_the_secret_key_of_the_bucket_is_nowhere(own_labeling: Labeling, kubectl: Kubectl) -> None:
    place, secret = f"-n={own_labeling.namespace}", own_labeling.store.secret_key
    seen: dict[str, str] = {}
    over = threading.Event()

    def watch() -> None:
        number = 0
        while not over.wait(1.5):
            # The children come and go; each look counts.
            number += 1
            seen[f"objects {number}"] = kubectl.ask("get", _KINDS, place, "-o=yaml").out
            logs = ("logs", f"-l={_HEAD}", place, "--tail=-1", "--all-containers")
            seen[f"Ray's log {number}"] = kubectl.ask(*logs).out

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    own_labeling.apply(
        own_labeling.body(compute={"ray": {"cluster": {"template": {"head": HEAD}}}})
    )
    own_labeling.started("inf")
    head = own_labeling.do("get", "pods", f"-l={_HEAD}", "-o=name").split()[0]
    found = ("sh", "-c", 'grep -rlF -- "$1" /tmp/ray || true', "sh")
    in_files = own_labeling.do("exec", head, "--", *found, secret)
    # The search works: the RayJob's own name stands in Ray's files.
    assert own_labeling.do("exec", head, "--", *found, "surelabel.stages") != ""
    own_labeling.wait("Succeeded", "True")
    over.set()
    watching.join(60)
    seen["operator"] = own_labeling.do("logs", DEPLOYMENT, "--tail=-1")
    seen["manifest"] = own_labeling.manifest().decode()
    for log in (FOLDER / "logs").glob("*.log"):
        seen[log.name] = log.read_text(errors="replace")
    assert len(seen) > 10
    assert any("rayClusterName" in text for text in seen.values())
    assert in_files == ""
    assert [where for where, text in seen.items() if secret in text] == []
