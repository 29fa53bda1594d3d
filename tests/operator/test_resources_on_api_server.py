"""The CRDs on the real API server: every rule accepts and refuses, and kubectl shows the object."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from resource_bound_cases import LONGEST, all_cases
from resource_cases import FULL, FULL_JOB, REMOVED, Case, changed
from surelabel_operator.crd import KINDS, build_schema
from surelabel_operator.generate import ROOT, crd_yaml
from surelabel_operator.resources import read_labeling_job, read_work_team
from surelabel_operator.validation import validate_object

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

GROUP, VERSION = "surelabel.dev", "v1alpha1"
PLURAL = {kind.name: kind.plural for kind in KINDS}
# What the server adds when the schema alone refuses: it has not looked further.
NOT_CHECKED = "some validation rules were not checked because the object was invalid"


class Server:
    """The API server with our CRDs, and a namespace of this module's own."""

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig
        api = config.new_client_from_config(config_file=kubeconfig)
        self.objects = client.CustomObjectsApi(api)
        self.namespace = f"resources-{uuid.uuid4().hex[:8]}"
        self._install(api)

    def _install(self, api: client.ApiClient) -> None:
        definitions = client.ApiextensionsV1Api(api)
        for kind in KINDS:
            body = yaml.safe_load(crd_yaml(kind.name))
            try:
                definitions.create_custom_resource_definition(body)
            except client.ApiException as error:
                if error.status != 409:
                    raise
                definitions.patch_custom_resource_definition(kind.crd_name, body)
        client.CoreV1Api(api).create_namespace({"metadata": {"name": self.namespace}})
        for kind in KINDS:
            _until_served(self, kind.plural)

    def create(self, obj: dict[str, Any], **options: Any) -> dict[str, Any]:
        body = copy.deepcopy(obj)
        body["metadata"]["namespace"] = self.namespace
        created: dict[str, Any] = self.objects.create_namespaced_custom_object(
            GROUP,
            VERSION,
            self.namespace,
            PLURAL[obj["kind"]],
            body,
            field_validation="Strict",
            **options,
        )
        return created

    def replace(self, obj: dict[str, Any], **options: Any) -> dict[str, Any]:
        replaced: dict[str, Any] = self.objects.replace_namespaced_custom_object(
            GROUP,
            VERSION,
            self.namespace,
            PLURAL[obj["kind"]],
            obj["metadata"]["name"],
            obj,
            field_validation="Strict",
            **options,
        )
        return replaced

    def patch_status(self, obj: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
        patched: dict[str, Any] = self.objects.patch_namespaced_custom_object_status(
            GROUP,
            VERSION,
            self.namespace,
            PLURAL[obj["kind"]],
            obj["metadata"]["name"],
            {"status": status},
        )
        return patched

    def delete(self, obj: dict[str, Any]) -> None:
        self.objects.delete_namespaced_custom_object(
            GROUP, VERSION, self.namespace, PLURAL[obj["kind"]], obj["metadata"]["name"]
        )


def _until_served(server: Server, plural: str) -> None:
    for _ in range(100):
        try:
            server.objects.list_namespaced_custom_object(GROUP, VERSION, server.namespace, plural)
        except client.ApiException as error:
            if error.status != 404:
                raise
        else:
            return
    raise AssertionError(f"{plural} are not served")


@pytest.fixture(scope="module")
def server(control_plane: Any) -> Server:
    return Server(str(control_plane.kubeconfig))


def refusals(error: client.ApiException) -> set[str]:
    """What the user reads, a line per cause; without the server's note on what it skipped."""
    details = json.loads(error.body)["details"]
    return {
        f"{cause['field']}: {cause['message']}"
        for cause in details["causes"]
        if NOT_CHECKED not in cause["message"]
    }


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_every_rule_accepts_and_refuses(case: Case, server: Server) -> None:
    if not case.update:
        server.create(case.object(case.good), dry_run="All")
        with pytest.raises(client.ApiException) as refused:
            server.create(case.object(case.bad), dry_run="All")
        assert refusals(refused.value) == case.refusals
        return
    existing = server.create(case.object({}))
    try:
        if case.status is not None:
            existing = server.patch_status(existing, case.status)
        server.replace(changed(existing, case.good), dry_run="All")
        with pytest.raises(client.ApiException) as refused:
            server.replace(changed(existing, case.bad), dry_run="All")
        assert refusals(refused.value) == case.refusals
    finally:
        server.delete(existing)


@pytest.mark.parametrize("kind", sorted(FULL))
def test_a_status_that_was_never_written_says_that_no_generation_was_seen(
    kind: str, server: Server
) -> None:
    created = server.create(FULL[kind], dry_run="All")
    assert created["status"] == {"observedGeneration": -1}


def test_defaults_are_those_of_the_models(server: Server) -> None:
    small = changed(FULL_JOB, {"spec": SMALL_SPEC})
    created = server.create(small, dry_run="All")
    assert read_labeling_job(created).spec == read_labeling_job(small).spec


SMALL_SPEC: dict[str, Any] = {
    "taskType": "TextClassification",
    "labels": [{"name": "a"}, {"name": "b"}],
    "input": {"manifest": "file:///in"},
    "output": {"uri": "file:///out"},
    "workforce": {"workTeam": "team"},
    "autoLabeling": {},
    "compute": {"ray": {"address": {"name": "local"}}, "stages": [{"name": "train"}]},
}


def test_spec_and_status_are_written_apart(server: Server) -> None:
    existing = server.create(FULL_JOB)
    try:
        patched = server.patch_status(existing, {"activeSeconds": 5, "spec": {"suspend": True}})
        assert patched["status"]["activeSeconds"] == 5
        assert patched["metadata"]["generation"] == 1
        assert "spec" not in patched["status"]
        replaced = server.replace(changed(patched, {"status.activeSeconds": 9}))
        assert replaced["status"]["activeSeconds"] == 5
    finally:
        server.delete(existing)


def largest(schema: dict[str, Any], name: str = "") -> Any:
    """The largest value of the field that the bounds allow, whatever most CEL rules say of it."""
    if "enum" in schema:
        return max(schema["enum"], key=len)
    if schema["type"] == "object":
        return {name: largest(child, name) for name, child in schema.get("properties", {}).items()}
    if schema["type"] == "array":
        entries = [largest(schema["items"]) for _ in range(schema["maxItems"])]
        for position, entry in enumerate(entries):
            for key in schema.get("x-kubernetes-list-map-keys", ()):
                names = schema["items"]["properties"][key].get("enum")
                entry[key] = names[position] if names else f"{entry[key][:-5]}{position:05d}"
        return entries
    if schema["type"] == "string":
        longest = LONGEST.get(name) if name in ("key", "rayVersion") else None
        first = "/" if name == "mountPath" else ""
        return longest or first + "a" * (schema["maxLength"] - len(first))
    return schema["maximum"] if schema["type"] == "integer" else False


@pytest.mark.parametrize(
    ("kind", "way"), [("LabelingJob", "address"), ("LabelingJob", "cluster"), ("WorkTeam", "")]
)
def test_the_largest_object_that_the_schema_allows_can_be_created_and_changed(
    kind: str, way: str, server: Server
) -> None:
    model = next(k.model for k in KINDS if k.name == kind)
    spec = largest(build_schema(model)["properties"]["spec"])
    uri = "s3://b/" + "a" * 1_017
    obj = changed(FULL[kind], {"spec": spec})
    if kind == "LabelingJob":
        money = {"amount": "999999999999.999999", "currency": "USD"}
        obj = changed(
            obj,
            {
                "metadata.name": "a" * 40,
                # Only these may have all parts of the spec, but for a tolerance.
                "spec.taskType": "ImageClassification",
                "spec.autoLabeling.tolerancePermille": REMOVED,
                "spec.autoLabeling.encoder": {"uri": uri},
                "spec.autoLabeling.model.name": REMOVED,
                "spec.autoLabeling.model.entrypoint": "a" * 127 + ":" + "A" * 128,
                "spec.autoLabeling.initialModelURI": uri,
                "spec.consolidation.method": "HierarchicalDawidSkene",
                "spec.input": {"manifest": uri},
                "spec.output.uri": uri,
                "spec.storage.endpoint": "https://" + "a" * 1_016,
                "spec.storage.serverSideEncryption.type": "aws:kms",
                "spec.stopping.maxCost": money,
                "spec.workforce.pricePerAnnotation": money,
            },
        )
        ray = spec["compute"]["ray"]
        ray["address"] = {"url": "https://" + "a" * 504}
        obj = changed(obj, {"spec.compute.ray": {way: ray[way]}})
    else:
        obj = changed(obj, {"spec.simulated.truthURI": uri})
    created = server.create(obj)
    try:
        # Rules on changes cost as well.
        server.replace(created)
        assert validate_object(obj) == []
    finally:
        server.delete(created)


STATUS = {
    "observedGeneration": 1,
    "startTime": "2026-01-01T00:00:00Z",
    "step": {
        "round": 4,
        "stage": "train",
        "generation": 1,
        "name": "birds-1a2b3c4d5e-r004-tra-p1-a1",
        "recordedTime": "2026-01-01T00:00:00Z",
    },
    "labelCounters": {"total": 12000, "humanLabeled": 900, "machineLabeled": 4224},
    "labeledFraction": "0.4270",
    "certificate": {"errorBoundPermille": 41, "riskPermille": 50},
    "cost": {"amount": "32.52", "currency": "USD", "allHumanAmount": "432.00"},
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Progressing",
            "message": "Round 4 trains.",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ],
}


