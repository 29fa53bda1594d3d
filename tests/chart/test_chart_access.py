"""`kubectl auth can-i` for the operator: a real API server's answers against the tables here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chart.cluster import Kubectl, Release, wait_for
from faults.admin import Admin
from surelabel_cli.control_plane import service_account_kubeconfig

pytestmark = pytest.mark.cluster

# Where, what, and the name if only one object is meant: all that is allowed. `own` is the
# operator's namespace, `watched` one of watchNamespaces, `other` any other; `every` is these
# three and the cluster as a whole.
NAMESPACED = """
own      leases.coordination.k8s.io                 create
own      leases.coordination.k8s.io surelabel       get update
own      secrets ray-token                          get
watched  labelingjobs.surelabel.dev                 get list watch
watched  labelingjobs.surelabel.dev/status          patch
watched  workteams.surelabel.dev                    get list watch
watched  workteams.surelabel.dev/status             patch
watched  events.events.k8s.io                       create patch
watched  labelingjobs.surelabel.dev/finalizers      update
watched  rayjobs.ray.io                             get list watch create delete
watched  rayclusters.ray.io                         get list watch create delete
watched  pods                                       list
watched  secrets                                    get
"""
CLUSTER_WIDE = """
own      leases.coordination.k8s.io                 create
own      leases.coordination.k8s.io surelabel       get update
every    labelingjobs.surelabel.dev                 get list watch
every    labelingjobs.surelabel.dev/status          patch
every    workteams.surelabel.dev                    get list watch
every    workteams.surelabel.dev/status             patch
every    events.events.k8s.io                       create patch
every    labelingjobs.surelabel.dev/finalizers      update
every    rayjobs.ray.io                             get list watch create delete
every    rayclusters.ray.io                         get list watch create delete
every    pods                                       list
"""
# Where a namespace's owner binds the second ClusterRole, as the guide says.
WITH_A_NAMESPACES_SECRETS = f"{CLUSTER_WIDE}other    secrets    get\n"
WITH_ALL_SECRETS = f"{CLUSTER_WIDE}every    secrets    get\n"
# Kubernetes itself lets every account ask who it is and what it may, and every ServiceAccount read
# the certificates that the cluster publishes.
EVERYBODY = """
every    clustertrustbundles.certificates.k8s.io         get list watch
every    selfsubjectaccessreviews.authorization.k8s.io   create
every    selfsubjectrulesreviews.authorization.k8s.io    create
every    selfsubjectreviews.authentication.k8s.io        create
"""

# Every verb is asked for each resource of the tables, and for these, which are in none.
NEVER = """
pods/exec  pods/log  pods/portforward  pods/eviction  pods/ephemeralcontainers  nodes
nodes/proxy  services  services/proxy  endpoints  configmaps  namespaces  events
persistentvolumeclaims  serviceaccounts  serviceaccounts/token  users  groups
deployments.apps  deployments.apps/scale  jobs.batch  networkpolicies.networking.k8s.io
rayclusters.ray.io/status  rayjobs.ray.io/status  rayservices.ray.io
workteams.surelabel.dev/finalizers
roles.rbac.authorization.k8s.io  rolebindings.rbac.authorization.k8s.io
clusterroles.rbac.authorization.k8s.io  clusterrolebindings.rbac.authorization.k8s.io
subjectaccessreviews.authorization.k8s.io  tokenreviews.authentication.k8s.io
customresourcedefinitions.apiextensions.k8s.io
validatingadmissionpolicies.admissionregistration.k8s.io
validatingwebhookconfigurations.admissionregistration.k8s.io
certificatesigningrequests.certificates.k8s.io
"""
VERBS = (
    *("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
    *("bind", "escalate", "impersonate", "use"),
)
PLACES = ("own", "watched", "other")
CLUSTER = "the cluster"
_API = "/apis/authorization.k8s.io/v1/"


@dataclass(frozen=True)
class Right:
    """One verb on one resource in one place; without a name on all of its objects."""

    place: str
    verb: str
    resource: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.name}".rstrip() + f" in {self.place}"


def rights(*tables: str) -> set[Right]:
    """What the tables allow."""
    return {
        Right(where, verb, resource, name)
        for table in tables
        for place, what, verbs in (re.split(r"\s{2,}", row) for row in table.split("\n") if row)
        for resource, _, name in [what.partition(" ")]
        for where in ((*PLACES, CLUSTER) if place == "every" else (place,))
        for verb in verbs.split()
    }


def asked(allowed: set[Right]) -> Iterator[Right]:
    """Every verb, resource and place; with names also those that are named, and another."""
    resources = {right.resource for right in allowed} | set(NEVER.split())
    named = {(right.resource, right.name) for right in allowed if right.name}
    named |= {(resource, "another") for resource, _ in named}
    for place in (*PLACES, CLUSTER):
        for verb in VERBS:
            for resource, name in {*((resource, "") for resource in resources), *named}:
                yield Right(place, verb, resource, name)


class Reviews:
    """Asks the API server with the operator's own token."""

    def __init__(self, kubectl: Kubectl, release: Release, folder: Path) -> None:
        self._kubeconfig = service_account_kubeconfig(
            kubectl.binary,
            kubectl.kubeconfig,
            release.namespace,
            "surelabel-operator",
            folder / "operator.kubeconfig",
        )
        self._namespaces = {
            "own": release.namespace,
            "watched": release.watched,
            "other": release.other,
            CLUSTER: "",
        }

    def listed(self) -> set[Right]:
        """All rights in the three namespaces, as `kubectl auth can-i --list` shows them."""
        admin, found = Admin(self._kubeconfig), set()
        for place in PLACES:
            spec = {"namespace": self._namespaces[place]}
            review = admin.request("POST", f"{_API}selfsubjectrulesreviews", {"spec": spec})
            assert not review["status"]["incomplete"]
            for rule in review["status"]["resourceRules"]:
                found |= {
                    Right(place, verb, _plural(group, resource), name)
                    for group in rule["apiGroups"]
                    for resource in rule["resources"]
                    for name in rule.get("resourceNames") or [""]
                    for verb in rule["verbs"]
                }
        admin.close()
        return found

    def allowed(self, questions: list[Right]) -> set[Right]:
        """Those of the questions that are answered with yes."""
        parts = 4

        def answer(part: int) -> set[Right]:
            admin = Admin(self._kubeconfig)
            found = {right for right in questions[part::parts] if self._is_allowed(admin, right)}
            admin.close()
            return found

        with ThreadPoolExecutor(parts) as pool:
            return set().union(*pool.map(answer, range(parts)))

    def _is_allowed(self, admin: Admin, right: Right) -> bool:
        whole, _, subresource = right.resource.partition("/")
        resource, _, group = whole.partition(".")
        attributes = {
            "namespace": self._namespaces[right.place],
            "verb": right.verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
            "name": right.name,
        }
        spec = {"resourceAttributes": attributes}
        review = admin.request("POST", f"{_API}selfsubjectaccessreviews", {"spec": spec})
        return bool(review["status"]["allowed"])


