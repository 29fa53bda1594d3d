"""Who may only write LabelingJobs in one namespace gets at nothing of another, by no field.

Every field of the CRDs that takes a text stands here once: with a value that points at the other
namespace and what it is answered, or with the reason why it points at nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chart.cluster import Kubectl
from chart.isolation import POD_USER, USER, Other
from chart.rendering import CHART, RELEASE, Helm
from chart.site import Site
from chart.spec_fields import text_fields, values_at
from operator_bench import condition_of, team_of, wait_for
from surelabel_cli.control_plane import ControlPlane

pytestmark = pytest.mark.cluster

_TEMPLATE = "spec.compute.ray.cluster.template"
TRUTH = "spec.simulated.truthURI"
# Fields that take a text and name nothing that could be anybody's.
POINTS_AT_NOTHING = {
    "spec.labels[].name": "a word in answers and manifest",
    "spec.labelAttributeName": "a key of the manifest",
    "spec.input.auditLabelAttributeName": "a key of the manifest",
    "spec.storage.region": "a word that is sent to the endpoint",
    "spec.workforce.pricePerAnnotation.amount": "a number",
    "spec.workforce.pricePerAnnotation.currency": "a word",
    "spec.stopping.maxCost.amount": "a number",
    "spec.stopping.maxCost.currency": "a word",
    f"{_TEMPLATE}.rayVersion": "a version, by its rule",
    f"{_TEMPLATE}.workers[].name": "a name within the RayCluster",
    f"{_TEMPLATE}.volumeClaims[].mountPath": "a path within the pod",
    f"{_TEMPLATE}.env[].name": "a variable of pods that the author may create anyhow",
    f"{_TEMPLATE}.env[].value": "a variable of pods that the author may create anyhow",
    f"{_TEMPLATE}.labels[].key": "a label of pods that the author may create anyhow",
    f"{_TEMPLATE}.labels[].value": "a label of pods that the author may create anyhow",
    **{
        f"{_TEMPLATE}.{pods}.{part}": "chooses nodes for pods that the author may create anyhow"
        for pods in ("head", "workers[]")
        for part in (
            *("nodeSelector[].key", "nodeSelector[].value"),
            *("tolerations[].key", "tolerations[].value"),
        )
    },
    "spec.simulated.annotators[].name": "a word in answers",
    "spec.autoLabeling.encoder.package": "a file of a package where the stages run, by its rule",
    "spec.autoLabeling.model.parameters[].name": "a parameter of a constructor",
    "spec.autoLabeling.model.parameters[].value": "a number or a word for a constructor",
}


@pytest.fixture(scope="module")
def other(
    helm: Helm, devcluster_bin: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Other]:
    with ControlPlane(tmp_path_factory.mktemp("plane"), devcluster_bin) as plane:
        site = Site(helm, Kubectl(plane.kubectl, plane.kubeconfig), tmp_path_factory.mktemp("site"))
        try:
            found = Other(site)
            site.helm("install", RELEASE, CHART, values=found.values())
            found.prepare()
            naming = found.job({"storage": {"secretName": "s3"}})
            dry = lambda: found.kubectl.dry_run(naming, user=USER)  # noqa: E731
            wait_for(lambda: "only who may get a Secret" in dry(), "the policy")
            site.start(fake=False).wait_ready()
            yield found
        finally:
            site.close()


def template(**fields: Any) -> dict[str, Any]:
    return {"compute": {"ray": {"cluster": {"template": fields}}}}


NO_PODS = "spec.compute.ray.cluster: only who may create pods may have them created"
# Field, spec with OTHER (the namespace) and FOLDER (its data) in it, answer of the API server.
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (
        "spec.input.manifest",
        {"input": {"manifest": "file://MINE/../other/in.manifest"}},
        "must not contain '..'",
    ),
    ("spec.storage.secretName", {"storage": {"secretName": "s3"}}, "only who may get a Secret"),
    ("spec.storage.secretName", {"storage": {"secretName": "OTHER/s3"}}, "spec.storage.secretName"),
    ("spec.storage.caSecretName", {"storage": {"caSecretName": "s3"}}, "only who may get a Secret"),
    (
        "spec.workforce.workTeam",
        {"workforce": {"workTeam": "OTHER/theirs"}},
        "spec.workforce.workTeam",
    ),
    (
        "spec.compute.ray.selector.name",
        {"compute": {"ray": {"selector": {"name": "OTHER/theirs"}}}},
        "must be the name of a RayCluster",
    ),
    (
        "spec.compute.ray.cluster.queueName",
        {"compute": {"ray": {"cluster": {"queueName": "theirs"}}}},
        NO_PODS,
    ),
    (f"{_TEMPLATE}.image", template(image="theirs/x:1"), NO_PODS),
    (f"{_TEMPLATE}.serviceAccountName", template(serviceAccountName="theirs"), NO_PODS),
    (f"{_TEMPLATE}.priorityClassName", template(priorityClassName="theirs"), NO_PODS),
    (
        f"{_TEMPLATE}.envFrom[].secretName",
        template(envFrom=[{"secretName": "s3"}]),
        "ValidatingAdmissionPolicy",
    ),
    (
        f"{_TEMPLATE}.envFrom[].secretName",
        template(envFrom=[{"secretName": "OTHER/s3"}]),
        "envFrom[0].secretName",
    ),
    (
        f"{_TEMPLATE}.volumeClaims[].claimName",
        template(volumeClaims=[{"claimName": "OTHER/data", "mountPath": "/data"}]),
        "volumeClaims[0].claimName",
    ),
]  # fmt: skip
# The same, accepted by the API server: what the operator says. The second user may create pods
# and read the Secrets of its own namespace.
STALLED: list[tuple[str, str, dict[str, Any], str]] = [
    ("spec.input.manifest", USER, {"input": {"manifest": "file://FOLDER/in.manifest"}},
     "StorageNotAllowed"),
    ("spec.output.uri", USER, {"output": {"uri": "file://FOLDER/out"}}, "StorageNotAllowed"),
    ("spec.output.takeOver", USER, {"output": {"uri": "file://FOLDER/out", "takeOver": "UID"}},
     "StorageNotAllowed"),
    ("spec.autoLabeling.encoder.uri", USER,
     {"autoLabeling": {"encoder": {"uri": "file://FOLDER/encoder.onnx"}}}, "StorageNotAllowed"),
    ("spec.autoLabeling.initialModelURI", USER,
     {"autoLabeling": {"initialModelURI": "file://FOLDER/model.skops"}}, "StorageNotAllowed"),
    ("spec.autoLabeling.model.entrypoint", USER,
     {"autoLabeling": {"model": {"entrypoint": "theirs.models:Net"}}}, "EntrypointNotAllowed"),
    ("spec.storage.endpoint", USER, {"storage": {"endpoint": "http://127.0.0.1:9"}},
     "spec.storage.endpoint"),
    ("spec.storage.serverSideEncryption.keyID", USER,
     {"storage": {"serverSideEncryption": {"type": "aws:kms", "keyID": "theirs"}}},
     "spec.storage.serverSideEncryption"),
    ("spec.workforce.workTeam", USER, {"workforce": {"workTeam": "theirs"}}, "WorkTeamNotFound"),
    ("spec.compute.ray.address.name", USER, {"compute": {"ray": {"address": {"name": "theirs"}}}},
     "RayNotAllowed"),
    ("spec.compute.ray.address.url", USER,
     {"compute": {"ray": {"address": {"url": "http://ray.OTHER.svc:8265"}}}}, "RayNotAllowed"),
    ("spec.storage.secretName", POD_USER, {"storage": {"secretName": "s3"}}, "SecretNotFound"),
    ("spec.storage.caSecretName", POD_USER, {"storage": {"caSecretName": "s3"}}, "SecretNotFound"),
    (f"{_TEMPLATE}.image", POD_USER, template(image="theirs/x:1"), ".image"),
    (f"{_TEMPLATE}.serviceAccountName", POD_USER, template(serviceAccountName="theirs"),
     ".serviceAccountName"),
    (f"{_TEMPLATE}.priorityClassName", POD_USER, template(priorityClassName="theirs"),
     ".priorityClassName"),
    # In a WorkTeam that the test applies with it.
    (TRUTH, USER, {"workforce": {"workTeam": "reads"}}, TRUTH),
]  # fmt: skip


def test_every_field_that_takes_a_text_stands_in_a_table() -> None:
    tried = {case[0] for case in (*REFUSED, *STALLED)}
    assert tried.isdisjoint(POINTS_AT_NOTHING)
    assert tried | POINTS_AT_NOTHING.keys() == text_fields()


def test_every_case_tries_the_field_that_it_stands_for() -> None:
    cases = [(field, spec) for field, spec, _ in REFUSED]
    cases += [(field, spec) for field, _, spec, _ in STALLED if field != TRUTH]
    for field, spec in cases:
        found = values_at({"spec": spec}, field.split("."))
        assert found, field
        assert all(isinstance(value, str) for value in found), field


def filled(spec: dict[str, Any], other: Other) -> dict[str, Any]:
    text = json.dumps(spec)
    uid = other.kubectl.do(
        "get", "slj", "animals", f"-n={other.name}", "-o=jsonpath={.metadata.uid}"
    )
    for word, value in {
        "OTHER": other.name,
        "FOLDER": str(other.folder),
        "MINE": str(other.own_folder),
        "UID": uid,
    }.items():
        text = text.replace(word, value)
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize(("field", "spec", "answer"), REFUSED, ids=[c[0] for c in REFUSED])
def test_the_api_server_refuses(
    other: Other, field: str, spec: dict[str, Any], answer: str
) -> None:
    body = other.job(filled(spec, other))
    refusal = other.kubectl.dry_run(body, user=USER)
    assert answer in refusal, (field, refusal)


@pytest.mark.parametrize(("field", "user", "spec", "answer"), STALLED, ids=[c[0] for c in STALLED])
def test_the_operator_refuses(
    other: Other, field: str, user: str, spec: dict[str, Any], answer: str
) -> None:
    body = other.job(filled(spec, other))
    objects = [body]
    if field == TRUTH:
        objects.append(team_of(other.folder, "reads"))
    apply = ("apply", "--server-side", f"--as={user}", f"-n={other.mine}")
    other.kubectl.do(*apply, objects=objects)
    told = other.told(body["metadata"]["name"])
    assert answer in told, (field, told)


def test_a_status_of_ones_own_is_dropped_and_cannot_be_written(other: Other) -> None:
    body = other.job({})
    name = body["metadata"]["name"]
    theirs = {"stateURI": f"file://{other.folder}/out", "rayCluster": "theirs"}
    apply = ("create", f"--as={USER}", f"-n={other.mine}", "--dry-run=server", "-o=json")
    made = json.loads(other.kubectl.do(*apply, objects=[{**body, "status": theirs}]))
    assert made["status"] == {"observedGeneration": -1}
    other.kubectl.do("apply", "--server-side", f"--as={USER}", objects=[body])
    patch = ("patch", f"slj/{name}", f"-n={other.mine}", "--subresource=status", "--type=merge")
    for user in (USER, POD_USER):
        refusal = other.kubectl.ask(
            *patch, f"--as={user}", f"-p={json.dumps({'status': theirs})}"
        ).refusal
        # kubectl reads it first.
        assert "(Forbidden)" in refusal
        assert 'resource "labelingjobs/status"' in refusal


@pytest.mark.parametrize("with_models", [True, False], ids=["with models", "without"])
def test_lines_that_point_at_data_of_the_other_namespace_are_rejected(
    other: Other, with_models: bool
) -> None:
    line = json.dumps({"source-ref": f"file://{other.folder}/in.manifest"})
    (other.own_folder / "refs.manifest").write_text(f"{line}\n" * 12)
    models = {"targetErrorPermille": 500, "riskPermille": 500, "seedItems": 6, "itemsPerRound": 2}
    uri = f"file://{other.own_folder}/refs.manifest"
    promise = {"autoLabeling": models} if with_models else {}
    body = other.job({"input": {"manifest": uri}, **promise})
    name = body["metadata"]["name"]
    other.kubectl.do("apply", "--server-side", f"--as={USER}", objects=[body])
    told = other.told(name)
    assert "StorageNotAllowed" in told, told


def test_the_users_see_nothing_of_the_other_namespace_and_its_job_is_as_it_was(
    other: Other,
) -> None:
    # After all tries: nothing of theirs stands in mine, nor in what the operator told.
    mine = other.kubectl.do("get", "slj,workteams,events", f"-n={other.mine}", "-o=json")
    written = [path.read_bytes() for path in other.own_folder.rglob("*") if path.is_file()]
    assert other.canary not in mine
    assert not any(other.canary.encode() in data for data in written)
    assert other.canary not in other.site.operator_text()
    for user in (USER, POD_USER):
        for verb, what in (("get", "secrets"), ("list", "labelingjobs"), ("get", "workteams")):
            asked = ("auth", "can-i", verb, what, f"--as={user}", f"-n={other.name}")
            assert other.kubectl.ask(*asked).out.strip() == "no", (user, verb, what)
    theirs = json.loads(other.kubectl.do("get", "slj", "animals", f"-n={other.name}", "-o=json"))
    assert condition_of(theirs, "Succeeded").get("status") == "True", theirs["status"]
