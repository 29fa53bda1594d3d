"""Whether the promise is kept: thousands of simulated jobs, in good cases and in bad ones.

    python tests/bench/promise.py                            all jobs, written into the page
    python tests/bench/promise.py --jobs 30                  at most 30 a setting, only printed
    python tests/bench/promise.py --only "digits, eps 5 %"   settings whose name has this in it
    python tests/bench/promise.py --settings                 their names

Outcomes are kept in --folder as they come, so that a bench that was killed goes on; another
version of the code begins anew. Stages and decisions are the real ones, in this process.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from page import ROOT, Section, publish, say

from bench.promise_settings import RISK_PERMILLE, SETTINGS, Setting, model_of, write_pool
from surelabel_cli.simulation.many import Run, run_one
from surelabel_cli.simulation.outcome import Outcome
from surelabel_cli.simulation.replay import Prepared, Replay
from surelabel_cli.simulation.summary import Rate

_FOLDER = ROOT / ".surelabel" / "bench" / "promise"
_CODE = ("workloads/surelabel", "workloads/surelabel_contract", "operator", "tests/bench")
# Jobs that a process does before it hands them over; what is lost when it is killed.
_TOGETHER = 10
_MINUTES = 90


@dataclass(frozen=True)
class Done:
    """One job that has ended, and the CPU seconds that it took."""

    setting: str
    number: int
    seconds: float
    outcome: Outcome


@dataclass(frozen=True)
class Group:
    """Jobs on one pool."""

    data: str
    pool: int
    jobs: tuple[tuple[Setting, int], ...]


class Kept:
    """Outcomes in a file, a line each; one that was cut off by a kill is done again."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"outcomes-{_version()}.jsonl"
        self.done: dict[tuple[str, int], Done] = {}
        if self._file.exists():
            for line in self._file.read_text(encoding="utf-8").splitlines(keepends=True):
                if line.endswith("\n"):
                    value = json.loads(line)
                    self._note(Done(**{**value, "outcome": Outcome(**value["outcome"])}))

    def add(self, some: Iterable[Done]) -> None:
        """Keep them."""
        with self._file.open("a", encoding="utf-8") as file:
            for one in some:
                file.write(json.dumps(asdict(one)) + "\n")
                self._note(one)

    def _note(self, one: Done) -> None:
        self.done[one.setting, one.number] = one


