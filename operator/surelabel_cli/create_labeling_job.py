"""From a CreateLabelingJob request to a LabelingJob and its WorkTeam, and what is lost on the way.

Pure: reads no files and asks nobody. Nothing is dropped in silence: a field is carried, or stands
in the notes with the reason and what to do instead.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from surelabel_cli.placeholder import PLACEHOLDER
from surelabel_cli.request_fields import Request
from surelabel_cli.request_task_type import OPTION, FoundTaskType, is_built_in
from surelabel_contract.task_types import TASK_TYPE_FACTS
from surelabel_operator.resources import API_VERSION

NAME_MAX = 40
# Of the LabelingJob's schema.
MAX_LABELS = 256
LABEL_MAX = 128
# Their jobs may have a model here.
_WITH_MODEL = frozenset({"ImageClassification", "TextClassification"})
_TASK = "HumanTaskConfig"
_ALGORITHMS = "LabelingJobAlgorithmsConfig"
_RESOURCES = f"{_ALGORITHMS}.LabelingJobResourceConfig"
_SNS = "InputConfig.DataSource.SnsDataSource.SnsTopicArn"
_MANIFEST = "InputConfig.DataSource.S3DataSource.ManifestS3Uri"
_PRICE = f"{_TASK}.PublicWorkforceTaskPrice.AmountInUsd"
_ACS = f"{_TASK}.AnnotationConsolidationConfig.AnnotationConsolidationLambdaArn"
# A label's key and value, as Kubernetes allows them.
_KEY = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

# Fields that have no counterpart: why, and what to do instead.
NOT_CARRIED: dict[str, str] = {
    _SNS: "a job has one input manifest; there are no streaming jobs. Write what comes to a "
    "manifest, and start a job for it.",
    "InputConfig.DataAttributes.ContentClassifiers": "they were declarations for Mechanical Turk. "
    "Nothing is needed.",
    "OutputConfig.SnsTopicArn": "nothing is published for each object. Watch the job's status or "
    "metrics, or read manifests/intermediate/output.manifest.",
    "RoleArn": "there are no roles of AWS in a cluster. Make a Secret with the store's "
    "credentials, label it surelabel.dev/allow-use=storage and name it in "
    "spec.storage.secretName, or let the operator's own credentials count.",
    f"{_ALGORITHMS}.InitialActiveLearningModelArn": "every job trains its own model. Nothing is "
    "needed: it takes seconds.",
    f"{_RESOURCES}.VolumeKmsKeyId": "the volumes are those of your Ray cluster. Encrypt "
    "them there.",
    f"{_RESOURCES}.VpcConfig.SecurityGroupIds": "the network is that of your Ray cluster. Use "
    "NetworkPolicies.",
    f"{_RESOURCES}.VpcConfig.Subnets": "the network is that of your Ray cluster. Choose its nodes.",
    f"{_TASK}.UiConfig.UiTemplateS3Uri": "the task type decides what people see; templates of "
    "one's own are not supported.",
    f"{_TASK}.TaskKeywords": "they served the search on Mechanical Turk. Nothing is needed.",
    f"{_TASK}.TaskTitle": "there is no field for it yet. Keep it for the annotators' portal.",
    f"{_TASK}.TaskDescription": "there is no field for it yet. Keep it for the annotators' portal.",
    f"{_TASK}.TaskTimeLimitInSeconds": "there is no field for it yet. Simulated people need none.",
    f"{_TASK}.TaskAvailabilityLifetimeInSeconds": "there is no field for it yet. "
    "spec.activeDeadlineSeconds bounds the whole job.",
}


@dataclass(frozen=True)
class Note:
    """A field of the request that is not carried, or not as it was: why, and what to do."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@dataclass
class Converted:
    """Both resources as they are written, and the notes in the order of the request's fields."""

    job: dict[str, Any]
    team: dict[str, Any]
    notes: list[Note] = field(default_factory=list)


