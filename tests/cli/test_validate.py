"""`surelabel validate`: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from surelabel_cli.manifest_file import ManifestRules, manifest_problems
from surelabel_cli.resource_file import ResourceFileError, read_documents
from surelabel_cli.validate import validate
from surelabel_contract.task_types import TASK_TYPE_FACTS
from surelabel_operator.generate import ROOT

app = typer.Typer()
app.command()(validate)

JOB = """\
apiVersion: surelabel.dev/v1alpha1
kind: LabelingJob
metadata:
  name: birds
spec:
  taskType: TextClassification
  labels:
  - name: Falcon
  - name: Heron
  input:
    manifest: s3://bucket/in
  output:
    uri: s3://bucket/out
  workforce:
    workTeam: team
  compute:
    ray: {address: {name: shared}}
"""


def run(*arguments: object) -> tuple[int, list[str]]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output.splitlines()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)

    def _write(name: str, text: str | bytes) -> Path:
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return Path(name)

    return _write


@pytest.mark.parametrize(
    "path", sorted((ROOT / "crds" / "samples").glob("*.yaml")), ids=lambda path: path.name
)
def test_samples_are_valid(path: Path) -> None:
    code, lines = run(path)
    assert code == 0
    assert lines[0].startswith(f"{path}: valid (LabelingJob ")


def test_everything_wrong_is_told_with_its_line(write) -> None:  # type: ignore[no-untyped-def]
    text = JOB.replace("TextClassification", "Audio").replace("s3://bucket/out", "bucket/out")
    write("job.yaml", text.replace("workTeam: team", "workTeam: Team\n    annotators: 3"))
    code, lines = run("job.yaml")
    assert code == 1
    assert lines == [
        'job.yaml:16: LabelingJob birds: spec.workforce.annotators: unknown field "spec.workforce'
        '.annotators"',
        'job.yaml:6: LabelingJob birds: spec.taskType: Unsupported value: "Audio": supported '
        f"values: {', '.join(json.dumps(name) for name in sorted(TASK_TYPE_FACTS))}",
        'job.yaml:13: LabelingJob birds: spec.output.uri: Invalid value: "bucket/out": must be a '
        "URI such as s3://bucket/path, gs://bucket/path, az://container/path or file:///path, "
        "without ? and #",
        'job.yaml:15: LabelingJob birds: spec.workforce.workTeam: Invalid value: "Team": must be '
        "the name of a WorkTeam of this namespace: a-z, 0-9, '-', '.'",
        "4 problems.",
    ]


def test_a_missing_field_is_told_at_the_line_around_it(write) -> None:  # type: ignore[no-untyped-def]
    write("job.yaml", JOB.replace("    workTeam: team\n", "    annotatorsPerItem: 3\n"))
    code, lines = run("job.yaml")
    assert code == 1
    assert lines[0] == ("job.yaml:14: LabelingJob birds: spec.workforce.workTeam: Required value")


def test_each_document_of_a_file_is_looked_at(write) -> None:  # type: ignore[no-untyped-def]
    team = "apiVersion: surelabel.dev/v1alpha1\nkind: WorkTeam\nmetadata: {name: team}\nspec: {}\n"
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s3}\n"
    write("all.yaml", f"{JOB}---\n{secret}---\n{team}")
    code, lines = run("all.yaml")
    assert code == 1
    assert lines == [
        "all.yaml:26: WorkTeam team: spec: Invalid value: needs exactly one of: simulated",
        "1 problem.",
    ]


def team(name: str = "team", n_members: int = 3, namespace: str | None = None) -> str:
    members = ", ".join(f"{{name: m{i}, accuracyPermille: 900}}" for i in range(n_members))
    place = f", namespace: {namespace}" if namespace else ""
    return f"""\