def _plural(group: str, resource: str) -> str:
    plural, _, subresource = resource.partition("/")
    return plural + (f".{group}" if group else "") + (f"/{subresource}" if subresource else "")


@pytest.mark.parametrize(
    ("values", "bound", "table"),
    [
        ({"watchNamespaces": ["watched"]}, False, NAMESPACED),
        ({}, False, CLUSTER_WIDE),
        ({}, True, WITH_A_NAMESPACES_SECRETS),
        ({"rbac": {"clusterWideSecrets": True}}, False, WITH_ALL_SECRETS),
    ],
    ids=[
        "namespaced",
        "cluster-wide",
        "cluster-wide, one owner lets it read Secrets",
        "cluster-wide with all Secrets",
    ],
)
def test_operator_may_do_what_the_table_says_and_nothing_else(
    kubectl: Kubectl,
    release: Release,
    tmp_path: Path,
    values: dict[str, Any],
    bound: bool,
    table: str,
) -> None:
    if "watchNamespaces" in values:
        token = {"name": "a", "url": "http://a", "tokenSecret": "ray-token", "namespaces": ["*"]}
        values = {"watchNamespaces": [release.watched], "settings": {"rayClusters": [token]}}
    binding = ("rolebinding", "surelabel-secrets", f"-n={release.other}")
    kubectl.do("delete", "--ignore-not-found", *binding)
    release.install(values)
    if bound:
        kubectl.do(
            "create",
            *binding,
            f"--clusterrole={release.secrets_role}",
            f"--serviceaccount={release.namespace}:surelabel-operator",
        )
    expected = rights(table, EVERYBODY)
    reviews = Reviews(kubectl, release, tmp_path)
    in_namespaces = {right for right in expected if right.place != CLUSTER}
    # The authorizer learns of new Roles by a watch.
    seen: list[set[Right]] = []

    def is_as_listed() -> bool:
        seen.append(reviews.listed())
        return seen[-1] == in_namespaces

    try:
        wait_for("the list of rights", is_as_listed)
    except AssertionError:
        more = sorted(map(str, seen[-1] - in_namespaces))
        less = sorted(map(str, in_namespaces - seen[-1]))
        pytest.fail(f"the operator may also {more} and may not {less}")

    questions = list(asked(expected))
    # A right to all objects is one to each by its name.
    answers = {
        right
        for right in questions
        if right in expected or Right(right.place, right.verb, right.resource) in expected
    }
    assert sorted(map(str, reviews.allowed(questions) ^ answers)) == []


def test_what_is_never_allowed_stands_in_no_table() -> None:
    tables = rights(NAMESPACED, WITH_ALL_SECRETS, WITH_A_NAMESPACES_SECRETS)
    assert {right.resource for right in tables} & set(NEVER.split()) == set()
