"""Credentials that a pod gets for its ServiceAccount's token, a file that the kubelet keeps fresh.

What a cloud does by a webhook and an agent on each node (here as EKS Pod Identity does it), a
MutatingAdmissionPolicy and a server in a pod do in its place: each pod of the namespace gets the
token of its account and the address at which it is taken for short-lived credentials.
"""

from __future__ import annotations

from typing import Any

from e2e.object_store import ObjectStore
from e2e.pods import pod

_NAME = "identity"
_PORT = 8000
_AUDIENCE = "pods.identity.test"
_FOLDER = "/var/run/secrets/identity"
_CONTAINER = "/spec/containers/0"
_HAS_LISTS = " && ".join(
    f"has(object.spec.{name})"
    for name in ("volumes", "containers[0].env", "containers[0].volumeMounts")
)
# Its claims are looked at, its signature is not: what is tested is who shows which token where.
_SERVER = f"""
import base64, datetime, http.server, json, os

class Agent(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/ready":
            return self.answer(200, {{}})
        try:
            claims = self.headers["Authorization"].split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        except (AttributeError, IndexError, ValueError):
            return self.answer(401, {{}})
        account = claims["sub"]
        if "{_AUDIENCE}" not in claims["aud"]:
            return self.answer(403, {{}})
        print("gave credentials to", account, flush=True)
        soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=10)
        self.answer(200, {{
            "AccessKeyId": os.environ["ACCESS_KEY"],
            "SecretAccessKey": os.environ["SECRET_KEY"],
            # The store here knows no session tokens.
            "Token": "",
            "Expiration": soon.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words):
        pass

http.server.ThreadingHTTPServer(("", {_PORT}), Agent).serve_forever()
"""


def identity_server(namespace: str, image: str, store: ObjectStore) -> list[dict[str, Any]]:
    """The server in ``namespace`` as a pod and a Service; ``image`` has Python."""
    access_key, secret_key = store.access_key, store.secret_key
    server = pod(_NAME, namespace, image)
    (container,) = server["spec"]["containers"]
    del container["args"]
    container |= {
        "command": ["python", "-I", "-c", _SERVER],
        "env": [
            {"name": "ACCESS_KEY", "value": access_key},
            {"name": "SECRET_KEY", "value": secret_key},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": _PORT}, "periodSeconds": 1},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _NAME, "namespace": namespace},
        "spec": {"selector": {"app": _NAME}, "ports": [{"port": _PORT}]},
    }
    return [server, service]


def credentials_given(log: str) -> set[str]:
    """The ServiceAccounts that got credentials, by the server's log."""
    prefix = "gave credentials to system:serviceaccount:"
    return {line.removeprefix(prefix) for line in log.splitlines() if line.startswith(prefix)}


def identity_policy(name: str, namespace: str, server: str) -> list[dict[str, Any]]:
    """The policy by which the pods of ``namespace`` get their tokens; ``server``: the namespace of
    the server."""
    env = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{_NAME}.{server}.svc:{_PORT}/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{_FOLDER}/token",
    }
    volume = (
        f'Object.spec.volumes{{name: "{_NAME}", projected: Object.spec.volumes.projected{{'
        "sources: [Object.spec.volumes.projected.sources{serviceAccountToken: "
        "Object.spec.volumes.projected.sources.serviceAccountToken{"
        f'audience: "{_AUDIENCE}", path: "token", expirationSeconds: 600}}}}]}}}}'
    )
    mount = (
        f'Object.spec.containers.volumeMounts{{name: "{_NAME}", mountPath: "{_FOLDER}", '
        "readOnly: true}"
    )
    added = {
        "/spec/volumes/-": [volume],
        f"{_CONTAINER}/volumeMounts/-": [mount],
        f"{_CONTAINER}/env/-": [
            f'Object.spec.containers.env{{name: "{key}", value: "{value}"}}'
            for key, value in env.items()
        ],
    }
    patches = [
        f'JSONPatch{{op: "add", path: "{path}", value: {value}}}'
        for path, values in added.items()
        for value in values
    ]
    api = {"apiVersion": "admissionregistration.k8s.io/v1"}
    resource = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
    }
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return [
        {
            **api,
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "reinvocationPolicy": "Never",
                "matchConstraints": {"resourceRules": [resource]},
                # A patch adds to lists that there are, as in all pods of operator and stages.
                "matchConditions": [{"name": "has-lists", "expression": _HAS_LISTS}],
                "mutations": [
                    {
                        "patchType": "JSONPatch",
                        "jsonPatch": {"expression": f"[{', '.join(patches)}]"},
                    }
                ],
            },
        },
        {
            **api,
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "matchResources": {"namespaceSelector": here}},
        },
    ]
