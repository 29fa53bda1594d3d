"""What a process remembers between two looks at a job. A restart may lose all of it.

Bounded, and only what is immutable in the store or was seen by this process's own clock.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from surelabel_contract.stages import StageConfig
from surelabel_operator.evidence import Evidence
from surelabel_operator.observed import Owner

_CONFIGS_MAX = 256


@dataclass
class Memory:
    """By uid of the job, so that a re-created one starts with nothing."""

    evidence: dict[str, Evidence] = field(default_factory=dict)
    # Our own claim: it can change only after our LabelingJob is gone.
    owners: dict[str, Owner] = field(default_factory=dict)
    # Ended jobs of which something may still run or lie in Ray; the sweep finds such, too.
    unsettled: set[str] = field(default_factory=set)
    # Jobs whose users know that our clock is wrong.
    skew_told: set[str] = field(default_factory=set)
    # resourceVersion of our latest status patch: its own event in the watch brings no news.
    written: dict[str, str] = field(default_factory=dict)
    _configs: OrderedDict[str, StageConfig] = field(default_factory=OrderedDict)

    def config(self, name: str) -> StageConfig | None:
        """STAGE.json of the attempt with this name, if it was read or written lately."""
        return self._configs.get(name)

    def keep_config(self, config: StageConfig) -> None:
        """Remember the config, which never changes once it is in the store."""
        self._configs[config.name] = config
        self._configs.move_to_end(config.name)
        if len(self._configs) > _CONFIGS_MAX:
            self._configs.popitem(last=False)

    def forget(self, uid: str) -> None:
        """The job is gone, or has ended."""
        self.evidence.pop(uid, None)
        self.owners.pop(uid, None)
        self.written.pop(uid, None)
        self.unsettled.discard(uid)
        self.skew_told.discard(uid)
