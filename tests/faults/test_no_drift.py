"""Whoever applied a LabelingJob from Git finds nothing changed, whenever they look.

The operator writes status and nothing else: no spec, labels, annotations or finalizers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from faults import small_job
from faults.fork_server import ForkServer
from faults.workbench import Workbench, condition, until
from gitops.argocd import run, script

if TYPE_CHECKING:
    from conftest import SharedControlPlane

pytestmark = [pytest.mark.cluster]

STAGES = ("pre", "ann", "con", "tra", "inf", "exp")
MANAGER = "git"
_SERVERS_OWN = ("resourceVersion", "managedFields")


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory,
    control_plane: SharedControlPlane,
    fork_server: ForkServer,
) -> Iterator[Workbench]:
    folder = tmp_path_factory.mktemp("drift")
    with Workbench(folder, control_plane.kubeconfig, fork_server.address) as found:
        yield found.start()


class Git:
    """The manifests, applied server-side under a field manager of its own, as GitOps tools do."""

    def __init__(self, bench: Workbench, plane: SharedControlPlane) -> None:
        self._bench, self._plane = bench, plane
        self._first: dict[str, Any] = {}
        self.manifest = bench.body()
        # Both are the user's, who must find them as they were.
        self.manifest["metadata"]["labels"] = {"team": "vision"}
        self.manifest["metadata"]["annotations"] = {"example.com/reviewed-by": "ada"}

    def apply(self, *options: str, manager: str = MANAGER) -> dict[str, Any]:
        """The object as the API server has it then, or would have it."""
        return json.loads(self._kubectl("apply", manager, "-o", "json", *options))

    def push(self, **spec: Any) -> None:
        """A commit that changes the spec, and its synchronisation."""
        self.manifest["spec"].update(spec)
        self._first = self.apply()

    def check(self) -> None:
        """Nothing has drifted since the last synchronisation."""
        live = self._bench.job()
        for manager in (MANAGER, "another-tool"):
            would = self.apply("--dry-run=server", manager=manager)
            assert _of_git(would) == _of_git(live) == _of_git(self._first), manager
        assert "finalizers" not in live["metadata"]
        for entry in live["metadata"]["managedFields"]:
            if entry["manager"] != MANAGER:
                assert entry["subresource"] == "status"
                assert set(entry["fieldsV1"]) == {"f:status"}
        until("a diff with the status at rest", self._is_without_diff)

    def _is_without_diff(self) -> bool:
        """Whether the diff can be trusted, which then is empty."""
        before = self._bench.job()
        found = self._kubectl("diff", MANAGER, check=False)
        if self._bench.job() != before:
            return False
        assert found == ""
        return True

    def _kubectl(self, verb: str, manager: str, *options: str, check: bool = True) -> str:
        return self._plane.kubectl(
            verb,
            "--server-side",
            f"--field-manager={manager}",
            *options,
            "-n",
            self._bench.namespace,
            "-f",
            "-",
            text=json.dumps(self.manifest),
            check=check,
        )


def health(bench: Workbench) -> str:
    """What Argo CD says of the job."""
    found: str = run(script("LabelingJob/health.lua"), bench.job())["status"]
    return found


def _of_git(body: dict[str, Any]) -> dict[str, Any]:
    """Spec and metadata, but for what the API server itself changes with every write."""
    metadata = {k: v for k, v in body["metadata"].items() if k not in _SERVERS_OWN}
    return {"metadata": metadata, "spec": body["spec"]}


def test_the_manifest_shows_no_difference_at_any_point_of_a_jobs_life(
    bench: Workbench, control_plane: SharedControlPlane
) -> None:
    git = Git(bench, control_plane)
    for code in STAGES:
        bench.hold(code)
    git.push()
    git.check()
    for code in STAGES:
        bench.wait_running(code)
        git.check()
        assert health(bench) == "Progressing"
        if code == "tra":
            git.push(suspend=True)
            bench.wait("Suspended", "True", reason="Suspended")
            git.check()
            assert health(bench) == "Suspended"
            git.push(suspend=False)
            bench.wait_running(code)
            git.check()
        bench.release(code)
    job = bench.wait("Succeeded", "True")
    git.check()
    assert job["metadata"]["generation"] == 3
    assert health(bench) == "Healthy"
    # A finished job takes in what Git says, and does nothing about it.
    git.push(suspend=True)
    bench.wait("Succeeded", "True")
    git.check()
    bench.delete()


def test_a_stalled_job_shows_no_difference_and_goes_on_when_git_mends_it(
    bench: Workbench, control_plane: SharedControlPlane
) -> None:
    git = Git(bench, control_plane)
    workforce = git.manifest["spec"]["workforce"]
    out = {"uri": f"file://{bench.folder}/mended"}
    git.push(workforce={**workforce, "workTeam": "nobody"}, output=out)
    bench.wait("Stalled", "True", reason="WorkTeamNotFound")
    git.check()
    assert health(bench) == "Degraded"
    git.push(workforce=workforce)
    job = bench.wait("Succeeded", "True")
    assert condition(job, "Stalled")["status"] == "False"
    git.check()
    # The comparison sees what somebody else writes.
    bench.patch({"stopping": {"maxRounds": 3}})
    with pytest.raises(AssertionError):
        git.check()
    bench.delete()


def test_the_work_team_shows_no_difference(
    bench: Workbench, control_plane: SharedControlPlane
) -> None:
    def kubectl(*arguments: str) -> str:
        return control_plane.kubectl(
            *arguments,
            "--server-side",
            f"--field-manager={MANAGER}",
            "-n",
            bench.namespace,
            "-f",
            "-",
            text=json.dumps(small_job.team(bench.data)),
        )

    kubectl("apply", "--force-conflicts")
    control_plane.kubectl(
        "-n", bench.namespace, "wait", "swt/team", "--for=condition=Ready", "--timeout=60s"
    )
    assert kubectl("diff") == ""
