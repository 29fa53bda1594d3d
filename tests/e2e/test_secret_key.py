"""The bucket's secret key stands in no object, log or file of a job but in its Secret."""

from __future__ import annotations

import threading

import pytest

from chart.cluster import Kubectl
from e2e.cluster import FOLDER
from e2e.installed import DEPLOYMENT
from e2e.labeling import Labeling

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_KINDS = "slj,workteams,rayjobs,rayclusters,pods,jobs,services,configmaps,events,leases"
_HEAD = "ray.io/node-type=head"
# Ray's files with the secret in them; and those with what every stage's entrypoint has in it,
# which show that the search works.
_SEARCH = """
grep -rlF -- "$1" /tmp/ray | sed 's/^/secret in /'
grep -rlF -- surelabel.stages /tmp/ray | sed 's/^/entrypoint in /'
"""


class _Looks:
    """What is seen of a job in a namespace, again and again while it runs."""

    def __init__(self, kubectl: Kubectl, namespace: str, secret: str) -> None:
        self._kubectl, self._place, self._secret = kubectl, f"-n={namespace}", secret
        self.texts: dict[str, str] = {}
        self.files: set[str] = set()

    def until(self, over: threading.Event) -> None:
        """Look till then: objects, logs and files come and go, each look counts."""
        number = 0
        while not over.wait(0.5):
            number += 1
            self.texts[f"objects {number}"] = self._ask("get", _KINDS, "-o=yaml")
            logs = ("logs", f"-l={_HEAD}", "--tail=-1", "--all-containers")
            self.texts[f"Ray's log {number}"] = self._ask(*logs)
            self._look_into_files()

    def _look_into_files(self) -> None:
        running = "--field-selector=status.phase=Running"
        for head in self._ask("get", "pods", f"-l={_HEAD}", running, "-o=name").split():
            # Nothing of a head that has gone meanwhile.
            found = self._ask("exec", head, "--", "sh", "-c", _SEARCH, "sh", self._secret)
            self.files |= set(found.splitlines())

    def _ask(self, *arguments: str) -> str:
        return self._kubectl.ask(self._place, *arguments).out


def test_the_secret_key_of_the_bucket_is_nowhere(own_labeling: Labeling, kubectl: Kubectl) -> None:
    secret = own_labeling.store.secret_key
    looks, over = _Looks(kubectl, own_labeling.namespace, secret), threading.Event()
    watching = threading.Thread(target=looks.until, args=[over], daemon=True)
    watching.start()
    own_labeling.apply(own_labeling.body())
    own_labeling.wait("Succeeded", "True")
    over.set()
    watching.join(60)
    seen = looks.texts
    seen["operator"] = own_labeling.do("logs", DEPLOYMENT, "--tail=-1")
    seen["manifest"] = own_labeling.manifest().decode()
    for log in (FOLDER / "logs").glob("*.log"):
        seen[log.name] = log.read_text(errors="replace")
    assert len(seen) > 10
    assert any("rayClusterName" in text for text in seen.values())
    assert [where for where, text in seen.items() if secret in text] == []
    assert any(line.startswith("entrypoint in ") for line in looks.files)
    assert [line for line in looks.files if line.startswith("secret in ")] == []
