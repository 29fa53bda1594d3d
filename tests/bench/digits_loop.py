"""The sample job many times over: what ``surelabel simulate`` makes of crds/samples/digits.yaml.

    python tests/bench/digits_loop.py                        20 seeds, written into the page
    python tests/bench/digits_loop.py --seeds 3              only printed

Run it when a model, the selection or the proposing changes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from page import ROOT, Section, publish, say

from surelabel_cli.job_file import read_job_file
from surelabel_cli.simulation.many import Run, run_all
from surelabel_cli.simulation.outcome import Outcome
from surelabel_cli.simulation.replay import Simulated
from surelabel_operator.resources import LabelingJobSpec, read_labeling_job

SAMPLE = ROOT / "crds" / "samples" / "digits.yaml"
_SEEDS = 20
_TARGET_PERCENT = 35


def simulated(n: int) -> tuple[LabelingJobSpec, list[Outcome]]:
    """The sample job ``n`` times, with other people, batches and samples each time."""
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        file = read_job_file(SAMPLE).in_folder(Path(folder))
        file.make_sample_data(Path(folder))
        job = Simulated(file.job, file.teams[0])
        runs = [Run(job, number) for number in range(n)]
        workers = len(os.sched_getaffinity(0))
        outcomes = run_all(runs, Path(folder), workers, lambda _run: None)
    return read_labeling_job(dict(file.job)).spec, outcomes


def section_of(spec: LabelingJobSpec, outcomes: Sequence[Outcome]) -> Section:
    """The section of these jobs."""
    auto = spec.auto_labeling
    assert auto is not None
    section = Section(
        "digits_loop",
        "Digits, many seeds",
        f"The sample job {len(outcomes)} times, with other people, batches and samples each time: "
        f"{auto.seed_items} items before any model, {auto.items_per_round} a round (the CRD's "
        "defaults). The stages' own code and the operator's own decisions, as `surelabel simulate` "
        "runs them; without Kubernetes.",
    )
    people = [100 * outcome.human_labels / outcome.items for outcome in outcomes]
    mean = float(np.mean(people))
    section.add("items labeled by people, mean", f"{mean:.1f} %", f"≤ {_TARGET_PERCENT} %",
                mean <= _TARGET_PERCENT)  # fmt: skip
    section.add("items labeled by people, least and most", f"{min(people):.1f} and "
                f"{max(people):.1f} %")  # fmt: skip
    few = sum(share <= _TARGET_PERCENT for share in people)
    section.add(f"jobs with at most {_TARGET_PERCENT} % labeled by people",
                f"{few} of {len(outcomes)}")  # fmt: skip
    for what, wrong in (
        ("the people's consensus", [outcome.wrong_by_people for outcome in outcomes]),
        ("the hidden truth", [outcome.wrong_in_truth for outcome in outcomes]),
    ):
        shares = [100 * share for share in wrong if share is not None]
        section.add(f"machine labels unlike {what}, mean and most",
                    f"{np.mean(shares):.2f} and {max(shares):.2f} %")  # fmt: skip
    broken = sum(outcome.kept is False for outcome in outcomes)
    allowed = auto.risk_permille / 1000 * len(outcomes)
    section.add(f"jobs with more than {auto.target_error_permille / 10:g} % unlike the consensus",
                str(broken), f"≤ {allowed:g} of {len(outcomes)} expected",
                broken <= allowed)  # fmt: skip
    section.add("proposals accepted and refused, rounds, mean",
                f"{np.mean([o.attempts - o.refused for o in outcomes]):.1f} and "
                f"{np.mean([o.refused for o in outcomes]):.1f}, "
                f"{np.mean([o.rounds for o in outcomes]):.1f}")  # fmt: skip
    return section


def main() -> None:
    """Print one line per seed; without options the section goes into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=_SEEDS)
    spec, outcomes = simulated(parser.parse_args().seeds)
    for seed, outcome in enumerate(outcomes):
        say(
            f"digits_loop: seed {seed}: {outcome.human_labels} of {outcome.items} by people, "
            f"wrong against truth {outcome.wrong_in_truth}, against people "
            f"{outcome.wrong_by_people}, attempts {outcome.attempts}, {outcome.refused} refused, "
            f"{outcome.rounds} rounds"
        )
    section = section_of(spec, outcomes)
    if len(sys.argv) == 1:
        publish(section)
    else:
        sys.stdout.write(section.text())


if __name__ == "__main__":
    main()
