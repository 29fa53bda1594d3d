"""What a job's model says of itself when it leaves, and what an earlier one must say to come in."""

from __future__ import annotations

from surelabel.items import ItemReader
from surelabel.models.about import About
from surelabel_contract.stages import StageConfig

# The features of ``tasks/``; other ones need another name, or models would be taken for theirs.
BUILT_IN = "built-in"


def about_of(config: StageConfig, reader: ItemReader) -> About:
    """The words of this job's models."""
    _, features = reader.features(0)
    return About(
        task_type=config.task_type,
        labels=tuple(label.name for label in config.labels),
        features=BUILT_IN,
        n_features=int(features.shape[1]),
    )


def difference(own: About, other: About) -> str | None:
    """Why a model that says ``other`` cannot serve a job that says ``own``; None: it can."""
    if other.task_type != own.task_type:
        return f"it is a model of {other.task_type}; must be of {own.task_type}"
    if other.labels != own.labels:
        return (
            f"its labels are {_shown(other.labels)}; must be the job's, in their order: "
            f"{_shown(own.labels)}"
        )
    if (other.features, other.n_features) != (own.features, own.n_features):
        return (
            f"it was trained on {other.n_features} features ({other.features}); must be "
            f"{own.n_features} ({own.features}), as this version extracts them"
        )
    return None


def _shown(labels: tuple[str, ...]) -> str:
    most = 10
    names = ", ".join(map(repr, labels[:most]))
    return names if len(labels) <= most else f"{names} and {len(labels) - most} more"
