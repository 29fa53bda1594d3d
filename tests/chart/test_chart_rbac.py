"""What the operator may do: the rules word for word, and the API server's own answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chart.cluster import Kubectl, Release, wait_for
from chart.rendering import NAMESPACE, VALUES, Helm, of_kind
from surelabel_cli.control_plane import service_account_kubeconfig

JOBS: list[dict[str, Any]] = [
    {
        "apiGroups": ["surelabel.dev"],
        "resources": ["labelingjobs", "workteams"],
        "verbs": ["get", "list", "watch"],
    },
    {
        "apiGroups": ["surelabel.dev"],
        "resources": ["labelingjobs/status", "workteams/status"],
        "verbs": ["patch"],
    },
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
]
CHILDREN: list[dict[str, Any]] = [
    {
        "apiGroups": ["surelabel.dev"],
        "resources": ["labelingjobs/finalizers"],
        "verbs": ["update"],
    },
    {
        "apiGroups": ["ray.io"],
        "resources": ["rayjobs", "rayclusters"],
        "verbs": ["get", "list", "watch", "create", "delete"],
    },
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
]
SECRETS: list[dict[str, Any]] = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
LEASE: list[dict[str, Any]] = [
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": ["surelabel"],
        "verbs": ["get", "update"],
    },
]
PREFIX = f"{NAMESPACE}-surelabel-operator"


def roles(objects: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """(namespace or "", name) to rules."""
    return {
        (found["metadata"].get("namespace", ""), found["metadata"]["name"]): found["rules"]
        for kind in ("Role", "ClusterRole")
        for found in of_kind(objects, kind)
    }


def test_cluster_wide_the_operator_may_do_this_and_no_more(helm: Helm) -> None:
    assert roles(helm.objects({})) == {
        (NAMESPACE, "surelabel-operator-self"): LEASE,
        ("", PREFIX): JOBS + CHILDREN,
        ("", f"{PREFIX}-secrets"): SECRETS,
    }


def test_cluster_wide_nobody_is_bound_to_secrets_unless_asked_for(helm: Helm) -> None:
    def bound(values: dict[str, Any]) -> set[str]:
        return {b["roleRef"]["name"] for b in of_kind(helm.objects(values), "ClusterRoleBinding")}

    assert bound({}) == {PREFIX}
    assert bound(VALUES["secrets everywhere"]) == {PREFIX, f"{PREFIX}-secrets"}


def test_in_namespaces_the_operator_may_do_this_and_no_more(helm: Helm) -> None:
    objects = helm.objects(VALUES["two namespaces"])
    assert roles(objects) == {
        (NAMESPACE, "surelabel-operator-self"): LEASE,
        ("chart-vision", "surelabel-operator"): JOBS + CHILDREN + SECRETS,
        ("chart-speech", "surelabel-operator"): JOBS + CHILDREN + SECRETS,
    }
    assert not of_kind(objects, "ClusterRoleBinding")


def test_in_its_own_namespace_only_the_listed_token_secrets_are_readable(helm: Helm) -> None:
    rules = roles(helm.objects(VALUES["all settings"]))[NAMESPACE, "surelabel-operator-self"]
    (secrets,) = [rule for rule in rules if "secrets" in rule["resources"]]
    assert secrets == {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": ["ray-token"],
        "verbs": ["get"],
    }
    (lease,) = [rule for rule in rules if rule.get("resourceNames") == ["labels"]]
    assert lease["resources"] == ["leases"]


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_no_rule_has_a_wildcard_and_every_binding_is_of_the_operator(
    helm: Helm, values: dict[str, Any]
) -> None:
    objects = helm.objects(values)
    for rules in roles(objects).values():
        assert "*" not in json.dumps(rules)
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for binding in of_kind(objects, kind):
            assert binding["subjects"] == [
                {"kind": "ServiceAccount", "name": "surelabel-operator", "namespace": NAMESPACE}
            ]


# verb, group, resource, name, namespace (a field of Release; "" is the whole cluster), allowed
Row = tuple[str, str, str, str, str, bool]
S, V, OWN, OTHER = "surelabel.dev", "watched", "namespace", "other"
IN_NAMESPACES: list[Row] = [
    *[(verb, S, "labelingjobs", "", V, True) for verb in ("get", "list", "watch")],
    *[(verb, S, "workteams", "", V, True) for verb in ("get", "list", "watch")],
    ("patch", S, "labelingjobs/status", "birds", V, True),
    ("patch", S, "workteams/status", "team", V, True),
    ("update", S, "labelingjobs/status", "birds", V, False),
    *[
        (verb, S, "labelingjobs", "birds", V, False)
        for verb in ("create", "update", "patch", "delete", "deletecollection")
    ],
    ("patch", S, "workteams", "team", V, False),
    ("update", S, "labelingjobs/finalizers", "birds", V, False),
    ("create", "events.k8s.io", "events", "", V, True),
    ("patch", "events.k8s.io", "events", "e", V, True),
    ("list", "events.k8s.io", "events", "", V, False),
    ("get", "", "secrets", "s3", V, True),
    *[
        (verb, "", "secrets", "", V, False)
        for verb in ("list", "watch", "create", "update", "patch", "delete")
    ],
    ("get", "", "secrets", "s3", OWN, False),
    ("get", "", "secrets", "ray-token", OWN, True),
    ("list", "", "secrets", "", OWN, False),
    ("create", "coordination.k8s.io", "leases", "", OWN, True),
    ("get", "coordination.k8s.io", "leases", "surelabel", OWN, True),
    ("update", "coordination.k8s.io", "leases", "surelabel", OWN, True),
    ("delete", "coordination.k8s.io", "leases", "surelabel", OWN, False),
    ("update", "coordination.k8s.io", "leases", "other", OWN, False),
    ("create", "coordination.k8s.io", "leases", "", V, False),
    *[
        (verb, "", "pods", "", namespace, False)
        for verb in ("get", "list", "create", "delete")
        for namespace in (OWN, V)
    ],
    ("create", "", "pods/exec", "p", V, False),
    ("create", "", "serviceaccounts/token", "surelabel-operator", OWN, False),
    ("get", "", "configmaps", "", V, False),
    ("list", "", "namespaces", "", "", False),
    ("impersonate", "", "users", "admin", "", False),
    ("escalate", "rbac.authorization.k8s.io", "roles", "", V, False),
    ("bind", "rbac.authorization.k8s.io", "roles", "", V, False),
    ("list", S, "labelingjobs", "", OTHER, False),
    ("get", "", "secrets", "s3", OTHER, False),
    ("patch", S, "labelingjobs/status", "birds", OTHER, False),
    ("list", S, "labelingjobs", "", "", False),
]
CLUSTER_WIDE: list[Row] = [
    ("list", S, "labelingjobs", "", "", True),
    ("watch", S, "workteams", "", "", True),
    ("patch", S, "labelingjobs/status", "birds", OTHER, True),
    ("patch", S, "labelingjobs", "birds", OTHER, False),
    ("get", "", "secrets", "s3", V, False),
    ("get", "", "secrets", "s3", OTHER, False),
    ("list", "", "secrets", "", "", False),
    ("create", "coordination.k8s.io", "leases", "", OWN, True),
    ("create", "coordination.k8s.io", "leases", "", OTHER, False),
]


def answers(kubectl: Kubectl, release: Release, folder: Path, rows: list[Row]) -> dict[Row, bool]:
    """What the API server says to the operator's own token about each row."""
    own = service_account_kubeconfig(
        kubectl.binary,
        kubectl.kubeconfig,
        release.namespace,
        "surelabel-operator",
        folder / "operator.kubeconfig",
    )
    reviews = []
    for verb, group, resource, name, namespace, _ in rows:
        plural, _, subresource = resource.partition("/")
        attributes = {
            "verb": verb,
            "group": group,
            "version": "*",
            "resource": plural,
            "subresource": subresource,
            "name": name,
            "namespace": getattr(release, namespace) if namespace else "",
        }
        reviews.append(
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            }
        )
    out = Kubectl(kubectl.binary, own).do(
        "create", "-o=jsonpath={.status.allowed} ", "--validate=false", objects=reviews
    )
    return {row: word == "true" for row, word in zip(rows, out.split(), strict=True)}


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("values", "rows"),
    [
        (
            {
                "watchNamespaces": [V],
                "settings": {"rayClusters": VALUES["all settings"]["settings"]["rayClusters"]},
            },
            IN_NAMESPACES,
        ),
        ({}, CLUSTER_WIDE),
        ({"rbac": {"clusterWideSecrets": True}}, [("get", "", "secrets", "s3", V, True)]),
    ],
    ids=["in a namespace", "cluster-wide", "cluster-wide with secrets"],
)
def test_api_server_allows_the_operator_exactly_this(
    kubectl: Kubectl,
    release: Release,
    tmp_path: Path,
    values: dict[str, Any],
    rows: list[Row],
) -> None:
    if "watchNamespaces" in values:
        values = {**values, "watchNamespaces": [release.watched]}
    release.install(values)
    found: dict[Row, bool] = {}

    def as_expected() -> bool:
        found.update(answers(kubectl, release, tmp_path, rows))
        return all(allowed == row[-1] for row, allowed in found.items())

    try:
        # The authorizer learns of new Roles by a watch.
        wait_for("the access matrix", as_expected)
    except AssertionError:
        assert [row for row, allowed in found.items() if allowed != row[-1]] == []


@pytest.mark.cluster
def test_a_namespaces_owner_lets_the_operator_read_secrets_there_alone(
    kubectl: Kubectl, release: Release, tmp_path: Path
) -> None:
    release.install({})
    kubectl.do(
        "create",
        "rolebinding",
        "surelabel-secrets",
        f"-n={release.other}",
        f"--clusterrole={release.secrets_role}",
        f"--serviceaccount={release.namespace}:surelabel-operator",
    )
    rows: list[Row] = [
        ("get", "", "secrets", "s3", OTHER, True),
        ("list", "", "secrets", "", OTHER, False),
        ("get", "", "secrets", "s3", V, False),
    ]

    def as_expected() -> bool:
        found = answers(kubectl, release, tmp_path, rows)
        return all(allowed == row[-1] for row, allowed in found.items())

    wait_for("the owner's binding", as_expected)
