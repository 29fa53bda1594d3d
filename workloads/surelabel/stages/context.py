"""What every stage has in hand: its config, its folder, typed access to inputs and outputs.

Refuses a clock and a global generator: time is ``config.stage_time``, randomness ``rng()``.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from surelabel_contract.errors import ConfigurationError
from surelabel_contract.keys import StateKeys
from surelabel_contract.model import sha256_hex
from surelabel_contract.stages import (
    AnnotateCounters,
    NextFacts,
    Notice,
    ObjectRef,
    Progressed,
    StageConfig,
    Validation,
)
from surelabel_contract.store import Folder, NotFoundInStoreError, Storage, reference

if TYPE_CHECKING:
    import numpy as np


class StateCorruptedError(ConfigurationError):
    """An object of the job's state is missing or not as it was written."""

    def __init__(self, message: str) -> None:
        super().__init__("StateCorrupted", message)


@dataclass(frozen=True)
class StageResult:
    """What a stage hands to the commit."""

    progressed: Progressed
    next: NextFacts = field(default_factory=NextFacts)
    # Roles that this step sets in the carry; None takes a role out.
    carry: dict[str, ObjectRef | None] = field(default_factory=dict)
    seed: int | None = None
    annotate: AnnotateCounters | None = None
    validation: Validation | None = None
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass
class StageContext:
    """One attempt of a step. ``outputs`` and ``notices`` fill up as the stage works."""

    config: StageConfig
    storage: Storage
    folder: Folder
    outputs: dict[str, ObjectRef] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def open(cls, config: StageConfig, storage: Storage) -> StageContext:
        """The context of a config."""
        return cls(config, storage, storage.folder(config.folder_uri))

    @property
    def keys(self) -> StateKeys:
        """The keys of the job's state."""
        return StateKeys(self.config.state_root)

    @property
    def previous(self) -> Progressed:
        """The job's totals before this step."""
        return self.config.previous or Progressed()

    @property
    def is_taken_over(self) -> bool:
        """Whether the state was begun by a predecessor (``spec.output.takeOver``)."""
        return self.keys != StateKeys.of(self.config.job.uid)

    # -- inputs

    def input(self, role: str) -> ObjectRef:
        """The input's reference; a missing one is our mistake, not the user's."""
        found = self.config.inputs.get(role)
        if found is None:
            raise StateCorruptedError(
                f"the config of {self.config.name} names no input {role!r}; got "
                f"{', '.join(sorted(self.config.inputs)) or 'none'}."
            )
        return found

    def has(self, role: str) -> bool:
        """Whether the config names this input."""
        return role in self.config.inputs

    def read(self, role: str) -> bytes:
        """An input's bytes, checked against what its writer left."""
        return self.read_ref(self.input(role))

    def read_ref(self, ref: ObjectRef) -> bytes:
        """An object's bytes, checked against what its writer left."""
        try:
            data = self.folder.read(ref.key)
        except NotFoundInStoreError as error:
            raise StateCorruptedError(
                f"{self.folder.uri_of(ref.key)} is missing. Restore it, or delete the commit of "
                "the step that wrote it."
            ) from error
        if sha256_hex(data) != ref.sha256:
            raise StateCorruptedError(
                f"{self.folder.uri_of(ref.key)} is not what its step wrote (SHA-256 "
                f"{sha256_hex(data)[:12]}…, expected {ref.sha256[:12]}…). Restore it."
            )
        return data

    # -- outputs

    def write(self, name: str, data: bytes, role: str | None = None) -> ObjectRef:
        """Write a named output of this step; ``role`` lists it in the report too."""
        return self.write_key(self.keys.output(self.config.step, name), data, role)

    def write_key(self, key: str, data: bytes, role: str | None = None) -> ObjectRef:
        """Write an object anywhere in the job's folder."""
        ref = self.folder.write(key, data)
        if role is not None:
            self.outputs[role] = ref
        return ref

    def write_stream(self, key: str, parts: Iterator[bytes], role: str | None = None) -> ObjectRef:
        """Write an object piece by piece; nothing appears under the key before the end."""
        digest, size = hashlib.sha256(), 0
        with self.folder.writer(key) as writer:
            for part in parts:
                digest.update(part)
                size += len(part)
                writer.write(part)
        ref = ObjectRef(key=key, size=size, sha256=digest.hexdigest())
        if role is not None:
            self.outputs[role] = ref
        return ref

    def create(self, key: str, data: bytes) -> ObjectRef:
        """Create an object; one that exists has the same content and is success."""
        self.folder.create(key, data)
        return reference(key, data)

    def notice(self, reason: str, message: str) -> None:
        """Tell a person something; the operator makes an Event of it."""
        self.notices.append(Notice(reason=reason, message=message))

    # -- randomness and time

    @property
    def seed(self) -> int:
        """The job's seed; prepare alone may run without."""
        if self.config.seed is None:
            raise StateCorruptedError(f"the config of {self.config.name} has no seed.")
        return self.config.seed

    def rng(self, purpose: str, seed: int | None = None) -> np.random.Generator:
        """This step's generator for one purpose (see ``selection.STREAMS``)."""
        from surelabel.selection import stream

        step = self.config.step
        return stream(purpose, self.seed if seed is None else seed, step.round, step.pass_)

    @property
    def stage_micros(self) -> int:
        """``stage_time`` in microseconds since 1970."""
        seconds = self.config.stage_time.timestamp()
        return round(seconds * 1_000_000)

    def time_after(self, seconds: float) -> str:
        """RFC 3339 in UTC, so many seconds after the step's start."""
        moment = self.config.stage_time.astimezone(UTC) + timedelta(seconds=round(seconds, 3))
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase for the report's ``seconds``."""
        start = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - start
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)


StageFunction = Callable[[StageContext], StageResult]
