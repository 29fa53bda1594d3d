"""What each attempt is told: everything from the spec, the last report and the look."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from job_factories import (
    NOW,
    PEOPLE,
    config_of,
    counters,
    observed_of,
    report_of,
    spec_of,
    step,
)
from surelabel_contract import stages as contract
from surelabel_contract.stages import Ending, Progressed, StageConfig
from surelabel_contract.steps import step_name
from surelabel_operator.configs import (
    _auto_labeling,
    early_export_config,
    first_config,
    following_config,
    retry_config,
    team_facts,
)
from surelabel_operator.limits import stage_limits
from surelabel_operator.next_step import Next
from surelabel_operator.observed import Owner, OwnerState
from surelabel_operator.resources import WorkTeam


def test_the_first_config_starts_from_the_spec_alone() -> None:
    config = first_config(spec_of(seed=11), observed_of(generation=4))
    assert (config.step, config.attempt, config.generation) == (step("pre", 0), 1, 4)
    assert config.name == step_name("birds", config.job.uid, step("pre", 0), 1)
    assert (config.seed, config.previous, config.inputs) == (11, None, {})
    assert [label.name for label in config.labels] == ["Falcon", "Heron"]
    assert config.stage_time == NOW
    assert config.simulated is None
    assert config.max_annotators_per_item == config.annotators_per_item == 3


def test_a_following_config_goes_on_from_the_report() -> None:
    progressed = Progressed(counters=counters(human=20), answers=60)
    report = report_of(step("inf"), None, progressed, seed=99)
    following = Next(step("ann", 2), tasks="tasks")
    config = following_config(spec_of(), observed_of(), report, following)
    assert (config.seed, config.previous, config.simulated) == (99, progressed, PEOPLE)
    assert config.inputs == report.carry


def test_the_state_of_a_predecessor_stays_in_use_after_a_take_over() -> None:
    owner = Owner(OwnerState.OURS, "uid", "state/12345678", NOW)
    assert first_config(spec_of(), observed_of(owner=owner)).state_root == "state/12345678"


def test_a_retry_has_other_resources_and_the_same_digest() -> None:
    compute = {
        "ray": {"address": {"name": "shared"}},
        "stages": [{"name": "train", "numCPUs": 4, "memoryMiB": 8192, "timeoutSeconds": 60}],
    }
    first = config_of(step("tra"))
    second = retry_config(spec_of(compute=compute), observed_of(), first, 2)
    assert (second.resources.num_cpus, second.resources.memory_mib) == (4, 8192)
    assert second.timeout_seconds == 60
    assert second.name.endswith("-a2")
    assert second.digest() == first.digest()


def test_an_early_export_keeps_the_seed_and_numbers_of_the_stopped_step() -> None:
    stopped = config_of(step("tra", 3))
    ending = Ending(succeeded=False, reason="DeadlineExceeded")
    config = early_export_config(spec_of(), observed_of(), stopped, ending)
    assert (config.step, config.ending) == (step("exp", 3), ending)
    assert (config.seed, config.previous) == (stopped.seed, stopped.previous)


def test_a_config_survives_its_way_through_the_store() -> None:
    config = first_config(spec_of(), observed_of())
    assert StageConfig.from_json(config.to_json()) == config


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_max_cost_is_divided_exactly(cost: int, price: int) -> None:
    def money(millionths: int) -> dict[str, str]:
        return {"amount": f"{Decimal(millionths) / 1_000_000:f}", "currency": "USD"}

    spec = spec_of(
        workforce={"workTeam": "w", "pricePerAnnotation": money(price)},
        stopping={"maxCost": money(cost)},
    )
    limit = stage_limits(spec).max_answers
    assert limit is not None
    assert limit * price <= cost < (limit + 1) * price


def test_a_price_of_nothing_limits_nothing() -> None:
    free = {"workTeam": "w", "pricePerAnnotation": {"amount": "0.00", "currency": "USD"}}
    spec = spec_of(workforce=free, stopping={"maxCost": {"amount": "1", "currency": "USD"}})
    assert stage_limits(spec).max_answers is None


def test_stages_know_the_last_round_of_models_where_there_are_models() -> None:
    spec = spec_of(stopping={"maxRounds": 7})
    assert stage_limits(spec).max_rounds == 7
    people_alone = spec.model_copy(update={"auto_labeling": None})
    assert stage_limits(people_alone).max_rounds is None


@pytest.mark.parametrize(
    ("encoder", "told"),
    [
        (None, None),
        ({"name": "Builtin"}, None),
        ({"name": "MiniLM"}, contract.Encoder(name="MiniLM")),
        ({"uri": "s3://b/e.onnx"}, contract.Encoder(uri="s3://b/e.onnx")),
        ({"package": "d/e.onnx"}, contract.Encoder(package="d/e.onnx")),
    ],
)
def test_stages_know_the_encoder_unless_features_are_built_in(
    encoder: dict[str, str] | None, told: contract.Encoder | None
) -> None:
    spec = spec_of(autoLabeling={} if encoder is None else {"encoder": encoder})
    found = _auto_labeling(spec)
    assert found is not None
    assert found.encoder == told


def test_a_team_is_its_simulated_people() -> None:
    team = WorkTeam.model_validate(
        {
            "metadata": {"name": "w"},
            "spec": {
                "simulated": {
                    "annotators": [{"name": "ada", "accuracyPermille": 900}],
                    "truthURI": "s3://bucket/truth.jsonl",
                }
            },
        }
    )
    facts = team_facts(team)
    assert facts.active_members == 1
    assert facts.simulated is not None
    assert facts.simulated.truth_uri == "s3://bucket/truth.jsonl"
