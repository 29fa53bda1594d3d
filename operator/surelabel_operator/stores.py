"""Opens the store of a LabelingJob as trust allows it, and remembers what it opened.

Credentials are read from the Secret by name, kept for a minute, and given to the store client
only.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from surelabel_contract.errors import ConfigurationError, uri_of_field
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Folder, Storage
from surelabel_operator.calls import store_observer
from surelabel_operator.child_trust import Target
from surelabel_operator.cluster import Cluster
from surelabel_operator.logging import SecretText
from surelabel_operator.reasons import Reason
from surelabel_operator.resources import LabelingJob
from surelabel_operator.settings import Settings
from surelabel_operator.trust import storage_access, use_problem

_SECRET_SECONDS = 60.0
_OPEN_MAX = 64
# A store that hangs must not hold a worker for long; the queue tries again.
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class JobStore:
    """The job's folder and what its stages may touch."""

    folder: Folder
    stage_access: StorageAccess


class Stores:
    """The stores of all jobs of one cluster."""

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self._cluster = cluster
        self._settings = settings
        self._open: OrderedDict[tuple[object, ...], Storage] = OrderedDict()
        self._secrets: dict[tuple[str, str], tuple[float, Mapping[str, SecretText]]] = {}

    async def open(self, job: LabelingJob, ray: Target) -> JobStore:
        """The job's store; ConfigurationError where the namespace may not use it.

        Manifest, model and output are checked here, so that a refusal does not wait for a stage.
        """
        spec, namespace = job.spec, job.metadata.namespace
        secret, ca_certificate = None, None
        if spec.storage.secret_name is not None:
            secret = await self._secret(namespace, "secretName", spec.storage.secret_name)
        if spec.storage.ca_secret_name is not None:
            ca_certificate = await self._ca_certificate(namespace, spec.storage.ca_secret_name)
        access = storage_access(
            self._settings,
            namespace,
            spec.storage,
            secret,
            own_ray=ray.own,
            output=job.folder_uri,
            ca_certificate=ca_certificate,
        )
        stages = self._storage(access.stages, None)
        storage = self._storage(access.operator, access.credentials)
        # Without a client: the stages' credentials are not here.
        with uri_of_field("spec.input.manifest"):
            stages.check(spec.input.manifest)
        auto = spec.auto_labeling
        if auto is not None and auto.initial_model_uri is not None:
            with uri_of_field("spec.autoLabeling.initialModelURI"):
                stages.check(auto.initial_model_uri)
        with uri_of_field("spec.output.uri"):
            stages.check(spec.output.uri)
            storage.check(job.folder_uri)
        return JobStore(storage.folder(job.folder_uri), access.stages)

    def _storage(
        self, access: StorageAccess, credentials: Mapping[str, SecretText] | None
    ) -> Storage:
        # None and nothing differ: the first stands for the operator's own credentials.
        given = None if credentials is None else tuple(sorted(credentials.items(), key=_name))
        key = (access, given)
        storage = self._open.get(key)
        if storage is None:
            storage = self._open[key] = Storage(
                access,
                None if given is None else {name: value.reveal() for name, value in given},
                timeout_seconds=_TIMEOUT_SECONDS,
                observer=store_observer,
            )
            if len(self._open) > _OPEN_MAX:
                self._open.popitem(last=False)
        self._open.move_to_end(key)
        return storage

    async def _ca_certificate(self, namespace: str, name: str) -> str:
        values = await self._secret(namespace, "caSecretName", name)
        if "ca.crt" not in values:
            raise ConfigurationError(
                Reason.SECRET_NOT_FOUND,
                f"spec.storage.caSecretName: Secret {name!r} must have the key 'ca.crt' with "
                f"certificates in PEM; got {sorted(values)}.",
            )
        return values["ca.crt"].reveal()

    async def _secret(self, namespace: str, field: str, name: str) -> Mapping[str, SecretText]:
        read, values = self._secrets.get((namespace, name), (-_SECRET_SECONDS, {}))
        if time.monotonic() - read < _SECRET_SECONDS:
            return values
        secret = await self._cluster.get_secret(namespace, name)
        if secret is None:
            self._secrets.pop((namespace, name), None)
            raise ConfigurationError(
                Reason.SECRET_NOT_FOUND,
                f"spec.storage.{field}: no Secret {name!r} in namespace {namespace!r}, or the "
                "operator may not get it there. Create it, or bind the operator's Secret role.",
            )
        if (problem := use_problem(secret.labels, "storage")) is not None:
            raise ConfigurationError(
                Reason.SECRET_NOT_ALLOWED, f"spec.storage.{field}: Secret {name!r} {problem}"
            )
        values = {
            key: SecretText(value.decode(errors="replace")) for key, value in secret.data.items()
        }
        self._secrets[namespace, name] = (time.monotonic(), values)
        return values


def _name(item: tuple[str, SecretText]) -> str:
    return item[0]