@pytest.fixture
def job_with_status(server: Server) -> Iterator[dict[str, Any]]:
    created = server.create(FULL_JOB)
    yield server.patch_status(created, STATUS)
    server.delete(created)


def test_kubectl_shows_the_columns(
    server: Server, control_plane: Any, job_with_status: dict[str, Any]
) -> None:
    def get(*arguments: str) -> list[str]:
        return control_plane.kubectl("get", "-n", server.namespace, *arguments).splitlines()

    head, row = get("slj")
    assert " ".join(head.split()) == "NAME READY STAGE ROUND LABELED HUMAN MACHINE REASON AGE"
    assert " ".join(row.split()).startswith("birds True train 4 0.4270 900 4224 Progressing ")
    head, row = get("slj", "-o", "wide")
    assert head.split()[9:] == ["BOUND", "COST", "MESSAGE"]
    assert row.split()[9:] == ["41", "32.52", "Round", "4", "trains."]
    assert "labelingjob.surelabel.dev/birds" in get("surelabel", "-o", "name")


def test_the_operator_reads_back_the_status_that_it_wrote(
    job_with_status: dict[str, Any],
) -> None:
    status = read_labeling_job(job_with_status).status
    assert status.step is not None
    assert (status.step.round, status.label_counters.total) == (4, 12_000)
    assert status.observed_generation == 1


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("slj.spec.autoLabeling.targetErrorPermille", "So many of 1,000 machine labels"),
        ("slj.status.step", "The step being carried out"),
        ("swt.spec.simulated", "Simulated people"),
    ],
)
def test_kubectl_explains_fields(
    field: str, expected: str, server: Server, control_plane: Any
) -> None:
    explained = control_plane.kubectl("explain", field)
    assert expected in " ".join(explained.split())


SAMPLES = sorted((ROOT / "crds" / "samples").glob("*.yaml"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_is_accepted(path: Any, server: Server) -> None:
    documents = list(yaml.safe_load_all(path.read_text()))
    assert {document["kind"] for document in documents} == {"LabelingJob", "WorkTeam"}
    for document in documents:
        created = server.create(document, dry_run="All")
        read = read_labeling_job if document["kind"] == "LabelingJob" else read_work_team
        assert read(created).metadata.name == document["metadata"]["name"]
