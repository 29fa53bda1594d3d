"""What a namespace may have KubeRay run for it. Pure, and everything fails closed."""

from __future__ import annotations

from dataclasses import dataclass

from surelabel_contract.errors import ConfigurationError
from surelabel_operator.resources import KubeRayCluster, LabelingJobSpec
from surelabel_operator.resources.kube_ray import RAY_VERSION_RULE, is_ray_version
from surelabel_operator.settings import AllowedName, KubeRay, Settings
from surelabel_operator.trust import RayTarget, ray_target

STAGE_SERVICE_ACCOUNT = "surelabel-stage"
_FIELD = "spec.compute.ray.cluster.template"


@dataclass(frozen=True)
class ChildTarget:
    """RayJobs in the job's namespace: with pods of the job's own, or on a RayCluster there."""

    namespace: str
    # Exactly one of these two.
    cluster: KubeRayCluster | None = None
    selector: str | None = None
    # Of the pods; "" with a selector.
    image: str = ""
    ray_version: str = ""
    service_account: str = ""
    # Mounted into the job's own pods.
    storage_secret: str | None = None

    @property
    def own(self) -> bool:
        """The pods' credentials are the namespace's."""
        return True


Target = RayTarget | ChildTarget


def compute_target(settings: Settings, namespace: str, spec: LabelingJobSpec) -> Target:
    """Where the job's stages run; ConfigurationError if the namespace may not run them there."""
    ray = spec.compute.ray
    if ray.cluster is None and ray.selector is None:
        return ray_target(settings, namespace, ray.address)
    if settings.kube_ray is None:
        way = "cluster" if ray.cluster is not None else "selector"
        raise ConfigurationError(
            "RayNotAllowed",
            f"spec.compute.ray.{way}: the operator's settings have no kubeRay. Ask who runs the "
            "operator to install KubeRay and set it, or use spec.compute.ray.address.",
        )
    if ray.selector is not None:
        return ChildTarget(namespace, selector=ray.selector.name)
    cluster = ray.cluster or KubeRayCluster()
    image, version = _image(settings.kube_ray, namespace, cluster)
    return ChildTarget(
        namespace,
        cluster=cluster,
        image=image,
        ray_version=version,
        service_account=_service_account(settings.kube_ray, namespace, cluster),
        storage_secret=spec.storage.secret_name,
    )


def _image(allowed: KubeRay, namespace: str, cluster: KubeRayCluster) -> tuple[str, str]:
    template = cluster.template
    version = template.ray_version or allowed.ray_version
    # The schema asks for it too, but a job may be older than that rule.
    if not is_ray_version(version):
        raise ConfigurationError(
            "InvalidSpec", f"{_FIELD}.rayVersion: {RAY_VERSION_RULE}; got {version!r}."
        )
    if template.image is None or template.image == allowed.image:
        return allowed.image, version
    image = template.image
    prefixes = [p for entry in allowed.images if entry.serves(namespace) for p in entry.prefixes]
    if not any(_begins_with(image, prefix) for prefix in prefixes):
        raise ConfigurationError(
            "RayNotAllowed",
            f"{_FIELD}.image: must begin with a prefix that the operator's settings list for "
            f"namespace {namespace!r}; got {image!r}. Ask who runs the operator to add it to "
            "kubeRay.images, or leave it out.",
        )
    return image, version


def _begins_with(image: str, prefix: str) -> bool:
    """At the end of a part of the name only: team/app is no beginning of team/apple."""
    if image == prefix:
        return True
    return prefix[-1:] in ("/", ":", "@") and image.startswith(prefix)


def _service_account(allowed: KubeRay, namespace: str, cluster: KubeRayCluster) -> str:
    priority = cluster.template.priority_class_name
    if priority is not None and not _lists(allowed.priority_classes, namespace, priority):
        raise _unlisted("priorityClassName", "kubeRay.priorityClasses", namespace, priority)
    name = cluster.template.service_account_name or STAGE_SERVICE_ACCOUNT
    if name != STAGE_SERVICE_ACCOUNT and not _lists(allowed.service_accounts, namespace, name):
        raise _unlisted("serviceAccountName", "kubeRay.serviceAccounts", namespace, name)
    return name


def _lists(entries: tuple[AllowedName, ...], namespace: str, name: str) -> bool:
    return any(entry.name == name and entry.serves(namespace) for entry in entries)


def _unlisted(field: str, setting: str, namespace: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        "RayNotAllowed",
        f"{_FIELD}.{field}: must be listed in the operator's settings for namespace "
        f"{namespace!r}; got {got!r}. Ask who runs the operator to add it to {setting}, or leave "
        "it out.",
    )
