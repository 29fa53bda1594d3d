"""What NetworkPolicies say of a connection, by the rules of networking.k8s.io/v1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from e2e.connections import Connection

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Policies:
    """NetworkPolicies, with the labels of the namespaces by name."""

    policies: list[dict[str, Any]]
    namespaces: Mapping[str, Mapping[str, str]]

    def refuses(self, connection: Connection, pods: Mapping[str, Object]) -> list[str]:
        """The names of policies that let the connection through neither at its one end nor at its
        other; [] if it may be. What comes from the pod's own node always may."""
        source, target = pods.get(connection.source), pods.get(connection.target)
        refused = []
        # From an address that is no pod's: the node.
        if target is not None and source is not None:
            refused += self._refused("Ingress", target, source, target, connection)
        if source is not None:
            refused += self._refused("Egress", source, target, target, connection)
        return refused

    def _refused(
        self,
        direction: str,
        selected: Object,
        peer: Object | None,
        target: Object | None,
        connection: Connection,
    ) -> list[str]:
        """The policies of the pod, if there are some and none of them has a rule for it."""
        found = [p for p in self.policies if _selects(p, selected, direction)]
        rules = [rule for p in found for rule in p["spec"].get(direction.lower()) or ()]
        if any(self._allows(r, direction, selected, peer, target, connection) for r in rules):
            return []
        return [f"{direction} of {policy['metadata']['name']}" for policy in found]

    def _allows(
        self,
        rule: Object,
        direction: str,
        selected: Object,
        peer: Object | None,
        target: Object | None,
        connection: Connection,
    ) -> bool:
        peers = rule.get("from" if direction == "Ingress" else "to") or ()
        home = selected["metadata"]["namespace"]
        address = connection.source if direction == "Ingress" else connection.target
        if peers and not any(self._is(each, peer, address, home) for each in peers):
            return False
        ports = rule.get("ports") or ()
        return not ports or any(_is_port(each, connection, target) for each in ports)

    def _is(self, peer: Object, pod: Object | None, address: str, home: str) -> bool:
        if "ipBlock" in peer:
            return _lies_in(peer["ipBlock"], address)
        if pod is None:
            return False
        namespace = pod["metadata"]["namespace"]
        if "namespaceSelector" in peer:
            if not _matches(peer["namespaceSelector"], self.namespaces[namespace]):
                return False
        elif namespace != home:
            return False
        return _matches(peer.get("podSelector") or {}, _labels(pod))


def _selects(policy: Object, pod: Object, direction: str) -> bool:
    return (
        policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
        and direction in policy["spec"]["policyTypes"]
        and _matches(policy["spec"]["podSelector"], _labels(pod))
    )


def _matches(selector: Object, labels: Mapping[str, str]) -> bool:
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _is_true(each, labels) for each in expressions
    )


def _is_true(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            # Also without the label.
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case other:
            raise ValueError(f"a selector's operator is In, NotIn, Exists or DoesNotExist: {other}")


def _lies_in(block: Object, address: str) -> bool:
    """Before any translation of addresses, as in a cluster whose pods see each other's own."""
    found = ip_address(address)
    inside = found in ip_network(block["cidr"])
    return inside and not any(found in ip_network(cidr) for cidr in block.get("except") or ())


def _is_port(port: Object, connection: Connection, target: Object | None) -> bool:
    if port.get("protocol", "TCP") != connection.protocol:
        return False
    wanted = port.get("port")
    if isinstance(wanted, str):
        return connection.port in _named(target, wanted)
    return wanted is None or wanted == connection.port


def _named(pod: Object | None, name: str) -> Iterable[int]:
    containers = [] if pod is None else pod["spec"]["containers"]
    return [
        port["containerPort"]
        for container in containers
        for port in container.get("ports") or ()
        if port.get("name") == name
    ]


def _labels(pod: Object) -> Mapping[str, str]:
    found: Mapping[str, str] = pod["metadata"].get("labels") or {}
    return found
