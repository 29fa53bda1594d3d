"""Pure builders of StageConfig: what each attempt of a step is told."""

from __future__ import annotations

from dataclasses import dataclass

from surelabel_contract import stages as contract
from surelabel_contract.keys import StateKeys
from surelabel_contract.stages import ObjectRef, Progressed, StageConfig, StageReport
from surelabel_contract.steps import Stage, Step, step_name
from surelabel_contract.task_types import TASK_TYPE_FACTS
from surelabel_operator.limits import stage_limits
from surelabel_operator.next_step import Next, inputs_of
from surelabel_operator.observed import Observed, TeamFacts
from surelabel_operator.resources import LabelingJobSpec, WorkTeam


def team_facts(team: WorkTeam) -> TeamFacts:
    """The team as decide and the annotate stage see it."""
    simulated = team.spec.simulated
    if simulated is None:
        return TeamFacts(simulated=None, active_members=0)
    people = contract.SimulatedWorkforce(
        annotators=tuple(
            contract.SimulatedAnnotator(
                name=member.name, accuracy_permille=member.accuracy_permille
            )
            for member in simulated.annotators
        ),
        truth_uri=simulated.truth_uri,
        mean_seconds=simulated.mean_seconds,
        seed=simulated.seed,
    )
    return TeamFacts(simulated=people, active_members=len(people.annotators))


def first_config(spec: LabelingJobSpec, observed: Observed) -> StageConfig:
    """The first attempt of prepare."""
    start = _Start(Step(round=0, stage=Stage.PREPARE), {}, None, spec.seed, None)
    return _config(spec, observed, start)


def following_config(
    spec: LabelingJobSpec,
    observed: Observed,
    report: StageReport,
    following: Next,
) -> StageConfig:
    """The first attempt of the step that follows ``report``; UnfitReportError."""
    start = _Start(
        following.step,
        inputs_of(following, report),
        report.progressed,
        report.seed,
        following.ending,
    )
    return _config(spec, observed, start)


def early_export_config(
    spec: LabelingJobSpec,
    observed: Observed,
    stopped: StageConfig,
    ending: contract.Ending,
) -> StageConfig:
    """Export in place of the step of ``stopped``, from what that step was given."""
    start = _Start(
        Step(round=stopped.step.round, stage=Stage.EXPORT),
        dict(stopped.inputs),
        stopped.previous,
        stopped.seed,
        ending,
    )
    return _config(spec, observed, start)


def retry_config(
    spec: LabelingJobSpec, observed: Observed, before: StageConfig, attempt: int
) -> StageConfig:
    """``before`` as another attempt: only its name, resources and timeout differ.

    And, after a take-over, whose attempt it is: ``before`` may be the predecessor's.
    """
    compute, job = spec.compute.stage(before.step.stage), observed.job
    return before.model_copy(
        update={
            "job": job,
            "attempt": attempt,
            "name": step_name(job.name, job.uid, before.step, attempt),
            "resources": _resources(spec, before.step.stage),
            "timeout_seconds": compute.timeout_seconds,
        }
    )


def mended_config(
    spec: LabelingJobSpec,
    observed: Observed,
    before: StageConfig,
    attempt: int,
) -> StageConfig:
    """Another attempt under a changed spec, which a person changed so that the step can work.

    What the step was given stays: inputs, numbers, seed, time and ending.
    """
    start = _Start(before.step, dict(before.inputs), before.previous, before.seed, before.ending)
    mended = _config(spec, observed, start)
    mended = mended.model_copy(update={"stage_time": before.stage_time})
    return retry_config(spec, observed, mended, attempt)


@dataclass(frozen=True)
class _Start:
    """What a step starts from."""

    step: Step
    inputs: dict[str, ObjectRef]
    previous: Progressed | None
    seed: int | None
    ending: contract.Ending | None


def _config(spec: LabelingJobSpec, observed: Observed, start: _Start) -> StageConfig:
    job, step, workforce = observed.job, start.step, spec.workforce
    root = observed.owner.state_root if observed.owner is not None else None
    price = workforce.price_per_annotation
    return StageConfig(
        job=job,
        step=step,
        attempt=1,
        name=step_name(job.name, job.uid, step, 1),
        generation=observed.generation,
        stage_time=observed.data_time,
        seed=start.seed,
        folder_uri=observed.folder_uri,
        state_root=root or StateKeys.of(job.uid).root,
        storage=observed.storage_access,
        task_type=spec.task_type,
        labels=tuple(contract.Label(name=label.name) for label in spec.labels),
        label_attribute_name=observed.label_attribute,
        audit_label_attribute_name=spec.input.audit_label_attribute_name,
        manifest_uri=observed.manifest_uri,
        output_layout=spec.output.layout,
        annotators_per_item=workforce.annotators_per_item,
        max_annotators_per_item=workforce.most_annotators,
        max_open_items=workforce.max_open_items,
        price_per_annotation=None
        if price is None
        else contract.Money(amount=price.amount, currency=price.currency),
        consolidation_method=spec.consolidation.method,
        auto_labeling=_auto_labeling(spec),
        remainder=spec.stopping.remainder,
        limits=stage_limits(spec),
        simulated=_simulated(observed.team, step.stage),
        ending=start.ending,
        inputs=start.inputs,
        previous=start.previous,
        resources=_resources(spec, step.stage),
        timeout_seconds=spec.compute.stage(step.stage).timeout_seconds,
    )


def _simulated(team: TeamFacts | None, stage: Stage) -> contract.SimulatedWorkforce | None:
    """The people; only annotate may know how good they are and where the truth lies."""
    people = team.simulated if team is not None else None
    if people is None or stage is Stage.ANNOTATE:
        return people
    if stage not in (Stage.CONSOLIDATE, Stage.INFER):
        return None
    # Both ask again, and must know whom they still can.
    return contract.SimulatedWorkforce(
        annotators=tuple(
            contract.SimulatedAnnotator(name=person.name, accuracy_permille=0)
            for person in people.annotators
        ),
        truth_uri="",
    )


def _auto_labeling(spec: LabelingJobSpec) -> contract.AutoLabeling | None:
    auto = spec.auto_labeling
    if auto is None:
        return None
    usual = TASK_TYPE_FACTS[spec.task_type].tolerance_permille
    return contract.AutoLabeling(
        target_error_permille=auto.target_error_permille,
        risk_permille=auto.risk_permille,
        tolerance_permille=auto.tolerance_permille or usual,
        encoder=None
        if auto.encoder.name == "Builtin"
        else contract.Encoder(**auto.encoder.model_dump()),
        model=auto.model.name or "Auto",
        model_entrypoint=auto.model.entrypoint,
        model_parameters=tuple(
            contract.ModelParameter(name=each.name, value=each.value)
            for each in auto.model.parameters
        )
        or None,
        initial_model_uri=auto.initial_model_uri,
        seed_items=auto.seed_items,
        items_per_round=auto.items_per_round,
        repair_percent=auto.repair_percent,
    )


def _resources(spec: LabelingJobSpec, stage: Stage) -> contract.Resources:
    compute = spec.compute.stage(stage)
    return contract.Resources(
        num_cpus=compute.num_cpus, num_gpus=compute.num_gpus, memory_mib=compute.memory_mib
    )