def groups_of(wanted: Sequence[tuple[Setting, int]]) -> list[Group]:
    """The jobs by their pools, a few at a time."""
    by_pool: dict[tuple[str, int], list[tuple[Setting, int]]] = {}
    for setting, number in wanted:
        by_pool.setdefault((setting.data, number // setting.per_pool), []).append((setting, number))
    return [
        Group(*pool, tuple(jobs[start : start + _TOGETHER]))
        for pool, jobs in by_pool.items()
        for start in range(0, len(jobs), _TOGETHER)
    ]


_prepared: dict[tuple[str, int], tuple[Path, Prepared]] = {}
_folder = Path()


def _begin(folder: Path) -> None:
    """What a process is told: where its pools may lie."""
    global _folder  # noqa: PLW0603  # An initializer has no other way.
    _folder = folder


def run_group(group: Group) -> list[Done]:
    """The jobs of a group, one after the other, in a folder of this process."""
    folder, prepared = _pool(group)
    found = []
    for setting, number in group.jobs:
        start = time.process_time()
        with model_of(setting):
            outcome = run_one(Run(setting.job(folder / "pool"), number), prepared, folder / "job")
        found.append(Done(setting.name, number, time.process_time() - start, outcome))
    return found


def _pool(group: Group) -> tuple[Path, Prepared]:
    """The pool's folder, its items and features; the last pool stays for the next group."""
    key = group.data, group.pool
    if key not in _prepared:
        for folder, _ in _prepared.values():
            shutil.rmtree(folder, ignore_errors=True)
        _prepared.clear()
        # Some thousand small files a job: in memory where there is such a place.
        memory = Path("/dev/shm")
        folder = Path(
            tempfile.mkdtemp(prefix="sl-promise-", dir=memory if memory.is_dir() else None)
        )
        write_pool(*key, folder / "pool")
        base = Replay(folder / "base", group.jobs[0][0].job(folder / "pool"))
        _prepared[key] = folder, base.prepare()
    return _prepared[key]


def run_all(settings: Sequence[Setting], jobs: int | None, kept: Kept, processes: int) -> None:
    """All jobs that are not there yet."""
    wanted = [
        (setting, number)
        for setting in settings
        for number in range(min(setting.jobs, jobs or setting.jobs))
        if (setting.name, number) not in kept.done
    ]
    groups = groups_of(wanted)
    told = time.monotonic()
    n_done = 0
    # Two processes with two threads each would only wait for each other.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="sl-promise-", dir=_memory()) as name,
        context.Pool(processes, _begin, (Path(name),)) as pool,
    ):
        for some in pool.imap_unordered(run_group, groups):
            kept.add(some)
            n_done += len(some)
            if time.monotonic() - told > 30:
                told = time.monotonic()
                say(f"promise: {n_done:,} of {len(wanted):,} jobs, now {some[-1].setting}")


def _memory() -> Path | None:
    """A job writes a hundred small files: into memory, where there is such a place."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() else None


def section_of(settings: Sequence[Setting], kept: Kept) -> Section:
    """The section of the jobs that are there."""
    risk = RISK_PERMILLE / 1000
    section = Section(
        "promise",
        "The promise",
        "Simulated jobs, each with other people's mistakes, batches and samples: the stages' own "
        f"code and the operator's own decisions. Risk {100 * risk:g} %; the CRD's defaults. Three "
        "people an item, right in 97 to 99.5 % of the cases unless said otherwise; MNIST10k and "
        "banking77: random pools of 2,000 items. A promise is broken where more machine labels "
        "than the target allows differ from what the same people would have said, who are asked "
        "about all of them afterwards.",
    )
    lines: list[Sequence[str]] = []
    seconds = 0.0
    for setting in settings:
        done = [one for (name, _), one in sorted(kept.done.items()) if name == setting.name]
        if not done:
            continue
        seconds += sum(one.seconds for one in done)
        outcomes = [one.outcome for one in done]
        rate = Rate(sum(one.kept is False for one in outcomes), len(outcomes))
        section.add(
            f"{setting.name}: broken promises",
            f"{rate.count} of {rate.n:,} ({100 * rate.low:.2f} to {100 * rate.high:.2f} %)",
            f"lower end ≤ {100 * risk:g} %",
            rate.low <= risk if rate.n >= setting.jobs else None,
        )
        lines.append(_line(setting, outcomes, float(np.mean([one.seconds for one in done]))))
    section.add("CPU time of all jobs, on two cores", f"{seconds / 120:.0f} min",
                f"≤ {_MINUTES} min", seconds / 120 <= _MINUTES)  # fmt: skip
    header = ("setting", "eps", "jobs with machine labels", "by people", "unlike people, mean",
              "unlike the truth, mean", "above eps in truth", "attempts", "refused",
              "rounds", "CPU s")  # fmt: skip
    section.tables.append(("Means of the jobs; shares of the items, or of machine labels:", header,
                           lines))  # fmt: skip
    return section


def _line(
    setting: Setting,
    outcomes: Sequence[Outcome],
    seconds: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> Sequence[str]:
    eps = setting.permille / 1000
    with_machine = [one for one in outcomes if one.machine_labels]
    above = sum((one.wrong_in_truth or 0.0) > eps for one in outcomes)

    def percent(shares: Sequence[float | None]) -> str:
        known = [share for share in shares if share is not None]
        return f"{100 * float(np.mean(known)):.2f} %" if known else "-"

    return (
        setting.name,
        f"{100 * eps:g} %",
        f"{len(with_machine):,} of {len(outcomes):,}",
        percent([one.human_labels / one.items for one in outcomes]),
        percent([one.wrong_by_people for one in outcomes]),
        percent([one.wrong_in_truth for one in outcomes]),
        str(above),
        f"{np.mean([one.attempts for one in outcomes]):.2f}",
        f"{np.mean([one.refused for one in outcomes]):.2f}",
        f"{np.mean([one.rounds for one in outcomes]):.1f}",
        f"{seconds:.2f}",
    )


def _version() -> str:
    """Of the code that decides what a job comes to."""
    digest = hashlib.sha256()
    for folder in _CODE:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if folder != "tests/bench" or file.name.startswith("promise_"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def main() -> None:
    """Run what is missing; the section goes into the page when nothing is left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, help="at most so many of each setting")
    parser.add_argument("--only", help="settings whose name has this in it")
    parser.add_argument("--settings", action="store_true", help="print their names")
    parser.add_argument("--folder", type=Path, default=_FOLDER)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    chosen = [setting for setting in SETTINGS if (given.only or "") in setting.name]
    if given.settings or not chosen:
        sys.stdout.write("".join(f"{one.name}: {one.jobs:,} jobs\n" for one in SETTINGS))
        sys.exit(0 if given.settings else 2)
    kept = Kept(given.folder)
    run_all(chosen, given.jobs, kept, given.processes)
    section = section_of(chosen, kept)
    if given.jobs is None and given.only is None:
        publish(section)
    else:
        sys.stdout.write(section.text())


if __name__ == "__main__":
    main()
