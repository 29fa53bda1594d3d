"""Two namespaces of one release, and two users who have rights in the first one only."""

from __future__ import annotations

import json
import secrets
from typing import Any

from chart.cluster import namespace, role
from chart.site import Site
from operator_bench import condition_of, job_of, team_of, wait_for, write_texts

USER, POD_USER = "mallory", "podkeeper"
_OURS = {
    "apiGroups": ["surelabel.dev"],
    "resources": ["labelingjobs", "workteams"],
    "verbs": ["*"],
}
_MORE = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
]


class Other:
    """The namespace of the others, and what is secret there."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.kubectl = site.kubectl
        self.mine = site.jobs_namespace
        self.name = f"{site.jobs_namespace}-other"
        self.folder, self.own_folder = site.folder / "other", site.folder / "mine"
        self.canary = f"canary{secrets.token_hex(16)}"
        self.kubectl.do("create", objects=[namespace(self.name)])

    def prepare(self) -> None:
        """Their data, Secret, team and job, and the rights of the users of mine."""
        for folder in (self.folder, self.own_folder):
            write_texts(folder)
        with (self.folder / "in.manifest").open("a") as file:
            file.write(json.dumps({"source": self.canary}) + "\n")
        with (self.folder / "truth.jsonl").open("a") as file:
            file.write("{}\n")
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s3", "labels": {"surelabel.dev/allow-use": "storage"}},
            "stringData": {
                "aws_access_key_id": "theirs",
                "aws_secret_access_key": self.canary,
                "endpoint": "http://127.0.0.1:9",
            },
        }
        team = team_of(self.folder, "theirs")
        theirs = [secret, team, job_of(self.folder, workforce={"workTeam": "theirs"})]
        self.kubectl.do("apply", "--server-side", f"-n={self.name}", objects=theirs)
        mine = [team_of(self.own_folder)]
        self.kubectl.do("apply", "--server-side", f"-n={self.mine}", objects=mine)
        rights = [
            *role("mallory", self.mine, USER, _OURS),
            *role("podkeeper", self.mine, POD_USER, _OURS, *_MORE),
        ]
        self.kubectl.do("apply", "--server-side", objects=rights)

    def values(self) -> dict[str, Any]:
        """The chart's values: each namespace has its own prefix, Ray, image and accounts."""
        values = self.site.values(watchNamespaces=[self.mine, self.name])
        settings = values["settings"]
        settings["rayClusters"].append(
            {"name": "theirs", "url": "http://127.0.0.1:9", "namespaces": [self.name]}
        )
        settings["storage"]["allowedPrefixes"] = [
            {"namespaces": [name], "prefixes": [f"file://{folder}"]}
            for name, folder in ((self.mine, self.own_folder), (self.name, self.folder))
        ]
        settings["kubeRay"] = {
            "image": {"repository": "surelabel/workloads", "tag": "1"},
            "images": [{"namespaces": [self.name], "prefixes": ["theirs/"]}],
            "serviceAccounts": [{"name": "theirs", "namespaces": [self.name]}],
            "priorityClasses": [{"name": "theirs", "namespaces": [self.name]}],
        }
        return values

    def job(self, spec: dict[str, Any]) -> dict[str, Any]:
        """A job of mine with these fields instead of its own."""
        name = f"try-{secrets.token_hex(4)}"
        body = job_of(self.own_folder, name, **spec)
        body["metadata"]["namespace"] = self.mine
        if "output" not in spec:
            body["spec"]["output"] = {"uri": f"file://{self.own_folder}/{name}"}
        return body

    def told(self, name: str) -> str:
        """What the job's conditions say, once it cannot go on."""

        def found() -> str:
            job = json.loads(self.kubectl.do("get", "slj", name, f"-n={self.mine}", "-o=json"))
            kinds = ("Stalled", "StorageAvailable", "ComputeAvailable", "Ready")
            bad = [condition_of(job, kind) for kind in kinds]
            assert condition_of(job, "Succeeded").get("status") != "True", job["status"]
            wrong = {"Stalled": "True"}
            return "\n".join(
                f"{c['reason']}: {c['message']}"
                for c in bad
                if c and c["status"] == wrong.get(c["type"], "False") and c.get("message")
            )

        text: str = wait_for(found, "a word about it", also=self.site.operator_text)
        return text
