"""Many repetitions side by side on Ray, each outcome kept as soon as it is there."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from surelabel_cli.local_ray import LocalRay
from surelabel_cli.simulation.outcome import Outcome, outcome_of
from surelabel_cli.simulation.replay import Prepared, Replay, Simulated
from surelabel_contract.model import canonical_json, sha256_hex

# What the shards of prepare depend on; jobs that agree in these share items and features.
_SHARED = ("taskType", "labels", "labelAttributeName", "input")


@dataclass(frozen=True)
class Run:
    """One repetition of one job."""

    simulated: Simulated
    repetition: int

    @cached_property
    def key(self) -> str:
        """Equal for equal runs, also of another process."""
        job = {**self.simulated.job["spec"], "output": None}
        what = [job, self.simulated.team["spec"], self.repetition]
        if self.simulated.answers_uri is not None:
            what.append(self.simulated.answers_uri)
        return sha256_hex(canonical_json(what))[:32]


class Outcomes:
    """Outcomes by key in a file, a line each; a simulation that was killed goes on from there."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, Outcome] = {}
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
                # A line that was cut off by a kill is done again.
                if line.endswith("\n"):
                    value = json.loads(line)
                    self._known[value["key"]] = Outcome(**value["outcome"])

    def find(self, run: Run) -> Outcome | None:
        """The outcome of a run, if it has ended."""
        return self._known.get(run.key)

    def add(self, run: Run, outcome: Outcome) -> None:
        """Keep an outcome."""
        self._known[run.key] = outcome
        line = json.dumps({"key": run.key, "outcome": asdict(outcome)})
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def run_all(
    runs: Sequence[Run], folder: Path, workers: int, on_outcome: Callable[[Run], None]
) -> list[Outcome]:
    """The outcomes, in the order of ``runs``; ``folder`` keeps outcomes, items and features."""
    known = Outcomes(folder / "outcomes.jsonl")
    for run in runs:
        if known.find(run) is not None:
            on_outcome(run)
    missing = [run for run in runs if known.find(run) is None]
    if missing:
        first = {_shared(run.simulated): run.simulated for run in reversed(missing)}
        bases = {key: _prepare(job, folder / "prepared" / key) for key, job in first.items()}
        for run, outcome in _on_ray(missing, bases, folder / "jobs", workers):
            known.add(run, outcome)
            on_outcome(run)
    found = [known.find(run) for run in runs]
    return [outcome for outcome in found if outcome is not None]


def run_one(run: Run, prepared: Prepared, folder: Path) -> Outcome:
    """A repetition in a folder of its own, which is gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        replay = Replay(folder, run.simulated.repetition(run.repetition))
        replay.run(prepared)
        return outcome_of(replay)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(simulated: Simulated, folder: Path) -> Prepared:
    shutil.rmtree(folder, ignore_errors=True)
    return Replay(folder, simulated).prepare()


def _shared(simulated: Simulated) -> str:
    spec: Mapping[str, Any] = simulated.job["spec"]
    what = [{name: spec.get(name) for name in _SHARED}, "autoLabeling" in spec]
    return sha256_hex(canonical_json(what))[:16]


def _on_ray(
    runs: Sequence[Run], bases: Mapping[str, Prepared], folder: Path, workers: int
) -> Iterator[tuple[Run, Outcome]]:
    with LocalRay(folder.parent / "ray", cpus=workers) as head, _driver_of(head) as ray:
        remote = ray.remote(run_one)
        waiting: dict[Any, Run] = {}
        for run in runs:
            if len(waiting) > workers:
                yield from _collected(ray, waiting)
            base = bases[_shared(run.simulated)]
            waiting[remote.remote(run, base, folder / run.key)] = run
        while waiting:
            yield from _collected(ray, waiting)


@contextmanager
def _driver_of(head: LocalRay) -> Iterator[Any]:
    """Ray's module, connected."""
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(head.token_file)
    import ray as untyped

    ray: Any = untyped
    ray.init(
        head.address,
        log_to_driver=False,
        logging_level=logging.WARNING,
        # A worker does one job alone: no shard of it becomes a task of its own.
        runtime_env={"env_vars": {"RAY_ADDRESS": ""}},
        _node_ip_address=head.address.partition(":")[0],
    )
    try:
        yield ray
    finally:
        ray.shutdown()


def _collected(ray: Any, waiting: dict[Any, Run]) -> Iterator[tuple[Run, Outcome]]:
    done, _ = ray.wait(list(waiting), num_returns=1)
    for reference in done:
        run = waiting.pop(reference)
        try:
            yield run, ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            # The cause is what happened; the wrapper's class does not exist before run time.
            raise error.cause from error
