"""What the operator may do: the rules word for word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chart.rendering import NAMESPACE, VALUES, Helm, of_kind

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
