"""What the operator remembers of each LabelingJob: as much as metrics and enqueueing need.

Nothing is decided from it: a reconcile reads the live object. Whole bodies are not kept, since
ten thousand of them would be most of the operator's memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from surelabel_contract.stages import QUALITY_METRICS

Key = tuple[str, str]
"""Namespace and name of a LabelingJob."""

_UNSET = -1.0


@dataclass(slots=True)
class JobEntry:
    """One LabelingJob as the watch last showed it; -1 stands for "not known yet"."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    work_team: str
    # Name or url of the Ray cluster: where a deleted job's stage may still run.
    ray_name: str
    ray_url: str
    # How spec.compute.ray leads to Ray, and Kueue's queue; "" without one.
    ray_way: str
    queue: str
    storage_secret: str
    # Name of the attempt in status.step; "" without one.
    step_name: str
    round: int
    created: float
    completed: float
    last_progress: float
    total: int
    human: int
    machine: int
    answers: int
    open_items: int
    max_rounds: int
    max_human: int
    target_error: float
    certified_error: float
    cost: float
    all_human_cost: float
    cost_to_finish: float
    saving_items: int
    max_cost: float
    currency: str
    # (metric, value) of what is known of QUALITY_METRICS.
    quality: tuple[tuple[str, float], ...]
    # (type, status) of each condition.
    conditions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> JobEntry:
        """The entry of a LabelingJob as the API server sent it."""
        meta, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
        step = status.get("step") or {}
        counters = status.get("labelCounters") or {}
        auto = spec.get("autoLabeling") or {}
        stopping = spec.get("stopping") or {}
        ray = (spec.get("compute") or {}).get("ray") or {}
        address, cluster = ray.get("address") or {}, ray.get("cluster") or {}
        certificate = status.get("certificate") or {}
        cost, annotation = status.get("cost") or {}, status.get("annotation") or {}
        saving = status.get("saving") or {}
        return cls(
            # Few different values, many jobs: interned, each is in memory once.
            namespace=sys.intern(meta.get("namespace") or ""),
            name=meta["name"],
            uid=meta["uid"],
            resource_version=meta.get("resourceVersion") or "",
            generation=meta.get("generation") or 0,
            work_team=sys.intern((spec.get("workforce") or {}).get("workTeam") or ""),
            ray_name=sys.intern(address.get("name") or ""),
            ray_url=sys.intern(address.get("url") or ""),
            ray_way=sys.intern(next(iter(ray), "")),
            queue=sys.intern(cluster.get("queueName") or ""),
            storage_secret=sys.intern((spec.get("storage") or {}).get("secretName") or ""),
            step_name=step.get("name") or "",
            round=step.get("round", -1),
            created=_seconds(meta.get("creationTimestamp")),
            completed=_seconds(status.get("completionTime")),
            last_progress=_seconds(step.get("recordedTime") or status.get("completionTime")),
            total=counters.get("total", -1),
            human=counters.get("humanLabeled", 0),
            machine=counters.get("machineLabeled", 0),
            answers=annotation.get("answersReceived", -1),
            open_items=annotation.get("openItems", -1),
            max_rounds=stopping.get("maxRounds") or 0,
            max_human=stopping.get("maxHumanLabeledItems") or 0,
            target_error=_ratio(auto.get("targetErrorPermille")),
            certified_error=_ratio(certificate.get("errorBoundPermille")),
            cost=_amount(cost.get("amount")),
            all_human_cost=_amount(cost.get("allHumanAmount")),
            cost_to_finish=_amount(cost.get("toFinishAmount")),
            saving_items=saving.get("items", -1),
            max_cost=_amount((stopping.get("maxCost") or {}).get("amount")),
            currency=sys.intern(cost.get("currency") or ""),
            quality=tuple(
                (sys.intern(found["metric"]), float(found["value"]))
                for found in status.get("quality") or ()
                if found["metric"] in QUALITY_METRICS
            ),
            conditions=tuple(
                (sys.intern(c["type"]), sys.intern(c["status"]))
                for c in status.get("conditions") or ()
            ),
        )

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def is_finished(self) -> bool:
        """Succeeded is True or False: nothing will run any more."""
        return any(t == "Succeeded" and s != "Unknown" for t, s in self.conditions)


class JobCache:
    """Entries by namespace and name, and the jobs of each WorkTeam."""

    def __init__(self) -> None:
        self._entries: dict[Key, JobEntry] = {}

    def __iter__(self) -> Iterator[JobEntry]:
        # A copy: a scrape must not fail because the watch goes on.
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> JobEntry | None:
        """The entry, if the job is known."""
        return self._entries.get(key)

    def put(self, entry: JobEntry) -> JobEntry | None:
        """Remember the entry; returns the one of another uid that it replaces, if any."""
        known = self._entries.get(entry.key)
        self._entries[entry.key] = entry
        if known is None:
            return None
        if known.uid != entry.uid:
            return known
        if known.step_name.rpartition("-a")[0] == entry.step_name.rpartition("-a")[0]:
            # Another attempt of the same step is no progress.
            entry.last_progress = known.last_progress
        return None

    def remove(self, key: Key) -> JobEntry | None:
        """Forget the job; its last entry."""
        return self._entries.pop(key, None)

    def using_team(self, namespace: str, team: str) -> list[Key]:
        """Jobs whose people come from the WorkTeam; linear, since teams change rarely."""
        return [
            entry.key
            for entry in self._entries.values()
            if entry.namespace == namespace and entry.work_team == team
        ]


def _seconds(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else _UNSET


def _ratio(permille: int | None) -> float:
    return permille / 1000 if permille is not None else _UNSET


def _amount(text: str | None) -> float:
    # A metric is a float anyway; nothing is ever paid by this number.
    return float(text) if text else _UNSET