apiVersion: surelabel.dev/v1alpha1
kind: WorkTeam
metadata: {{name: {name}{place}}}
spec: {{simulated: {{truthURI: "s3://bucket/truth", annotators: [{members}]}}}}
"""


NOT_FOUND = (
    "LabelingJob birds: WorkTeamNotFound: spec.workforce.workTeam: no WorkTeam 'team' in namespace "
    "'{}'. Create it, or name another."
)


def test_a_team_that_no_document_has_is_told_in_the_operators_words(write) -> None:  # type: ignore[no-untyped-def]
    write("all.yaml", f"{JOB}---\n{team('tema')}")
    assert run("all.yaml") == (1, [f"all.yaml:15: {NOT_FOUND.format('default')}", "1 problem."])


def test_a_team_in_another_file_is_found(write) -> None:  # type: ignore[no-untyped-def]
    write("job.yaml", JOB)
    write("team.yaml", team())
    assert run("job.yaml", "team.yaml")[0] == 0


def test_without_any_team_in_the_files_it_may_be_in_the_cluster(write) -> None:  # type: ignore[no-untyped-def]
    write("job.yaml", JOB)
    assert run("job.yaml")[0] == 0


def test_a_team_of_another_namespace_is_not_the_jobs(write) -> None:  # type: ignore[no-untyped-def]
    job = JOB.replace("  name: birds\n", "  name: birds\n  namespace: vision\n")
    write("job.yaml", job)
    write("team.yaml", team(namespace="other"))
    code, lines = run("job.yaml", "team.yaml")
    assert code == 1
    assert lines[0] == f"job.yaml:16: {NOT_FOUND.format('vision')}"


def test_a_namespace_that_kubectl_will_choose_may_be_the_same(write) -> None:  # type: ignore[no-untyped-def]
    write("job.yaml", JOB)
    write("team.yaml", team(namespace="vision"))
    assert run("job.yaml", "team.yaml")[0] == 0


@pytest.mark.parametrize(
    ("field", "line", "asked"), [("", 14, 3), ("    annotatorsPerItem: 5\n", 16, 5)]
)
def test_a_team_that_is_too_small_is_told_in_the_operators_words(
    write,  # type: ignore[no-untyped-def]
    field: str,
    line: int,
    asked: int,
) -> None:
    job = JOB.replace("    workTeam: team\n", f"    workTeam: team\n{field}")
    write("all.yaml", f"{job}---\n{team(n_members=2)}")
    code, lines = run("all.yaml")
    assert code == 1
    assert lines == [
        f"all.yaml:{line}: LabelingJob birds: WorkTeamTooSmall: spec.workforce.annotatorsPerItem: "
        "must be at most 2, the number of active members of WorkTeam 'team'; got "
        f"{asked}. Add people to the team, or ask fewer for an item.",
        "1 problem.",
    ]


def test_a_team_that_cannot_be_read_has_no_size(write) -> None:  # type: ignore[no-untyped-def]
    broken = team(n_members=2).replace("s3://bucket/truth", "truth")
    write("all.yaml", f"{JOB}---\n{broken}")
    code, lines = run("all.yaml")
    assert code == 1
    assert len(lines) == 2
    assert "truthURI" in lines[0]


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("a: [1\nb: 2\n", 2, "is not YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands twice; remove one"),
        ("a: 1\nb: \x01\n", 2, "is not YAML: the character 0x0001 is not allowed; remove it"),
        ("a: 1\nb: 0x_\n", 2, "is not YAML: '0x_' cannot be read as int; quote it if it is text"),
        ("a: !!int xx\n", 1, "is not YAML: 'xx' cannot be read as int"),
        ("a: !!int\n", 1, "is not YAML: '' cannot be read as int"),
        ("a: !!float x\n", 1, "is not YAML: 'x' cannot be read as float"),
        ("a: !!timestamp 2026-13-01\n", 1, "is not YAML: '2026-13-01' cannot be read as"),
        ("a: !!timestamp today\n", 1, "is not YAML: 'today' cannot be read as timestamp"),
        ("a: " + "9" * 5000, 1, "is not YAML: '" + "9" * 40 + "'... cannot be read as int"),
        ("a: !!python/object:os.system x\n", 1, "is not YAML: could not determine a constructor"),
        ("[" * 60 + "]" * 60, 1, "nests deeper than 50 levels"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(
    write,  # type: ignore[no-untyped-def]
    text: str,
    line: int,
    expected: str,
) -> None:
    write("job.yaml", text)
    code, lines = run("job.yaml")
    assert code == 1
    assert lines[0].startswith(f"job.yaml:{line}: {expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "5",
            "job.yaml:1: is no Kubernetes object: it needs apiVersion and kind, both text; got a "
            "number",
        ),
        (
            "- a\n- b\n",
            "job.yaml:1: is no Kubernetes object: it needs apiVersion and kind, both text; got a "
            "list",
        ),
        (
            "apiVersion: [surelabel.dev/v1alpha1]\nkind: LabelingJob\n",
            "job.yaml:1: is no Kubernetes object: it needs apiVersion and kind, both text; got "
            "apiVersion ['surelabel.dev/v1alpha1'] and kind 'LabelingJob'",
        ),
        ("", "job.yaml: has no documents; write a LabelingJob or a WorkTeam in it"),
        (
            "apiVersion: surelabel.dev/v1\nkind: LabelingJob\n",
            "job.yaml:1: surelabel.dev/v1 LabelingJob: write apiVersion: surelabel.dev/v1alpha1, "
            "and kind: LabelingJob or WorkTeam",
        ),
    ],
)
def test_what_is_no_resource_is_refused(write, text: str, expected: str) -> None:  # type: ignore[no-untyped-def]
    write("job.yaml", text)
    assert run("job.yaml") == (1, [expected, "1 problem."])


# Few bytes whose aliases stand for 9 ** 8 numbers.
_LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a: \xff\n", "job.yaml: is not UTF-8: byte 3. Convert the file to UTF-8."),
        (b"[" * 100_000, "job.yaml: nests deeper than 50 levels"),
        (_LAUGHS.encode(), "job.yaml: has more than 100000 fields"),
        (b"a" * (9 << 20), "job.yaml: is larger than 8388608 bytes; is it a file of resources?"),
    ],
    ids=["not UTF-8", "nested without end", "a billion laughs", "huge"],
)
def test_a_file_of_something_else_is_refused(write, text: bytes, expected: str) -> None:  # type: ignore[no-untyped-def]
    write("job.yaml", text)
    assert run("job.yaml") == (1, [expected, "1 problem."])


def test_a_file_that_is_not_there_is_told(write) -> None:  # type: ignore[no-untyped-def]
    code, lines = run("none.yaml", "none.manifest", "--task-type", "TextClassification")
    assert code == 1
    assert lines[:2] == [
        "none.yaml: cannot be read: No such file or directory",
        "none.manifest: cannot be read: No such file or directory",
    ]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("y", True),
        ("off", False),
        ("1:30", "1:30"),
        ("010", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", 1_000),
        ("1e3", 1_000),
        ("089", 89),
        ("-7", -7),
        (".5", 0.5),
        ("2026-01-01", "2026-01-01"),
        ("=", "="),
        ("~", None),
        ("'y'", "y"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars_are_read_as_kubectl_reads_them(scalar: str, value: object) -> None:
    assert read_documents(f"a: {scalar}\n")[0].value == {"a": value}


def test_anchors_and_merges_are_followed() -> None:
    [document] = read_documents("a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n")
    assert document.value == {"a": {"b": 1}, "c": {"b": 1, "d": 2}}


def test_a_recursive_document_ends_in_an_error() -> None:
    with pytest.raises(ResourceFileError, match="nests deeper"):
        read_documents("a: &x [*x]\n")


MANIFEST = b"""\
{"source": "a falcon"}
{"source-ref": "s3://bucket/b.txt", "note": 5}

