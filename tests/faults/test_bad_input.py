"""What a user can get wrong becomes a condition that names field, value and next step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults import small_job
from faults.admin import team_path
from faults.fork_server import ForkServer
from faults.workbench import Workbench, condition, until

pytestmark = [pytest.mark.cluster]


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory, control_plane: Any, fork_server: ForkServer
) -> Iterator[Workbench]:
    folder = tmp_path_factory.mktemp("bad-input")
    elsewhere = {"name": "elsewhere", "url": "http://127.0.0.1:9", "namespaces": ["another"]}
    here = {"name": "x", "url": "http://127.0.0.1:9", "namespaces": ["*"]}
    settings = {"rayClusters": [here, elsewhere]}
    with Workbench(
        folder, control_plane.kubeconfig, fork_server.address, settings=settings
    ) as found:
        yield found.start()


def secret(bench: Workbench, name: str, labels: dict[str, str]) -> None:
    body = {"metadata": {"name": name, "labels": labels}, "stringData": {"aws_access_key_id": "x"}}
    bench.admin.apply(f"/api/v1/namespaces/{bench.namespace}/secrets", body)


def says(message: str, *words: str) -> None:
    assert [word for word in words if word not in message] == [], message


def write_manifest(bench: Workbench, name: str, lines: list[str]) -> dict[str, str]:
    path = bench.data / f"{name}.manifest"
    path.write_text("".join(f"{line}\n" for line in lines))
    return {"manifest": f"file://{path}"}


# -- references


def test_a_secret_that_is_missing_is_named(bench: Workbench) -> None:
    message = bench.stalled(
        bench.body("no-secret", storage={"secretName": "absent"}), "SecretNotFound"
    )
    says(message, "spec.storage.secretName", "'absent'", bench.namespace, "Create it")


@pytest.mark.parametrize("labels", [{}, {"surelabel.dev/allow-use": "portal"}], ids=str)
def test_a_secret_whose_owner_has_not_allowed_it_is_not_used(
    bench: Workbench, labels: dict[str, str]
) -> None:
    name = f"secret-{len(labels)}"
    secret(bench, name, labels)
    message = bench.stalled(bench.body(name, storage={"secretName": name}), "SecretNotAllowed")
    got = "'portal'" if labels else "no such label"
    says(message, "spec.storage.secretName", name, "surelabel.dev/allow-use: storage", got)


@pytest.mark.parametrize("ray", ["unknown", "elsewhere"])
def test_a_ray_cluster_that_the_namespace_may_not_use_is_refused_in_the_same_words(
    bench: Workbench, ray: str
) -> None:
    body = bench.body(f"ray-{ray}", compute={"ray": {"address": {"name": ray}}})
    message = bench.stalled(body, "RayNotAllowed")
    field = "spec.compute.ray.address.name: the operator's settings list no Ray cluster"
    says(message, field, repr(ray), repr(bench.namespace), "Ask who runs the operator")


def test_a_ray_address_of_another_namespace_is_refused(bench: Workbench) -> None:
    url = "http://ray.another.svc:8265"
    body = bench.body("ray-url", compute={"ray": {"address": {"url": url}}})
    message = bench.stalled(body, "RayNotAllowed")
    says(message, "spec.compute.ray.address.url", url, f".{bench.namespace}.svc", "settings")


@pytest.mark.parametrize("field", ["input", "output"])
def test_storage_outside_the_allowed_prefixes_is_refused(bench: Workbench, field: str) -> None:
    spec = {"input": {"manifest": "file:///etc/passwd"}, "output": {"uri": "file:///srv/out"}}
    body = bench.body(f"prefix-{field}", **{field: spec[field]})
    message = bench.stalled(body, "StorageNotAllowed")
    says(message, *spec[field].values(), str(bench.folder))


def test_a_missing_work_team_is_named_and_the_job_goes_on_once_it_exists(
    bench: Workbench,
) -> None:
    workforce = {"workTeam": "later", "annotatorsPerItem": 3, "maxOpenItems": 12}
    message = bench.stalled(bench.body("no-team", workforce=workforce), "WorkTeamNotFound")
    says(message, "spec.workforce.workTeam", "'later'", bench.namespace, "Create it")
    team = small_job.team(bench.data)
    team["metadata"]["name"] = "later"
    bench.admin.apply(team_path(bench.namespace), team)
    job = bench.wait("Succeeded", "True", "no-team")
    assert condition(job, "Stalled")["status"] == "False"


def test_a_team_that_is_too_small_is_told_by_how_much(bench: Workbench) -> None:
    workforce = {"workTeam": "team", "annotatorsPerItem": 5, "maxOpenItems": 12}
    message = bench.stalled(bench.body("small-team", workforce=workforce), "WorkTeamTooSmall")
    says(message, "spec.workforce.annotatorsPerItem", "5", "3", "team")


def test_an_output_in_use_is_refused_with_both_ways_on(bench: Workbench) -> None:
    bench.hold("pre")
    output = {"uri": f"file://{bench.folder}/shared"}
    uid = bench.apply(bench.body("shared", output=output))
    try:
        bench.wait_running("pre")
        path = bench.folder / "shared/shared/OWNER.json"
        claimed = json.loads(path.read_text())
        path.write_text(json.dumps({**claimed, "uid": "somebody-else"}))
        before = path.read_bytes()
        bench.delete("shared")
        message = bench.stalled(bench.body("shared", output=output), "OutputInUse")
        says(message, "spec.output.uri", "somebody-else", "another output.uri", "takeOver")
        bench.patch({"output": {"takeOver": uid}}, "shared")
        until(
            "the refusal of the wrong uid",
            lambda: uid in condition(bench.job("shared"), "Stalled")["message"],
        )
        message = condition(bench.job("shared"), "Stalled")["message"]
        says(message, "spec.output.takeOver", "the owner is 'somebody-else'", f"got {uid!r}")
        assert path.read_bytes() == before
    finally:
        bench.release("pre")
    bench.patch({"output": {"takeOver": "somebody-else"}}, "shared")
    bench.wait("Succeeded", "True", "shared")
    assert (
        len(
            (bench.folder / "shared/shared/manifests/output/output.manifest")
            .read_text()
            .splitlines()
        )
        == 12
    )


# -- manifests


def test_broken_lines_and_repeated_ids_are_listed_and_the_rest_is_labeled(
    bench: Workbench,
) -> None:
    named = {"dataset-objectid-attribute-name": "k"}
    lines = [json.dumps({"source": f"a cat {n}", "k": f"id{n}", **named}) for n in range(10)]
    lines[3] = '{"source": "torn'
    lines[5] = json.dumps({"page": 1})
    lines[7] = json.dumps({"source": "a cat again", "k": "id0", **named})
    bench.apply(bench.body("broken", input=write_manifest(bench, "broken", lines)))
    bench.wait("Succeeded", "True", "broken")
    rejected = [
        json.loads(line)
        for line in (bench.out / "broken/report/rejected.jsonl").read_text().splitlines()
    ]
    assert [one["line"] for one in rejected] == [4, 6, 8], rejected
    assert rejected[2]["reason"] == "DuplicateId"
    assert all(one["reason"] and one["message"] for one in rejected)
    counters = bench.job("broken")["status"]["labelCounters"]
    assert counters["totalLabeled"] == 7


@pytest.mark.parametrize(
    ("name", "lines", "reason", "words"),
    [
        ("empty", [], "ManifestEmpty", ("has no lines", "Write one JSON object a line")),
        (
            "all-broken",
            ["{", "{"],
            "AllItemsRejected",
            ("all 2 lines were rejected", "line 1", "surelabel validate"),
        ),
    ],
)
def test_a_manifest_of_which_nothing_is_left_is_the_users_to_mend(
    bench: Workbench, name: str, lines: list[str], reason: str, words: tuple[str, ...]
) -> None:
    given = write_manifest(bench, name, lines)
    message = bench.stalled(bench.body(name, input=given), reason)
    says(message, "spec.input.manifest", *words)


def test_a_manifest_that_does_not_exist_is_named(bench: Workbench) -> None:
    given = {"manifest": f"file://{bench.data}/nowhere.manifest"}
    message = bench.stalled(bench.body("nowhere", input=given), "ManifestNotFound")
    says(message, "spec.input.manifest", given["manifest"], "does not exist", "Upload it")


def write_png(path: Path) -> str:
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    Image.new("L", (8, 8), 128).save(path)
    return f"file://{path}"


def test_missing_images_fail_alone_and_stand_in_the_list_of_what_has_no_label(
    bench: Workbench,
) -> None:
    uris = [write_png(bench.data / "images" / f"{n}.png") for n in range(12)]
    for number in (2, 9):
        Path(uris[number].removeprefix("file://")).unlink()
    lines = [json.dumps({"source-ref": uri}) for uri in uris]
    given = write_manifest(bench, "images", lines)
    bench.apply(bench.body("images", taskType="ImageClassification", input=given))
    job = bench.wait("Succeeded", "True", "images")
    assert job["status"]["labelCounters"]["totalLabeled"] == 10
    unlabeled = [
        json.loads(line)
        for line in (bench.out / "images/report/unlabeled.jsonl").read_text().splitlines()
    ]
    assert [one["source-ref"] for one in unlabeled] == [uris[2], uris[9]], unlabeled
    assert {one["reason"] for one in unlabeled} == {"MissingMedia"}
    assert [line["source-ref"] for line in bench.lines("images")] == uris


def test_no_image_at_all_is_the_users_to_mend(bench: Workbench) -> None:
    lines = [json.dumps({"source-ref": f"file://{bench.data}/gone/{n}.png"}) for n in range(3)]
    given = write_manifest(bench, "no-images", lines)
    body = bench.body("no-images", taskType="ImageClassification", input=given)
    message = bench.stalled(body, "AllMediaMissing")
    says(message, "spec.input.manifest", "3 lines", "line 1", "Check the URIs")


def test_one_class_only_falls_back_to_people_and_says_so(bench: Workbench) -> None:
    truth = bench.data / "one-class.jsonl"
    truth.write_text('{"label": "cat"}\n' * 12)
    team = small_job.team(bench.data)
    team["metadata"]["name"] = "one-class"
    team["spec"]["simulated"]["truthURI"] = f"file://{truth}"
    bench.admin.apply(team_path(bench.namespace), team)
    workforce = {"workTeam": "one-class", "annotatorsPerItem": 3, "maxOpenItems": 12}
    bench.apply(bench.body("one-class", workforce=workforce))
    job = bench.wait("Succeeded", "True", "one-class")
    assert job["status"]["labelCounters"]["humanLabeled"] == 12
    # A step has one Event, in which all of its notices stand.
    told = until(
        "the notice",
        lambda: [
            event["message"]
            for event in bench.events()
            if event["involvedObject"]["name"] == "one-class" and "1 of 2" in event["message"]
        ],
    )
    says(told[0], "people gave 1 of 2 labels", "needs at least 2", "People label on")


# -- Ray


def test_a_ray_that_cannot_be_reached_is_told_until_it_answers(
    tmp_path: Path, control_plane: Any, fork_server: ForkServer
) -> None:
    token = tmp_path / "token"
    token.write_text("t")
    with Workbench(
        tmp_path / "bench", control_plane.kubeconfig, fork_server.address, token_file=token
    ) as bench:
        bench.start().apply(bench.body())
        job = bench.wait("Ready", "False", reason="RayUnreachable")
        says(condition(job, "Ready")["message"], "http://127.0.0.1:9")
        assert condition(job, "Stalled")["status"] == "False"
        assert job["status"]["step"].get("failures", 0) == 0


@pytest.mark.ray
def test_a_wrong_token_is_told_without_the_token(
    tmp_path: Path, control_plane: Any, fork_server: ForkServer, ray_head: Any
) -> None:
    token = tmp_path / "token"
    token.write_text("not-the-right-token")
    cluster = {"name": "x", "url": ray_head.url, "tokenSecret": "ray", "namespaces": ["*"]}
    with Workbench(
        tmp_path / "bench",
        control_plane.kubeconfig,
        fork_server.address,
        settings={"rayClusters": [cluster]},
        token_file=token,
    ) as bench:
        bench.start().apply(bench.body())
        job = bench.wait("Ready", "False", reason="RayUnauthorized")
        says(condition(job, "Ready")["message"], ray_head.url, "token")
        assert "not-the-right-token" not in json.dumps(job) + bench.text()
