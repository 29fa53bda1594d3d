"""The S3 server of the suite, which stage and operator pods will use."""

from __future__ import annotations

import obstore
import pytest
from obstore.store import S3Store

from chart.cluster import Kubectl
from e2e.cluster import PROBE_IMAGE
from e2e.object_store import BUCKET, ObjectStore
from e2e.pods import pod, wait_for_pod
from e2e.real_cluster import RealCluster

pytestmark = pytest.mark.e2e


def opened(config: dict[str, str]) -> S3Store:
    return S3Store(BUCKET, config=config)  # type: ignore[arg-type]


def test_objects_outlive_the_server_which_lets_nobody_in_without_keys(
    real_cluster: RealCluster, kubectl: Kubectl, s3: ObjectStore, place: str
) -> None:
    with s3.reached() as config:
        obstore.put(opened(config), "a/b", b"kept")
        with pytest.raises(obstore.exceptions.AlreadyExistsError):
            obstore.put(opened(config), "a/b", b"other", mode="create")
    s3.stop()
    s3.start()
    with s3.reached() as config:
        assert bytes(obstore.get(opened(config), "a/b").bytes()) == b"kept"
    image, url = real_cluster.image(PROBE_IMAGE), f"{s3.endpoint}/{BUCKET}/a/b"
    stranger = pod("stranger", place, image, "get", url)
    kubectl.do("apply", "--server-side", objects=[stranger])
    wait_for_pod(kubectl, "stranger", place, "jsonpath={.status.phase}=Failed")
    assert "403" in kubectl.do("logs", "stranger", f"-n={place}")
