"""A case for each CEL rule of the resources, with the refusal exactly as the user reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from resource_cases import CORRECTING, OWN_MODEL, REMOVED, Case, Changes, rule_key, way_to_ray
from surelabel_contract.model_names import FIXED_MODELS
from surelabel_contract.task_types import CONSOLIDATION_METHODS, TASK_TYPE_FACTS
from surelabel_operator.crd import KINDS, build_schema
from surelabel_operator.resources.kube_ray import RAY_VERSION_RULE


def cel_rules(kind: str) -> set[str]:
    """Every CEL rule of the generated CRD."""
    model = next(k.model for k in KINDS if k.name == kind)
    found: set[str] = set()

    def walk(node: dict[str, Any], path: str) -> None:
        for rule in node.get("x-kubernetes-validations", []):
            found.add(rule_key(path, rule["message"]))
        for name, child in node.get("properties", {}).items():
            walk(child, f"{path}.{name}".lstrip("."))
        if "items" in node:
            walk(node["items"], f"{path}[]")

    walk(build_schema(model), "")
    return found


_OF_CLASSES = "ImageClassification"
_WITH_TOLERANCE = "BoundingBox, NamedEntityRecognition, SemanticSegmentation"
_LEARNABLE = ", ".join(sorted(n for n, facts in TASK_TYPE_FACTS.items() if facts.has_model))
# Without models, which learn classes only.
_PEOPLE = {"spec.autoLabeling": REMOVED}
_OTHER = "create another LabelingJob instead"
_URI = (
    "must be a URI such as s3://bucket/path, gs://bucket/path, az://container/path or "
    "file:///path, without ? and #"
)
_SECRET = "must be the name of a Secret of this namespace: a-z, 0-9, '-', '.'"
_DOTS = "must not contain '..'"
_DECIMAL = "must be a decimal number such as 0.012, with at most 6 digits after the point"
_CURRENCY = "must be an ISO 4217 code such as USD"
_HOST = "must be http(s)://host[:port], without path, user or query"
_CALLED = "(without it the label attribute is called as the job)"
_NAME = (
    "must have at most 40 characters a-z, 0-9 and -, begin with a letter and not end with -, "
    "since children are named after it"
)


def _scalar(
    name: str, path: str, message: str, good: str, bad: str, kind: str = "LabelingJob", **more: Any
) -> Case:
    """A rule on one string, which the API server prints before the message."""
    rule = rule_key(path.replace(".0", "[]"), message)
    shown = path.replace(".0", "[0]")
    refusal = f"{shown}: Invalid value: {json.dumps(bad)}: {message}"
    changes = {path: good}, {path: bad}
    return Case(name, kind, rule, *changes, frozenset({refusal}), **more)


def _immutable(path: str, what: str, bad: Any, shown: str = "", **more: Any) -> Case:
    """A rule that refuses every other value; the same value is accepted."""
    message = f"{what} is immutable; {_OTHER}"
    value = f"{shown}: " if shown else ""
    return Case(
        name=f"{what} cannot change",
        kind="LabelingJob",
        rule=rule_key(path, message),
        good={},
        bad={path: bad},
        refusals=frozenset({f"{path}: Invalid value: {value}{message}"}),
        update=True,
        **more,
    )


def _spec_rule(
    name: str, where: str, field_: str, message: str, good: Changes, bad: Changes, **more: Any
) -> Case:
    """A rule over several fields, told at ``field_``."""
    refusals = frozenset({f"{field_}: Invalid value: {message}"})
    return Case(name, "LabelingJob", rule_key(where, message), good, bad, refusals, **more)


_ATTRIBUTE = "spec.labelAttributeName"
_ENCODER = "spec.autoLabeling.encoder"
_ENCODING_IMAGES = "ImageClassification, ImageClassificationMultiLabel"
_ENCODING_TEXTS = "TextClassification, TextClassificationMultiLabel"
_ENCODING = f"{_ENCODING_IMAGES}, {_ENCODING_TEXTS}"
_AUDITED = "spec.input.auditLabelAttributeName"
_SEED_MESSAGE = f"seed is immutable, also its absence; {_OTHER}"
_ATTRIBUTE_MESSAGE = f"labelAttributeName is immutable, also its absence; {_OTHER}"
_AUTO_MESSAGE = f"autoLabeling cannot be added or removed later; {_OTHER}"
_RAY_MESSAGE = f"the way to Ray (address, cluster, selector) is immutable; {_OTHER}"
_INITIAL_MESSAGE = f"initialModelURI is immutable, also its absence; {_OTHER}"
_PARAMETERS_MESSAGE = f"model.parameters is immutable, also its absence; {_OTHER}"
_NO_PARAMETERS = (
    f"{', '.join(FIXED_MODELS)} take none, nor does a model without name and entrypoint, which is "
    "Auto"
)
_TREES = [{"name": "n_estimators", "value": "200"}]
_ONE_RAY = "needs exactly one of: address, cluster, selector"


def _method_cases() -> Iterator[Case]:
    """Task types with the same methods share a rule, which names both."""
    sharing: dict[tuple[str, ...], list[str]] = {}
    for name, facts in sorted(TASK_TYPE_FACTS.items()):
        sharing.setdefault(facts.methods, []).append(name)
    for methods, types in sharing.items():
        allowed, of_types = (
            each[0] if len(each) == 1 else f"one of {', '.join(each)}" for each in (methods, types)
        )
        facts = TASK_TYPE_FACTS[types[0]]
        job: Changes = {"spec.taskType": types[0], **_PEOPLE}
        if facts.least_labels == 0:
            job |= {"spec.labels": REMOVED}
        if facts.needs_ref:
            job |= {_ATTRIBUTE: REMOVED}
        foreign = next(each for each in CONSOLIDATION_METHODS if each not in methods)
        yield _spec_rule(
            f"a method is one of those of {types[0]}",
            "spec",
            "spec.consolidation.method",
            f"must be {allowed} where taskType is {of_types}",
            job | {"spec.consolidation.method": methods[-1]},
            job | {"spec.consolidation.method": foreign},
        )


def _kube_ray_cases() -> Iterator[Case]:
    """Rules of the parts below compute.ray.cluster and compute.ray.selector."""
    cluster = "spec.compute.ray.cluster"
    template = f"{cluster}.template"
    name = "must have a-z, 0-9 and '-' only"
    key = "must be the key of a label, such as pool or example.com/pool"
    value = "must be the value of a label: letters, digits, '-', '_', '.'"
    pods = ("head", "workers.0")
    for path, message, good, bad in (
        (f"{cluster}.queueName", name, "team-1", "Team"),
        *(
            (f"{template}.rayVersion", RAY_VERSION_RULE, good, bad)
            for good, bad in (("2.52.0", "2.51.9"), ("3.0.0", "2.9.99"), ("10.1.0", "latest"))
        ),
        (f"{template}.serviceAccountName", name, "pods", "Pods"),
        (f"{template}.priorityClassName", name, "low", "low!"),
        (f"{template}.labels.0.key", key, "example.com/team", "a/b/c"),
        (f"{template}.labels.0.value", value, "Birds_1.2", "a b"),
        *((f"{template}.{pod}.nodeSelector.0.key", key, "zone", "-zone") for pod in pods),
        *((f"{template}.{pod}.nodeSelector.0.value", value, "a", "a/b") for pod in pods),
        *((f"{template}.{pod}.tolerations.0.key", key, "zone", "-zone") for pod in pods),
        *((f"{template}.{pod}.tolerations.0.value", value, "a", "a/b") for pod in pods),
        (f"{template}.workers.0.name", name, "big", "Big"),
        (
            f"{template}.env.0.name",
            "must be the name of a variable: letters, digits, '_'",
            "_A1",
            "1A",
        ),
        (
            f"{template}.env.0.name",
            "must not begin with RAY_ or SURELABEL_, which are set",
            "RAYS",
            "RAY_AUTH_MODE",
        ),
        (f"{template}.envFrom.0.secretName", _SECRET, "keys.v2", "Keys"),
        (f"{template}.volumeClaims.0.claimName", name, "data", "Data"),
        (
            f"{template}.volumeClaims.0.mountPath",
            "must be an absolute path without ':' and '..'",
            "/data/a",
            "/data/../etc",
        ),
        (
            "spec.compute.ray.selector.name",
            "must be the name of a RayCluster: a-z, 0-9, '-'",
            "ray-1",
            "1ray",
        ),
    ):
        what = f"{path.removeprefix('spec.compute.ray.')}: {message}"
        yield _scalar(what, path, message, good, bad, first=way_to_ray(path))


CEL_CASES = [
    _spec_rule(
        "a name fits into the names of children",
        "",
        "metadata.name",
        _NAME,
        {"metadata.name": "b" * 40},
        {"metadata.name": "b" * 41},
    ),
    _spec_rule(
        "a name begins with a letter",
        "",
        "metadata.name",
        _NAME,
        {"metadata.name": "b1-2"},
        {"metadata.name": "1b"},
    ),
    _spec_rule(
        "the label attribute is not the source",
        "",
        _ATTRIBUTE,
        f"must not be source or source-ref, which are the manifest's own {_CALLED}",
        {_ATTRIBUTE: "sources"},
        {_ATTRIBUTE: "source"},
    ),
    _spec_rule(
        "a job without label attribute is not called source",
        "",
        _ATTRIBUTE,
        f"must not be source or source-ref, which are the manifest's own {_CALLED}",
        {_ATTRIBUTE: "birds", "metadata.name": "source"},
        {_ATTRIBUTE: REMOVED, "metadata.name": "source"},
    ),
    _spec_rule(
        "the label attribute is not a label's metadata",
        "",
        _ATTRIBUTE,
        f"must not end with -metadata, which the label's metadata has {_CALLED}",
        {_ATTRIBUTE: "metadata"},
        {_ATTRIBUTE: "birds-metadata"},
    ),
    _spec_rule(
        "a class is no reference",
        "",
        _ATTRIBUTE,
        f"must end with -ref exactly where labels are references to files {_CALLED}",
        {_ATTRIBUTE: "ref"},
        {_ATTRIBUTE: "birds-ref"},
    ),
    _spec_rule(
        "a mask is a reference, also where the job's name is the attribute",
        "",
        _ATTRIBUTE,
        f"must end with -ref exactly where labels are references to files {_CALLED}",
        {"spec.taskType": "SemanticSegmentation", _ATTRIBUTE: REMOVED, **_PEOPLE},
        {"spec.taskType": "SemanticSegmentation", **_PEOPLE},
    ),
    _spec_rule(
        "a corrected mask is a reference, as the earlier one",
        "",
        _ATTRIBUTE,
        f"must end with -ref exactly where labels are references to files {_CALLED}",
        {**CORRECTING, _AUDITED: "rough-ref", _ATTRIBUTE: REMOVED},
        {**CORRECTING, _AUDITED: "rough-ref"},
    ),
    _spec_rule(
        "corrected boxes are no reference, as the earlier ones",
        "",
        _ATTRIBUTE,
        f"must end with -ref exactly where labels are references to files {_CALLED}",
        {**CORRECTING},
        {**CORRECTING, _ATTRIBUTE: "birds-ref"},
    ),
    _spec_rule(
        "a corrected label stands beside the earlier one",
        "",
        _AUDITED,
        "must not be the job's own label attribute, since the earlier label stays",
        {**CORRECTING},
        {**CORRECTING, _AUDITED: "birds"},
    ),
    _spec_rule(
        "who corrects needs to know what",
        "spec",
        _AUDITED,
        "LabelAdjustment needs the key of the label that people correct",
        {**CORRECTING},
        {**CORRECTING, _AUDITED: REMOVED},
    ),
    _spec_rule(
        "only who judges or corrects looks at an earlier label",
        "spec",
        _AUDITED,
        "only LabelVerification and LabelAdjustment look at an earlier label; leave it out",
        {"spec.taskType": "LabelVerification", _AUDITED: "rough", **_PEOPLE},
        {"spec.taskType": "BoundingBox", _AUDITED: "rough", **_PEOPLE},
    ),
    _spec_rule(
        "the earlier label cannot be exchanged",
        "spec",
        _AUDITED,
        f"input.auditLabelAttributeName is immutable, also its absence; {_OTHER}",
        {},
        {_AUDITED: "smooth"},
        update=True,
        first=CORRECTING,
    ),
    _spec_rule(
        "the earlier label cannot be named later",
        "spec",
        _AUDITED,
        f"input.auditLabelAttributeName is immutable, also its absence; {_OTHER}",
        {},
        {_AUDITED: "rough"},
        update=True,
        first={"spec.taskType": "LabelVerification", **_PEOPLE},
    ),
    _scalar(
        "an earlier label has letters, digits and hyphens",
        _AUDITED,
        "must consist of letters, digits and inner hyphens",
        "a--b-9",
        "a_b",
        first=CORRECTING,
    ),
    _scalar(
        "a label attribute has letters, digits and hyphens",
        _ATTRIBUTE,
        "must consist of letters, digits and inner hyphens",
        "a--b-9",
        "a_b",
    ),
    _spec_rule(
        "maxRounds may be lowered to the round reached",
        "",
        "spec.stopping.maxRounds",
        "may be lowered, but not below the round reached (status.step.round)",
        {"spec.stopping.maxRounds": 4},
        {"spec.stopping.maxRounds": 3},
        update=True,
        status={
            "step": {
                "round": 4,
                "stage": "train",
                "generation": 1,
                "name": "x",
                "recordedTime": "2026-01-01T00:00:00Z",
            }
        },
    ),
    _spec_rule(
        "the label attribute cannot change",
        "spec",
        _ATTRIBUTE,
        _ATTRIBUTE_MESSAGE,
        {},
        {_ATTRIBUTE: "others"},
        update=True,
    ),
    _spec_rule(
        "the label attribute cannot come",
        "spec",
        _ATTRIBUTE,
        _ATTRIBUTE_MESSAGE,
        {},
        {_ATTRIBUTE: "birds"},
        update=True,
        first={_ATTRIBUTE: REMOVED},
    ),
    _spec_rule(
        "the label attribute cannot go",
        "spec",
        _ATTRIBUTE,
        _ATTRIBUTE_MESSAGE,
        {},
        {_ATTRIBUTE: REMOVED},
        update=True,
    ),
    _spec_rule(
        "the seed cannot change",
        "spec",
        "spec.seed",
        _SEED_MESSAGE,
        {},
        {"spec.seed": 8},
        update=True,
    ),
    _spec_rule(
        "the seed cannot go",
        "spec",
        "spec.seed",
        _SEED_MESSAGE,
        {},
        {"spec.seed": REMOVED},
        update=True,
    ),
    _spec_rule(
        "auto-labeling cannot go",
        "spec",
        "spec.autoLabeling",
        _AUTO_MESSAGE,
        {"spec.autoLabeling.seedItems": 5},
        {"spec.autoLabeling": REMOVED},
        update=True,
    ),
    _spec_rule(
        "auto-labeling cannot come",
        "spec",
        "spec.autoLabeling",
        _AUTO_MESSAGE,
        {},
        {"spec.autoLabeling": {}},
        update=True,
        first={"spec.autoLabeling": REMOVED},
    ),
    _spec_rule(
        "a limit of costs needs a price",
        "spec",
        "spec.stopping.maxCost",
        "maxCost needs workforce.pricePerAnnotation, so that there is a cost",
        {"spec.workforce.pricePerAnnotation": REMOVED, "spec.stopping.maxCost": REMOVED},
        {"spec.workforce.pricePerAnnotation": REMOVED},
    ),
    _spec_rule(
        "a limit of costs has the currency of the price",
        "spec",
        "spec.stopping.maxCost.currency",
        "must have the currency of workforce.pricePerAnnotation",
        {
            "spec.stopping.maxCost.currency": "EUR",
            "spec.workforce.pricePerAnnotation.currency": "EUR",
        },
        {"spec.stopping.maxCost.currency": "EUR"},
    ),
    _spec_rule(
        "a classification has two labels at least",
        "spec",
        "spec.labels",
        f"{_OF_CLASSES}, LabelVerification, TextClassification need at least 2 labels",
        {},
        {"spec.labels": [{"name": "Falcon"}]},
    ),
    _spec_rule(
        "one class of objects is enough, none is not",
        "spec",
        "spec.labels",
        "BoundingBox, ImageClassificationMultiLabel, InstanceSegmentation, Keypoint, "
        "LabelAdjustment, NamedEntityRecognition, Polygon, Polyline, SemanticSegmentation, "
        "TextClassificationMultiLabel need at least 1 label",
        {"spec.taskType": "BoundingBox", "spec.labels": [{"name": "Bird"}], **_PEOPLE},
        {"spec.taskType": "BoundingBox", "spec.labels": REMOVED, **_PEOPLE},
    ),
    _spec_rule(
        "what has no classes has no labels",
        "spec",
        "spec.labels",
        "FreeText, PairwisePreference, Ranking, Rating need no labels",
        {"spec.taskType": "FreeText", "spec.labels": REMOVED, **_PEOPLE},
        {"spec.taskType": "FreeText", **_PEOPLE},
    ),
    _spec_rule(
        "models learn classes only",
        "spec",
        "spec.autoLabeling",
        f"models learn {_LEARNABLE} only; leave autoLabeling out, and people label everything",
        {"spec.taskType": "Polygon", **_PEOPLE},
        {"spec.taskType": "Polygon", **OWN_MODEL},
    ),
    _spec_rule(
        "what is a class is right or wrong",
        "spec",
        "spec.autoLabeling.tolerancePermille",
        f"only labels of {_WITH_TOLERANCE} are more or less right; leave it out",
        {},
        {"spec.autoLabeling.tolerancePermille": 300},
    ),
    *(
        _spec_rule(
            f"estimators learn classes, {name}",
            "spec",
            "spec.autoLabeling.model",
            f"must be Auto where taskType is not one of {_OF_CLASSES}, TextClassification",
            {},
            {"spec.autoLabeling.model": model},
            first={"spec.taskType": "TextClassificationMultiLabel", **OWN_MODEL},
        )
        for name, model in (
            ("by name", {"name": "SVM"}),
            ("by entrypoint", {"entrypoint": "company:Net"}),
        )
    ),
    _spec_rule(
        "an initial model gives classes",
        "spec",
        "spec.autoLabeling.initialModelURI",
        f"goes with taskType one of {_OF_CLASSES}, TextClassification; leave it out",
        {},
        {"spec.autoLabeling.initialModelURI": "s3://bucket/model.skops"},
        first={"spec.taskType": "TextClassificationMultiLabel", **OWN_MODEL},
    ),
    _spec_rule(
        "only single classes have a promise each",
        "spec",
        "spec.autoLabeling.guarantee",
        f"must be Overall where taskType is not one of {_OF_CLASSES}, TextClassification: only "
        "labels that are one class can be promised by class",
        {},
        {"spec.autoLabeling.guarantee": "PerClass"},
        first={"spec.taskType": "TextClassificationMultiLabel", **OWN_MODEL},
    ),
    _spec_rule(
        "a tolerance cannot come",
        "spec.autoLabeling",
        "spec.autoLabeling.tolerancePermille",
        f"tolerancePermille is immutable, also its absence; {_OTHER}",
        {},
        {"spec.autoLabeling.tolerancePermille": 300},
        update=True,
        first={"spec.taskType": "NamedEntityRecognition", **OWN_MODEL},
    ),
    _immutable("spec.taskType", "taskType", "TextClassification", '"TextClassification"'),
    Case(
        "classes keep their order",
        "LabelingJob",
        rule_key("spec.labels", f"names and order of labels are immutable; {_OTHER}"),
        {},
        {"spec.labels": [{"name": "Heron"}, {"name": "Falcon"}]},
        frozenset(
            {f"spec.labels: Invalid value: names and order of labels are immutable; {_OTHER}"}
        ),
        update=True,
    ),
    Case(
        "no class is added",
        "LabelingJob",
        rule_key("spec.labels", f"names and order of labels are immutable; {_OTHER}"),
        {},
        {"spec.labels": [{"name": "Falcon"}, {"name": "Heron"}, {"name": "Owl"}]},
        frozenset(
            {f"spec.labels: Invalid value: names and order of labels are immutable; {_OTHER}"}
        ),
        update=True,
    ),
    _scalar(
        "an input manifest is a URI",
        "spec.input.manifest",
        _URI,
        "file://./digits/input.manifest",
        "bucket/in.manifest",
    ),
    _scalar(
        "an input manifest lies where it says",
        "spec.input.manifest",
        _DOTS,
        "gs://bucket/a..b/in",
        "gs://bucket/../in",
    ),
    _immutable("spec.input.manifest", "input.manifest", "s3://bucket/other", '"s3://bucket/other"'),
    _scalar("an output is a URI", "spec.output.uri", _URI, "az://container", "https://bucket/out"),
    _scalar(
        "an output lies where it says", "spec.output.uri", _DOTS, "file:///a/b", "file:///a/.."
    ),
    _immutable("spec.output.uri", "output.uri", "s3://bucket/other", '"s3://bucket/other"'),
    _spec_rule(
        "a KMS key needs KMS",
        "spec.storage.serverSideEncryption",
        "spec.storage.serverSideEncryption.keyID",
        "keyID goes with type aws:kms only",
        {"spec.storage.serverSideEncryption": {"type": "AES256"}},
        {"spec.storage.serverSideEncryption.type": "AES256"},
    ),
    _scalar(
        "a Secret is named",
        "spec.storage.secretName",
        _SECRET,
        "s3.example-1",
        "team/s3",
    ),
    _scalar(
        "a store's address is an origin",
        "spec.storage.endpoint",
        _HOST,
        "http://127.0.0.1:7070",
        "https://user@s3.example",
    ),
    _spec_rule(
        "unsure items get no fewer annotators",
        "spec.workforce",
        "spec.workforce.maxAnnotatorsPerItem",
        "must be at least annotatorsPerItem",
        {"spec.workforce.maxAnnotatorsPerItem": 3},
        {"spec.workforce.maxAnnotatorsPerItem": 2},
    ),
    _scalar(
        "a WorkTeam is named",
        "spec.workforce.workTeam",
        "must be the name of a WorkTeam of this namespace: a-z, 0-9, '-', '.'",
        "team-1",
        "Team",
    ),
    _immutable("spec.workforce.annotatorsPerItem", "annotatorsPerItem", 2, "2"),
    _scalar(
        "a price is a decimal",
        "spec.workforce.pricePerAnnotation.amount",
        _DECIMAL,
        "12",
        "1.2.3",
    ),
    _scalar(
        "a price has a currency",
        "spec.workforce.pricePerAnnotation.currency",
        _CURRENCY,
        "EUR",
        "Eur",
        first={"spec.stopping.maxCost": REMOVED},
    ),
    _scalar("a limit is a decimal", "spec.stopping.maxCost.amount", _DECIMAL, "0.000001", "-1"),
    Case(
        "a limit has a currency",
        "LabelingJob",
        rule_key("spec.stopping.maxCost.currency", _CURRENCY),
        {"spec.stopping.maxCost.currency": "USD"},
        {"spec.stopping.maxCost.currency": "$"},
        frozenset(
            {
                f'spec.stopping.maxCost.currency: Invalid value: "$": {_CURRENCY}',
                "spec.stopping.maxCost.currency: Invalid value: "
                "must have the currency of workforce.pricePerAnnotation",
            }
        ),
    ),
    _immutable("spec.consolidation", "consolidation", {"method": "MajorityVote"}),
    _immutable("spec.autoLabeling.targetErrorPermille", "targetErrorPermille", 60, "60"),
    _immutable("spec.autoLabeling.riskPermille", "riskPermille", 60, "60"),
    *(
        Case(
            name,
            "LabelingJob",
            rule_key("spec.autoLabeling", f"model is immutable; {_OTHER}"),
            {"spec.autoLabeling.model": good},
            {"spec.autoLabeling.model": bad},
            frozenset({f"spec.autoLabeling.model: Invalid value: model is immutable; {_OTHER}"}),
            update=True,
            first={"spec.autoLabeling.model": first},
        )
        for name, first, good, bad in (
            ("model cannot change", {"name": "SVM"}, {"name": "SVM"}, {"name": "KernelRidge"}),
            ("Auto may be left out", {"name": "Auto"}, {}, {"name": "SVM"}),
            ("Auto may be named", {}, {"name": "Auto"}, {"entrypoint": "company:Net"}),
            (
                "an entrypoint cannot change",
                {"entrypoint": "company:Net"},
                {"entrypoint": "company:Net"},
                {"entrypoint": "company:Tree"},
            ),
        )
    ),
    *(
        Case(
            name,
            "LabelingJob",
            rule_key("spec.autoLabeling.model", _PARAMETERS_MESSAGE),
            {},
            {"spec.autoLabeling.model.parameters": bad},
            frozenset(
                {f"spec.autoLabeling.model.parameters: Invalid value: {_PARAMETERS_MESSAGE}"}
            ),
            update=True,
        )
        for name, bad in (
            ("a parameter cannot change", [{"name": "n_estimators", "value": "3"}]),
            ("parameters cannot go", REMOVED),
        )
    ),
    _spec_rule(
        "a model has a name or an entrypoint",
        "spec.autoLabeling.model",
        "spec.autoLabeling.model",
        "needs name or entrypoint, not both",
        {"spec.autoLabeling.model": {"entrypoint": "company:Net"}},
        {"spec.autoLabeling.model.entrypoint": "company:Net"},
    ),
    *(
        _spec_rule(
            f"a model by {name} takes no parameters",
            "spec.autoLabeling.model",
            "spec.autoLabeling.model.parameters",
            _NO_PARAMETERS,
            {"spec.autoLabeling.model": {**model, "entrypoint": "company:Net", "name": None}},
            {"spec.autoLabeling.model": model},
        )
        for name, model in (
            ("Auto", {"name": "Auto", "parameters": _TREES}),
            ("KernelRidge", {"name": "KernelRidge", "parameters": _TREES}),
            ("nothing", {"parameters": _TREES}),
        )
    ),
    _scalar(
        "an initial model is a URI",
        "spec.autoLabeling.initialModelURI",
        _URI,
        "gs://bucket/model.skops",
        "model.skops",
    ),
    _scalar(
        "an initial model lies where it says",
        "spec.autoLabeling.initialModelURI",
        _DOTS,
        "s3://bucket/a",
        "s3://bucket/a/../b",
    ),
    *(
        Case(
            name,
            "LabelingJob",
            rule_key("spec.autoLabeling", _INITIAL_MESSAGE),
            {},
            {"spec.autoLabeling.initialModelURI": bad},
            frozenset({f"spec.autoLabeling.initialModelURI: Invalid value: {_INITIAL_MESSAGE}"}),
            update=True,
            first=first,
        )
        for name, bad, first in (
            ("an initial model cannot change", "s3://bucket/other", {}),
            ("an initial model cannot go", REMOVED, {}),
            (
                "an initial model cannot come",
                "s3://bucket/other",
                {"spec.autoLabeling.initialModelURI": REMOVED},
            ),
        )
    ),
    _scalar(
        "an entrypoint is module:Class",
        "spec.autoLabeling.model.entrypoint",
        "must be module:Class, such as company.models:Net",
        "company.models:Net",
        "company.models.Net",
        first={"spec.autoLabeling.model": {}},
    ),
    _scalar(
        "a parameter is a name of Python",
        "spec.autoLabeling.model.parameters.0.name",
        "must be the name of a parameter: letters, digits, '_', no digit first",
        "max_depth",
        "max-depth",
    ),
    _immutable("spec.autoLabeling.encoder", "encoder", {"name": "EfficientNetLite0"}),
    _spec_rule(
        "there is one encoder",
        _ENCODER,
        _ENCODER,
        "needs exactly one of: name, uri, package",
        {_ENCODER: {"uri": "s3://bucket/encoder.onnx"}},
        {_ENCODER: {"name": "Builtin", "uri": "s3://bucket/encoder.onnx"}},
    ),
    _spec_rule(
        "an encoder of texts is none of pictures",
        "spec",
        f"{_ENCODER}.name",
        f"MiniLM encodes texts: taskType must be one of {_ENCODING_TEXTS}",
        {_ENCODER: {"name": "MiniLM"}, "spec.taskType": "TextClassification"},
        {_ENCODER: {"name": "MiniLM"}},
    ),
    _spec_rule(
        "an encoder of pictures is none of texts",
        "spec",
        f"{_ENCODER}.name",
        f"EfficientNetLite0 encodes images: taskType must be one of {_ENCODING_IMAGES}",
        {_ENCODER: {"name": "EfficientNetLite0"}},
        {_ENCODER: {"name": "EfficientNetLite0"}, "spec.taskType": "TextClassification"},
    ),
    Case(
        "an encoder makes one row of features an item",
        "LabelingJob",
        rule_key("spec", f"must be Builtin unless taskType is one of {_ENCODING}"),
        {_ENCODER: {"uri": "s3://bucket/encoder.onnx"}},
        {
            "spec.taskType": "NamedEntityRecognition",
            **OWN_MODEL,
            _ENCODER: {"uri": "s3://bucket/encoder.onnx"},
        },
        frozenset(
            {f"{_ENCODER}: Invalid value: must be Builtin unless taskType is one of {_ENCODING}"}
        ),
    ),
    _scalar(
        "an encoder's URI is one",
        f"{_ENCODER}.uri",
        _URI,
        "s3://bucket/encoder.onnx",
        "encoder.onnx",
        first={f"{_ENCODER}.name": REMOVED},
    ),
    _scalar(
        "an encoder lies where it says",
        f"{_ENCODER}.uri",
        _DOTS,
        "s3://bucket/a",
        "s3://bucket/a/../b",
        first={f"{_ENCODER}.name": REMOVED},
    ),
    _scalar(
        "an encoder's package is a name and a path",
        f"{_ENCODER}.package",
        "must be the name of a distribution and the path of a file in it, such as "
        "my-encoders/my_encoders/encoder.onnx",
        "my-encoders/my_encoders/encoder.onnx",
        "../encoder.onnx",
        first={f"{_ENCODER}.name": REMOVED},
    ),
    _immutable("spec.autoLabeling.guarantee", "guarantee", "PerClass", '"PerClass"'),
    Case(
        "stopNow is final",
        "LabelingJob",
        rule_key(
            "spec.stopping.stopNow", "cannot be unset once true: the job ends with what it has"
        ),
        {},
        {"spec.stopping.stopNow": False},
        frozenset(
            {
                "spec.stopping.stopNow: Invalid value: false: "
                "cannot be unset once true: the job ends with what it has"
            }
        ),
        update=True,
        first={"spec.stopping.stopNow": True},
    ),
    _spec_rule(
        "there is one way to Ray",
        "spec.compute.ray",
        "spec.compute.ray",
        _ONE_RAY,
        {"spec.compute.ray": {"address": {"name": "other"}}},
        {"spec.compute.ray": {"address": {"name": "other"}, "selector": {"name": "shared"}}},
    ),
    Case(
        "the way to Ray cannot change",
        "LabelingJob",
        rule_key("spec.compute.ray", _RAY_MESSAGE),
        {"spec.compute.ray.address.name": "other"},
        {"spec.compute.ray": {"selector": {"name": "shared"}}},
        frozenset({f"spec.compute.ray: Invalid value: {_RAY_MESSAGE}"}),
        update=True,
    ),
    _spec_rule(
        "a Ray address is a name or a URL",
        "spec.compute.ray.address",
        "spec.compute.ray.address",
        "needs exactly one of name and url",
        {"spec.compute.ray.address": {"url": "http://ray-head.default.svc:8265"}},
        {"spec.compute.ray.address": {"name": "shared", "url": "http://ray"}},
    ),
    _scalar(
        "a Ray URL is an origin",
        "spec.compute.ray.address.url",
        _HOST,
        "https://ray.default.svc.cluster.local:8265/",
        "http://ray/api",
        first={"spec.compute.ray.address.name": REMOVED},
    ),
    _scalar(
        "a store's certificate authorities lie in a Secret",
        "spec.storage.caSecretName",
        _SECRET,
        "s3-ca.v2",
        "S3_CA",
    ),
    *_kube_ray_cases(),
    *_method_cases(),
    Case(
        "a WorkTeam has one source",
        "WorkTeam",
        rule_key("spec", "needs exactly one of: simulated"),
        {},
        {"spec.simulated": REMOVED},
        frozenset({"spec: Invalid value: needs exactly one of: simulated"}),
    ),
    _scalar(
        "true labels are a URI",
        "spec.simulated.truthURI",
        _URI,
        "file:///truth.jsonl",
        "truth.jsonl",
        kind="WorkTeam",
    ),
    _scalar(
        "true labels lie where they say",
        "spec.simulated.truthURI",
        _DOTS,
        "s3://bucket/a",
        "s3://bucket/a/../b",
        kind="WorkTeam",
    ),
    _scalar(
        "a simulated person has a name",
        "spec.simulated.annotators.0.name",
        "must consist of letters, digits and inner '-', '_', '.'",
        "Ada_L.1",
        "ada lovelace",
        kind="WorkTeam",
    ),
]