{"source": ""}
{"label": 1}
[1]
{"source": "x", "dataset-objectid-attribute-name": "k", "k": "0"}
"""


def test_a_manifest_is_held_to_the_rules_of_the_stage(write) -> None:  # type: ignore[no-untyped-def]
    write("in.manifest", MANIFEST)
    code, lines = run("in.manifest", "--task-type", "TextClassification")
    assert code == 1
    assert [line.split(":")[:3] for line in lines[:-1]] == [
        ["in.manifest", "3", " EmptyLine"],
        ["in.manifest", "4", " InvalidSource"],
        ["in.manifest", "5", " NoSource"],
        ["in.manifest", "6", " NotAnObject"],
        ["in.manifest", "7", " DuplicateId"],
    ]
    assert lines[-1] == "5 problems."


@pytest.mark.parametrize("length", [400_000, 400_001, 800_002, 3_000_000])
def test_a_line_without_end_is_not_held_in_memory(write, length: int) -> None:  # type: ignore[no-untyped-def]
    write("in.manifest", b'{"source": "a"}\n' + b"[" * length + b'\n{"source": "b"}\n{}')
    rules = ManifestRules("TextClassification")
    write("warm.manifest", b"")
    assert list(manifest_problems(Path("warm.manifest"), rules)) == []
    tracemalloc.start()
    try:
        found = list(manifest_problems(Path("in.manifest"), rules))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    problems = [(line, message.split(":")[0] if message else None) for line, message in found]
    reason = "TooLong" if length > 400_000 else "InvalidJson"
    assert problems == [(1, None), (2, reason), (3, None), (4, "NoSource")]
    assert peak < 1_700_000


def test_a_job_beside_a_manifest_gives_type_labels_and_attribute(write) -> None:  # type: ignore[no-untyped-def]
    write("job.yaml", JOB)
    write("in.jsonl", b'{"source": "a", "birds": 1}\n{"source": "b", "birds": 2}\n')
    code, lines = run("job.yaml", "in.jsonl")
    assert code == 1
    assert lines[0] == "job.yaml: valid (LabelingJob birds)"
    assert lines[1].startswith("in.jsonl:2: InvalidLabel: 'birds' is there already")


def test_the_short_form_of_a_job_file_is_refused_inside_a_manifest(write) -> None:  # type: ignore[no-untyped-def]
    write("in.manifest", b'{"source-ref": "file://./0.png"}\n{"source-ref": "file:///0.png"}\n')
    code, lines = run("in.manifest", "--task-type", "ImageClassification")
    assert code == 1
    assert lines == [
        "in.manifest:1: InvalidSource: 'source-ref' 'file://./0.png': file://./ is understood in "
        "the job file of `surelabel run` alone, where it means the folder of the run. Write "
        "file:///absolute/path where local files are allowed, else s3://bucket/path.",
        "1 problem.",
    ]


def test_a_manifest_must_have_the_label_that_people_correct(write) -> None:  # type: ignore[no-untyped-def]
    job = JOB.replace("TextClassification", "LabelAdjustment")
    job = job.replace("s3://bucket/in\n", "s3://bucket/in\n    auditLabelAttributeName: rough\n")
    write("job.yaml", job)
    label = {"image_size": [{"width": 9, "height": 9, "depth": 3}], "annotations": []}
    about = {"objects": [], "class-map": {}, "type": "groundtruth/object-detection"}
    good = {"source-ref": "s3://b/0.png", "rough": label, "rough-metadata": about}
    bad = [
        {"source-ref": "s3://b/1.png"},
        {**good, "rough": {"annotations": [{"class_id": 7}]}},
    ]
    write("in.manifest", "".join(json.dumps(line) + "\n" for line in (good, *bad)))
    code, lines = run("job.yaml", "in.manifest")
    assert code == 1
    assert lines[0] == "job.yaml: valid (LabelingJob birds)"
    assert lines[1].startswith(
        "in.manifest:2: NoEarlierLabel: 'rough', the label that people are to look at, is not there"
    )
    assert lines[2].startswith("in.manifest:3: InvalidLabel: 'rough', the label that people are")
    assert lines[3] == "2 problems."


def test_a_manifest_alone_needs_a_task_type(write) -> None:  # type: ignore[no-untyped-def]
    write("in.manifest", b'{"source": "a"}\n')
    code, lines = run("in.manifest")
    assert code == 1
    assert lines[0].startswith("in.manifest: needs to know the task type: pass --task-type")
    code, lines = run("in.manifest", "--task-type", "Audio")
    assert lines[0].endswith(
        f"--task-type: must be one of {', '.join(TASK_TYPE_FACTS)}; got 'Audio'"
    )
    assert run("in.manifest", "--task-type", "TextClassification") == (
        0,
        ["in.manifest: valid (1 item)"],
    )


def test_an_empty_manifest_and_a_strange_name_are_refused(write) -> None:  # type: ignore[no-untyped-def]
    write("in.manifest", b"")
    write("in.txt", b"")
    code, lines = run("in.manifest", "in.txt", "--task-type", "TextClassification")
    assert code == 1
    assert lines[0].startswith("in.manifest: has no lines; at least one is needed, such as {")
    assert lines[1].startswith("in.txt: what it has is told by the end of its name (.yaml,")
