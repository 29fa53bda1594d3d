"""WorkTeam: the people who label; so far simulated ones."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from surelabel_operator.resources.base import API_VERSION, Part, map_list, rule, rules
from surelabel_operator.resources.metadata import Metadata
from surelabel_operator.resources.status import TeamStatus
from surelabel_operator.resources.storage import PATH_RULE, URI_MAX, URI_RULE


class SimulatedMember(Part):
    """A simulated person."""

    name: str = Field(
        max_length=63,
        description="Name of the annotator, as answers have it.",
        json_schema_extra=rules(
            rule(
                "self.matches('^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')",
                "must consist of letters, digits and inner '-', '_', '.'",
            )
        ),
    )
    accuracy_permille: int = Field(
        ge=0, le=1_000, description="How many of 1,000 answers are right."
    )


class Simulated(Part):
    """People who answer from a file of true labels, each with mistakes of their own."""

    annotators: list[SimulatedMember] = Field(
        min_length=1,
        max_length=1_000,
        description="The simulated people.",
        json_schema_extra=map_list("name"),
    )
    truth_uri: str = Field(
        max_length=URI_MAX,
        description="URI of the true labels: JSON Lines in the manifest's order, each with label. "
        "Read by nobody but the simulated people.",
        json_schema_extra=rules(URI_RULE, PATH_RULE),
    )
    mean_seconds: int = Field(
        default=10,
        ge=1,
        le=86_400,
        description="How long an answer takes on the average; it only stamps times.",
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="Seed of the people's mistakes.")


class WorkTeamSpec(Part):
    """Who is in the team; exactly one source."""

    simulated: Simulated | None = Field(default=None, description="Simulated people.")

    model_config = {
        # One member so far. The form is that for several, so that another slots in.
        "json_schema_extra": rules(
            rule("[has(self.simulated)].exists_one(x, x)", "needs exactly one of: simulated")
        )
    }


class WorkTeam(Part):
    """People who label."""

    api_version: str = API_VERSION
    kind: Literal["WorkTeam"] = "WorkTeam"
    metadata: Metadata
    spec: WorkTeamSpec = Field(description="Who is in the team.")
    status: TeamStatus = Field(default=TeamStatus(), description="What became of it.")