def convert_request(
    request: Request,
    found: FoundTaskType,
    labels: list[str] | None,
    *,
    needs_ref: bool,
    audited: str | None = None,
) -> Converted:
    """The resources for a request that breaks no rule of Ground Truth's.

    ``labels``: names of the classes in their order, None where they are not known here.
    ``needs_ref``: the task type's labels are references to files. ``audited``: the key of the
    earlier label that people look at, which a label category file may name.
    """
    notes: list[Note] = []
    name = _job_name(request.get("LabelingJobName"), notes)
    workforce = _workforce(request, notes)
    spec: dict[str, Any] = {"taskType": found.name}
    _task_type_notes(request, found, notes)
    if labels is not None:
        spec["labels"] = [{"name": each} for each in labels]
        facts = TASK_TYPE_FACTS.get(found.name)
        least = (facts.least_labels if facts is not None else None) or 0
        too_long = any(len(each) > LABEL_MAX for each in labels)
        if not least <= len(labels) <= MAX_LABELS or too_long:
            text = (
                f"a job has {least} to {MAX_LABELS} labels of at most {LABEL_MAX} characters here; "
                f"the file has {len(labels)}, the longest of {max(map(len, labels), default=0)}. "
                "`surelabel validate` refuses the job; split or shorten them."
            )
            notes.append(Note("LabelCategoryConfigS3Uri", text))
    attribute = request.get("LabelAttributeName")
    if attribute.endswith("-ref") != needs_ref:
        wanted = "must end with -ref" if needs_ref else "must not end with -ref"
        attribute = f"{attribute}-ref" if needs_ref else attribute.removesuffix("-ref")
        notes.append(
            Note(
                "LabelAttributeName",
                f"{wanted} for {found.name} here, so it is {attribute!r}. Change what reads it.",
            )
        )
    spec["labelAttributeName"] = attribute
    spec["input"] = {
        "manifest": _manifest(request, notes),
        **_audited(found, needs_ref, audited, notes),
    }
    spec["output"] = {
        "uri": _s3_uri(
            request.get("OutputConfig.S3OutputPath"), "OutputConfig.S3OutputPath", notes
        ),
        # So that whoever read Ground Truth's folders finds them.
        "layout": "GroundTruth",
    }
    if request.present("OutputConfig.KmsKeyId"):
        key = {"type": "aws:kms", "keyID": request.get("OutputConfig.KmsKeyId")}
        spec["storage"] = {"serverSideEncryption": key}
    spec["workforce"] = workforce
    _auto_labeling(request, found, spec, notes)
    stopping = {
        "maxHumanLabeledItems": request.get("StoppingConditions.MaxHumanLabeledObjectCount"),
        "maxLabeledPercent": request.get("StoppingConditions.MaxPercentageOfInputDatasetLabeled"),
    }
    if given := {key: value for key, value in stopping.items() if value is not None}:
        spec["stopping"] = given
    spec["compute"] = {"ray": {"address": {"name": "local"}}}
    metadata: dict[str, Any] = {"name": name}
    if labels_of_job := _tags(request, notes):
        metadata["labels"] = labels_of_job
    notes += [Note(path, f"not carried: {why}") for path, why in NOT_CARRIED.items()
              if request.present(path)]  # fmt: skip
    notes += [
        Note(path, "not carried: it is no field of CreateLabelingJob that is known here. Look "
             "whether it matters.")
        for path in request.unknown()
    ]  # fmt: skip
    notes.append(
        Note("spec.compute.ray", "the request names no Ray cluster; 'local' is what `surelabel "
             "run` and `surelabel up` have. Name yours.")
    )  # fmt: skip
    job = {"apiVersion": API_VERSION, "kind": "LabelingJob", "metadata": metadata, "spec": spec}
    return Converted(job, _team(workforce, spec["input"]["manifest"]), notes)


