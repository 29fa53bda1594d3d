"""A job of a million lines: how fast prepare reads and checks them, and every stage's memory.

    python tests/bench/prepare.py [lines ...]        (default: 100000 1000000)

One core, no Ray: every figure is lines a second per core. Each stage is a process of its own, so
that its peak memory is its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import msgspec
from page import Section, publish, say

from surelabel.stages import runner
from surelabel_contract.stages import Ending, StageReport
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver

_TARGET = 100_000
_CHUNK = 8 << 20
# Lines that prepare must remember: what it is of them, and what stands in each beside its text.
# Of the lines that are no items the first is one, else there would be no job.
_REMEMBERED = {
    "custom ids": '"source": "{text}", "dataset-objectid-attribute-name": "id", "id": "x{number}"',
    "earlier labels": '"source": "{text}", "job": "0", "job-metadata": {{"class-name": "0"}}',
    "rejected lines": '"sauce": "{text}", "weight": 1.50, "by": "someone"',
}
_BOUND = 100
_STAGE = Path(__file__).with_name("timed_stage.py")
# A child's peak counts from its parent's size at the fork, so a small process starts the stage.
_LAUNCHER = """
import json, os, sys, time
start = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), time.perf_counter() - start,
                  usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
"""


@dataclass(frozen=True)
class Used:
    """What one stage took, its start included."""

    stage: str
    wall: float
    cpu: float
    peak_megabytes: float
    report: StageReport


def write_data(driver: MiniDriver, n_lines: int) -> None:
    """Lines of about 100 bytes, and the truth about them."""
    with (driver.root / "input.manifest").open("w") as file:
        for number in range(n_lines):
            file.write(
                f'{{"source": "A text of usual length about thing {number:09d}", '
                '"weight": 1.50, "by": "someone"}\n'
            )
    with (driver.root / "truth.jsonl").open("w") as file:
        for number in range(n_lines):
            file.write(f'{{"label": "{number % 2}"}}\n')


def write_remembered(driver: MiniDriver, n_lines: int, fields: str) -> None:
    """Lines that are all of one kind but for the first."""
    with (driver.root / "input.manifest").open("w") as file:
        file.write('{"source": "A text"}\n')
        for number in range(1, n_lines):
            text = f"A text of usual length about thing {number:09d}"
            file.write(f"{{{fields.format(text=text, number=number)}}}\n")


def floors(manifest: Path) -> tuple[float, float]:
    """CPU seconds to read the file and count its lines, and to decode its lines with msgspec."""
    started = time.process_time()
    with manifest.open("rb") as file:
        while chunk := file.read(_CHUNK):
            chunk.count(b"\n")
    counted = time.process_time() - started
    decode = msgspec.json.decode
    decoded = 0.0
    with manifest.open("rb") as file:
        while lines := file.readlines(_CHUNK):
            started = time.process_time()
            for line in lines:
                decode(line)
            decoded += time.process_time() - started
    return counted, decoded


def run_stage(
    driver: MiniDriver, round_: int, stage: Stage, before: StageReport | None, **changes: object
) -> Used:
    """One stage in a process of its own."""
    step = Step(round=round_, stage=stage)
    config = driver.config(step, before, **changes)  # type: ignore[arg-type]
    folder = Storage(driver.access).folder(driver.folder_uri)
    key = driver.keys.config(step, config.attempt)
    folder.create(key, config.to_json())
    command = [sys.executable, "-I", "-S", "-c", _LAUNCHER]
    command += [sys.executable, str(_STAGE), folder.uri_of(key)]
    environment = {**os.environ, runner.ACCESS_VARIABLE: driver.access.to_json().decode()}
    done = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, timeout=400
    )
    status, wall, cpu, peak = json.loads(done.stdout.splitlines()[-1])
    if status != 0:
        raise SystemExit(f"{stage.value} ended with {status}:\n{done.stderr[-2000:]}")
    used = Used(stage.value, wall, cpu, peak * 1024 / 1e6, driver.report(step))
    say(f"prepare: {stage.value} {wall:.1f} s, {used.peak_megabytes:.0f} MB")
    return used


def run_job(driver: MiniDriver) -> list[Used]:
    """The stages of one round of people's labels, and the export."""
    prepare = run_stage(driver, 0, Stage.PREPARE, None)
    annotate = run_stage(driver, 1, Stage.ANNOTATE, prepare.report)
    consolidate = run_stage(driver, 1, Stage.CONSOLIDATE, annotate.report)
    ending = Ending(succeeded=True, reason="LimitReached")
    export = run_stage(driver, 2, Stage.EXPORT, consolidate.report, ending=ending)
    return [prepare, annotate, consolidate, export]


