"""What a namespace may have KubeRay run: everything that the settings do not list is refused."""

from __future__ import annotations

from typing import Any

import pytest

from job_factories import spec_of
from surelabel_contract.errors import ConfigurationError
from surelabel_operator.child_trust import ChildTarget, compute_target
from surelabel_operator.resources.kube_ray import is_ray_version
from surelabel_operator.settings import Settings
from surelabel_operator.trust import RayTarget

SETTINGS = Settings.from_yaml(
    """
    rayClusters: [{name: shared, url: "http://ray.example:8265", namespaces: [vision]}]
    kubeRay:
      image: surelabel/workloads:1
      rayVersion: 2.60.0
      images:
      - {namespaces: [vision], prefixes: [team/app, "mirror/surelabel/", "team/own:"]}
      serviceAccounts: [{name: stages, namespaces: [vision]}]
      priorityClasses: [{name: batch, namespaces: ["*"]}]
    """
)


def target(template: dict[str, Any], namespace: str = "vision", **storage: Any) -> ChildTarget:
    spec = spec_of(compute={"ray": {"cluster": {"template": template}}}, storage=storage or None)
    found = compute_target(SETTINGS, namespace, spec)
    assert isinstance(found, ChildTarget)
    return found


def test_an_address_is_judged_as_before() -> None:
    found = compute_target(SETTINGS, "vision", spec_of())
    assert found == RayTarget("http://ray.example:8265")


def test_a_template_that_says_nothing_gets_the_settings_image_and_our_service_account() -> None:
    found = target({}, secretName="s3")
    assert (found.image, found.ray_version) == ("surelabel/workloads:1", "2.60.0")
    assert (found.service_account, found.storage_secret) == ("surelabel-stage", "s3")


def test_a_selector_names_a_cluster_of_the_same_namespace_and_gets_no_secret() -> None:
    spec = spec_of(compute={"ray": {"selector": {"name": "ray"}}}, storage={"secretName": "s3"})
    found = compute_target(SETTINGS, "vision", spec)
    assert found == ChildTarget("vision", selector="ray")


@pytest.mark.parametrize(
    "image",
    ["surelabel/workloads:1", "team/app", "mirror/surelabel/workloads:2", "team/own:latest"],
)
def test_images_that_begin_with_a_listed_prefix_are_taken(image: str) -> None:
    assert target({"image": image}).image == image


@pytest.mark.parametrize(
    "image", ["team/apple", "team/app:1", "team/ownership:1", "mirror/surelabelled/x", "other/x"]
)
def test_images_that_only_look_like_one_are_refused(image: str) -> None:
    with pytest.raises(ConfigurationError, match=r"template\.image: must begin .*'" + image):
        target({"image": image})


@pytest.mark.parametrize(
    ("template", "namespace", "words"),
    [
        ({"image": "team/app"}, "speech", r"template\.image.*namespace 'speech'"),
        ({"serviceAccountName": "stages"}, "speech", r"template\.serviceAccountName"),
        ({"serviceAccountName": "default"}, "vision", r"template\.serviceAccountName"),
        ({"priorityClassName": "urgent"}, "vision", r"template\.priorityClassName"),
    ],
)
def test_what_is_not_listed_for_the_namespace_is_refused(
    template: dict[str, Any], namespace: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        target(template, namespace)
    assert error.value.reason == "RayNotAllowed"


def test_what_is_listed_is_taken() -> None:
    found = target({"serviceAccountName": "stages", "priorityClassName": "batch"})
    assert found.service_account == "stages"


def test_a_job_from_before_the_rule_with_a_ray_without_tokens_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"rayVersion: must be 2\.52\.0 or newer.*2\.51\.9"
    ):
        target({"rayVersion": "2.51.9"})


@pytest.mark.parametrize(
    ("version", "taken"),
    [
        *(
            (f"{major}.{minor}.{patch}", (major, minor) >= (2, 52))
            for major in (0, 1, 2, 3, 9, 10, 25)
            for minor in (0, 5, 9, 49, 51, 52, 53, 59, 60, 99, 100, 520)
            for patch in (0, 10)
        ),
        *(
            (text, False)
            for text in ("", "2.60", "2.060.0", "02.60.0", "2.60.0rc1", "2.60.0\n", "v2.60.0")
        ),
    ],
)
def test_rays_that_know_tokens_are_told_from_others(version: str, taken: bool) -> None:
    assert is_ray_version(version) is taken


@pytest.mark.parametrize("ray", [{"cluster": {}}, {"selector": {"name": "ray"}}])
def test_without_settings_for_kube_ray_nothing_is_allowed(ray: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="the operator's settings have no kubeRay"):
        compute_target(Settings(), "vision", spec_of(compute={"ray": ray}))