def _task_type_notes(request: Request, found: FoundTaskType, notes: list[Note]) -> None:
    said = "say" if len(found.by) > 1 else "says"
    for path, other in found.others:
        step = "Leave it out" if OPTION in found.by else "Pass --task-type"
        notes.append(
            Note(path, f"says {other}, but {' and '.join(found.by)} {said} {found.name}, which "
                 f"counts. {step} if that is wrong.")
        )  # fmt: skip
    for path, what in ((f"{_TASK}.PreHumanTaskLambdaArn", "before"), (_ACS, "after")):
        if is_built_in(request.get(path)):
            part = "spec.taskType" if what == "before" else "spec.consolidation"
            notes.append(
                Note(path, f"not carried: what AWS's own Lambda does {what} the task is in {part}. "
                     "Nothing is needed.")
            )  # fmt: skip
        elif request.present(path):
            notes.append(
                Note(path, f"not carried: code of one's own {what} the task is not run. Prepare "
                     "the manifest and work on the answers outside the job.")
            )  # fmt: skip
    if found.name not in TASK_TYPE_FACTS:
        known = " and ".join(TASK_TYPE_FACTS)
        notes.append(
            Note("spec.taskType", f"{found.name} cannot be run yet, so `surelabel validate` "
                 f"refuses the job; {known} can.")
        )  # fmt: skip


def _job_name(given: str, notes: list[Note]) -> str:
    """Lower case, at most 40 characters, a letter in front; equal names give equal names."""
    name = given.lower()
    if not name[0].isalpha():
        name = f"job-{name}"
    if len(name) > NAME_MAX:
        # Ground Truth's names differ without regard to case, so the digest does too.
        digest = hashlib.sha256(given.lower().encode()).hexdigest()[:8]
        name = f"{name[: NAME_MAX - 9].rstrip('-')}-{digest}"
    if name != given:
        notes.append(
            Note("LabelingJobName", f"{given!r} is {name!r} here: at most {NAME_MAX} characters "
                 "a-z, 0-9 and -, a letter first. Results lie under that name.")
        )  # fmt: skip
    return name


def _manifest(request: Request, notes: list[Note]) -> str:
    given = request.get(_MANIFEST)
    if given is None:
        notes.append(
            Note(_MANIFEST, "is not there, since the job is a streaming one; spec.input.manifest "
                 "has a name to be replaced. Write a manifest and name it.")
        )  # fmt: skip
        return f"s3://{PLACEHOLDER}/input.manifest"
    return _s3_uri(given, _MANIFEST, notes)


def _audited(
    found: FoundTaskType, needs_ref: bool, given: str | None, notes: list[Note]
) -> dict[str, str]:
    """The key of the label that people look at, which no request of Ground Truth's names itself."""
    facts = TASK_TYPE_FACTS.get(found.name)
    if given is not None and facts is not None and facts.audit != "None":
        return {"auditLabelAttributeName": given}
    if given is not None:
        notes.append(
            Note("auditLabelAttributeName", f"not carried: {found.name} looks at no earlier label. "
                 "Pass --task-type LabelAdjustment or LabelVerification if people shall.")
        )  # fmt: skip
    if facts is None or facts.audit != "Required":
        return {}
    key = f"{PLACEHOLDER}-ref" if needs_ref else PLACEHOLDER
    notes.append(
        Note("spec.input.auditLabelAttributeName", "is not in the request, where the template knew "
             f"it; {key!r} is to be replaced by the label attribute of the job that is corrected.")
    )  # fmt: skip
    return {"auditLabelAttributeName": key}


