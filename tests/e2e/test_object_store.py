"""The S3 server of the suite, which stage and operator pods will use."""

from __future__ import annotations

import os
import signal
import subprocess

import obstore
import pytest

from e2e.cluster import PROBE_IMAGE
from e2e.object_store import BUCKET, ObjectStore
from e2e.pods import pod, wait_for_pod
from e2e.real_cluster import RealCluster

pytestmark = pytest.mark.e2e


def test_objects_outlive_the_server_which_lets_nobody_in_without_keys(
    real_cluster: RealCluster, s3: ObjectStore, place: str
) -> None:
    with s3.reached() as bucket:
        obstore.put(bucket, "a/b", b"kept")
        with pytest.raises(obstore.exceptions.AlreadyExistsError):
            obstore.put(bucket, "a/b", b"other", mode="create")
    s3.stop()
    s3.start()
    with s3.reached() as bucket:
        assert bytes(obstore.get(bucket, "a/b").bytes()) == b"kept"
    answer = ""
    for number in range(10):
        answer = _asked_by_a_stranger(real_cluster, place, f"stranger-{number}", s3.endpoint)
        # The node learns a moment later where the new server is.
        if "connection refused" not in answer:
            break
    assert "403" in answer


def test_the_way_to_the_server_comes_back_when_it_is_lost(s3: ObjectStore) -> None:
    with s3.reached() as bucket:
        obstore.put(bucket, "c", b"before")
        listed = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(os.getpid())],
            check=True,
            capture_output=True,
            text=True,
        )
        ours = [line for line in listed.stdout.splitlines() if " port-forward " in line]
        (forward,) = [line for line in ours if f"--namespace={s3.namespace} " in line]
        os.kill(int(forward.split()[0]), signal.SIGKILL)
        assert bytes(obstore.get(bucket, "c").bytes()) == b"before"


def _asked_by_a_stranger(cluster: RealCluster, place: str, name: str, endpoint: str) -> str:
    """What a pod without keys is told of an object."""
    url = f"{endpoint}/{BUCKET}/a/b"
    stranger = pod(name, place, cluster.image(PROBE_IMAGE), "get", url)
    cluster.kubectl.do("apply", "--server-side", objects=[stranger])
    wait_for_pod(cluster.kubectl, name, place, "jsonpath={.status.phase}=Failed")
    return cluster.kubectl.do("logs", name, f"-n={place}")
