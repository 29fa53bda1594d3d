"""Every key below ``<output.uri>/<job name>/``; no other module spells one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from surelabel_contract.steps import Stage, Step, uid8

OWNER = "OWNER.json"
OUTPUT_MANIFEST = "manifests/output/output.manifest"
INTERMEDIATE_MANIFEST = "manifests/intermediate/output.manifest"
ANNOTATIONS = "annotations"
# Labels that are files, such as masks: Ground Truth's place for them.
CONSOLIDATED = f"{ANNOTATIONS}/consolidated-annotation/output"
MODEL = "model"
REPORT = "report/report.json"
REPORT_PAGE = "report/report.html"
REJECTED = "report/rejected.jsonl"
UNLABELED = "report/unlabeled.jsonl"

COMMIT_FILE = "COMMITTED.json"
CONFIG_FILE = "STAGE.json"
DRAFT_FILE = "DRAFT.json"

_LABEL_FILE = re.compile(rf"{CONSOLIDATED}/\d+/([0-9a-f]{{64}})\.[a-z]+")
_STEP = re.compile(r"rounds/(\d{4,})/([a-z]{3})-p(\d+)/(.+)$")
_ATTEMPT = re.compile(r"a(\d+)/")


@dataclass(frozen=True)
class StateKeys:
    """Keys of one job's state. ``root`` is ``state/<uid8>``, without a slash at the end."""

    root: str

    @classmethod
    def of(cls, uid: str) -> StateKeys:
        """The state of the job with this uid."""
        return cls(f"state/{uid8(uid)}")

    @property
    def items(self) -> str:
        """Prefix of the item shards, ending in a slash."""
        return f"{self.root}/items/"

    def item_shard(self, index: int) -> str:
        """Parquet shard of items, numbered from 0."""
        return f"{self.root}/items/part-{index:05d}.parquet"

    def feature_shard(self, index: int, encoder: str | None = None) -> str:
        """Features of the items of the shard with the same number.

        ``encoder``: its SHA-256, so that no two encoders' features are ever mixed; None: built in.
        """
        return f"{self.root}/items/features-{_of_encoder(encoder)}{index:05d}.npz"

    @property
    def rounds(self) -> str:
        """Prefix of all steps, ending in a slash."""
        return f"{self.root}/rounds/"

    def step(self, step: Step) -> str:
        """Prefix of one step, ending in a slash."""
        return f"{self.root}/rounds/{step.key}/"

    def commit(self, step: Step) -> str:
        """The StageReport whose creation ends the step."""
        return self.step(step) + COMMIT_FILE

    def attempt(self, step: Step, attempt: int) -> str:
        """Prefix of an attempt's own files, ending in a slash."""
        return f"{self.step(step)}a{attempt}/"

    def config(self, step: Step, attempt: int) -> str:
        """The StageConfig of an attempt; created once."""
        return self.attempt(step, attempt) + CONFIG_FILE

    def draft(self, step: Step, attempt: int) -> str:
        """Why an attempt ended without a commit (a StageFailure)."""
        return self.attempt(step, attempt) + DRAFT_FILE

    def shard(self, step: Step, digest: str, index: int, encoder: str | None = None) -> str:
        """A shard of the step's work; the digest is the StageConfig's without resources.

        ``encoder``: the SHA-256 of the one that worked on it, if any.
        """
        return f"{self.step(step)}shards/{digest}/part-{_of_encoder(encoder)}{index:05d}"

    def output(self, step: Step, name: str) -> str:
        """A named output of the step; the same bytes whichever attempt writes it."""
        return self.step(step) + name

    def answers(self, step: Step, writer: str, number: int) -> str:
        """An answer segment, numbered from 1; created, never changed."""
        return f"{self.step(step)}answers/{writer}-{number:06d}.jsonl"

    def answers_prefix(self, step: Step) -> str:
        """Prefix of the step's answer segments, ending in a slash."""
        return self.step(step) + "answers/"

    def blob(self, step: Step, name: str) -> str:
        """An image of the step's answers; ``name`` is ``blobs/<sha256>.png``."""
        return self.step(step) + name

    def progress(self, step: Step) -> str:
        """The workforce's Progress; overwritten as people work."""
        return self.step(step) + "progress.json"

    def stop_request(self, step: Step) -> str:
        """Exists when the workforce must hand out nothing more (stopNow, a limit)."""
        return self.step(step) + "STOP.json"


def _of_encoder(sha256: str | None) -> str:
    return f"{sha256[:16]}-" if sha256 is not None else ""


def label_file(line: int, sha256: str, ending: str) -> str:
    """The file of a label that is one, such as a mask; the name proves its content."""
    return f"{CONSOLIDATED}/{line}/{sha256}.{ending}"


def label_files_in(text: str) -> Iterator[tuple[str, str]]:
    """Key and SHA-256 of every file of a label that a text refers to."""
    for match in _LABEL_FILE.finditer(text):
        yield match[0], match[1]


def step_of_key(key: str) -> tuple[Step, str] | None:
    """The step that a key lies in and the rest of the key; None outside ``rounds/``."""
    match = _STEP.search(key)
    if match is None:
        return None
    number, code, pass_, rest = match.groups()
    return Step(round=int(number), stage=Stage.from_code(code), pass_=int(pass_)), rest


def attempt_of_rest(rest: str) -> int | None:
    """The attempt whose folder the rest of a key (see ``step_of_key``) lies in, if any."""
    match = _ATTEMPT.match(rest)
    return int(match.group(1)) if match else None