def _s3_uri(uri: str, path: str, notes: list[Note]) -> str:
    """The s3:// form of an address of S3; any other is left, and told."""
    if uri.startswith("s3://"):
        return uri
    parts = urlsplit(uri)
    host, key = parts.netloc, unquote(parts.path)
    if virtual := re.fullmatch(r"(.+)\.s3[.-]?[a-z0-9-]*\.amazonaws\.com(\.cn)?", host):
        return f"s3://{virtual[1]}{key}"
    if re.fullmatch(r"s3[.-]?[a-z0-9-]*\.amazonaws\.com(\.cn)?", host):
        return f"s3:/{key}"
    notes.append(
        Note(path, f"{uri!r} is no address of S3 that is known here. Write it as s3://bucket/key.")
    )
    return uri


def _workforce(request: Request, notes: list[Note]) -> dict[str, Any]:
    arn = request.get(f"{_TASK}.WorkteamArn")
    team = re.sub("[^a-z0-9.-]+", "-", arn.rsplit("/", 1)[-1].lower()).strip("-.") or "team"
    people = request.get(f"{_TASK}.NumberOfHumanWorkersPerDataObject")
    notes.append(
        Note(f"{_TASK}.WorkteamArn", f"the WorkTeam {team!r} has {people} simulated annotators, "
             "since its members are not in the request. Replace them, and truthURI, by your own.")
    )  # fmt: skip
    found: dict[str, Any] = {"workTeam": team, "annotatorsPerItem": people}
    if (open_items := request.get(f"{_TASK}.MaxConcurrentTaskCount")) is not None:
        found["maxOpenItems"] = open_items
    if request.present(_PRICE):
        amount = _amount(request)
        found["pricePerAnnotation"] = {"amount": amount, "currency": "USD"}
        notes.append(
            Note(f"{_TASK}.PublicWorkforceTaskPrice", f"counts as {amount} USD an annotation in "
                 "status.cost and against maxCost; nobody is paid by it. Pay your people yourself.")
        )  # fmt: skip
    return found


def _amount(request: Request) -> str:
    parts = (request.get(f"{_PRICE}.{key}") or 0 for key in
             ("Dollars", "Cents", "TenthFractionsOfACent"))  # fmt: skip
    dollars, cents, tenths = parts
    thousandths = dollars * 1_000 + cents * 10 + tenths
    return f"{thousandths // 1_000}.{thousandths % 1_000:03d}"


def _auto_labeling(
    request: Request, found: FoundTaskType, spec: dict[str, Any], notes: list[Note]
) -> None:
    path = f"{_ALGORITHMS}.LabelingJobAlgorithmSpecificationArn"
    if not request.present(path):
        return
    if found.name not in _WITH_MODEL:
        notes.append(
            Note(path, f"not carried: there is no model for {found.name} yet, so people label "
                 "everything.")
        )  # fmt: skip
        return
    spec["autoLabeling"] = {"targetErrorPermille": 50, "riskPermille": 50}
    notes.append(
        Note(path, "spec.autoLabeling has Ground Truth's 95 % as targetErrorPermille: 50, promised "
             "with 95 % confidence. Choose both to your needs; they cannot change later.")
    )  # fmt: skip


def _tags(request: Request, notes: list[Note]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in request.get("Tags") or ():
        key, value = tag["Key"], tag["Value"]
        if _KEY.fullmatch(key) and _VALUE.fullmatch(value):
            found[key] = value
        else:
            notes.append(
                Note("Tags", f"{key!r}: {value!r} is no label of Kubernetes (at most 63 letters, "
                     "digits, '-', '_', '.'). Write it under metadata.annotations if you need it.")
            )  # fmt: skip
    return found


def _team(workforce: dict[str, Any], manifest: str) -> dict[str, Any]:
    people = [
        {"name": f"annotator-{number}", "accuracyPermille": 900}
        for number in range(1, workforce["annotatorsPerItem"] + 1)
    ]
    truth = f"{manifest.rpartition('/')[0]}/truth.jsonl"
    return {
        "apiVersion": API_VERSION,
        "kind": "WorkTeam",
        "metadata": {"name": workforce["workTeam"]},
        "spec": {"simulated": {"truthURI": truth, "annotators": people}},
    }