def measure(sizes: list[int]) -> Section:
    """The section of prepare and of large manifests."""
    section = Section(
        "prepare",
        "A job of a million lines",
        "Text lines of about 100 bytes, people label (one round of 1,000 items, then export). "
        "Every stage is a process of its own on one core, without Ray. Read and check: prepare's "
        "phases of cutting the file, checking every line and writing its item shards, in CPU "
        "seconds. The floor: reading the file and counting its newlines, and decoding every line "
        "with msgspec.",
    )
    found: dict[int, list[Used]] = {}
    for n_lines in sizes:
        with tempfile.TemporaryDirectory(prefix="sl-bench-") as name:
            driver = MiniDriver(Path(name).resolve())
            write_data(driver, n_lines)
            size = (driver.root / "input.manifest").stat().st_size
            counted, decoded = floors(driver.root / "input.manifest")
            found[n_lines] = run_job(driver)
        prepare = found[n_lines][0]
        seconds = prepare.report.seconds
        wall = seconds["split"] + seconds["check"]
        reading = seconds["split.cpu"] + seconds["check.cpu"]
        rate = n_lines / reading
        section.add(
            f"{n_lines:,} lines: read and check",
            f"{rate:,.0f} lines/s per core ({reading:.2f} s of CPU in {wall:.2f} s)",
            f"≥ {_TARGET:,}",
            rate >= _TARGET,
        )
        floor = counted + decoded
        section.add(f"{n_lines:,} lines: floor",
                    f"{floor:.2f} s for {size / 1e6:.0f} MB ({counted:.2f} read and count, "
                    f"{decoded:.2f} decode); {reading / floor:.1f} times that")  # fmt: skip
        section.add(f"{n_lines:,} lines: all of prepare, start included",
                    f"{prepare.wall:.1f} s, {prepare.cpu:.1f} s of CPU")  # fmt: skip
    least, most = min(found), max(found)
    for small, large in zip(found[least], found[most], strict=True):
        if least == most:
            break
        per_line = (large.peak_megabytes - small.peak_megabytes) * 1e6 / (most - least)
        section.add(f"{large.stage}: peak memory, {least:,} and {most:,} lines",
                    f"{small.peak_megabytes:.0f} and {large.peak_megabytes:.0f} MB, "
                    f"{per_line:.0f} bytes a line more",
                    "bounded by a shard")  # fmt: skip
    measure_remembered(section, sizes)
    lines = [
        (f"{n_lines:,}", u.stage, f"{u.wall:.1f}", f"{u.cpu:.1f}", f"{u.peak_megabytes:.0f}")
        for n_lines, job in found.items()
        for u in job
    ]
    header = ("lines", "stage", "seconds", "CPU seconds", "peak MB")
    section.tables.append(("Every stage, its start included:", header, lines))
    return section


def measure_remembered(section: Section, sizes: list[int]) -> None:
    """Prepare's memory where every line leaves something behind, which the driver collects."""
    least, most = min(sizes), max(sizes)
    if least == most:
        return
    for kind, fields in _REMEMBERED.items():
        peak: dict[int, float] = {}
        for n_lines in (least, most):
            with tempfile.TemporaryDirectory(prefix="sl-bench-") as name:
                driver = MiniDriver(Path(name).resolve())
                write_remembered(driver, n_lines, fields)
                peak[n_lines] = run_stage(driver, 0, Stage.PREPARE, None).peak_megabytes
        per_line = (peak[most] - peak[least]) * 1e6 / (most - least)
        section.add(f"prepare, {kind}: peak memory, {least:,} and {most:,} lines",
                    f"{peak[least]:.0f} and {peak[most]:.0f} MB, {per_line:.0f} bytes a line more",
                    f"≤ {_BOUND} bytes a line", per_line <= _BOUND)  # fmt: skip


if __name__ == "__main__":
    publish(measure([int(given) for given in sys.argv[1:]] or [100_000, 1_000_000]))
