"""How fast a round is on large pools: scoring, choosing, certifying, and all of it together.

    python tests/bench/rounds.py                     all, written into the page
    python tests/bench/rounds.py score choose        only these, printed

Every figure comes from a process of its own with one thread, so that CPU seconds are those of one
core and the peak of memory is its own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from page import Section, publish, say

from surelabel.items import ItemIndex, ItemReader, ShardFacts, write_features
from surelabel.labels import Kind, LabelFiles, LabelState, append_labels
from surelabel_contract.stages import AutoLabeling, ObjectRef, StageReport
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver

ITEMS, FEATURES, CLASSES, SHARD = 1_000_000, 256, 100, 2_000
ASKED = 1_000
ROUND_ITEMS = 100_000
SPREAD_ITEMS = 100_000
_PART_SECONDS = 240
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def made_up(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features, and classes that can be learned from them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    return x, (x @ np.random.default_rng(1).normal(size=(FEATURES, CLASSES))).argmax(axis=1)


def score(_folder: Path) -> dict[str, float]:
    """CPU seconds for the whole pool, by model."""
    from surelabel.models import fit
    from surelabel.stages.scoring import scored

    x, label = made_up(20 * SHARD)
    found = {}
    for name, n_labels in (("KernelRidge", 500), ("LogisticRegression", 3_000)):
        model = fit(x[:n_labels], label[:n_labels], CLASSES, seed=0, name=name)
        started = time.process_time()
        for start in range(0, ITEMS, SHARD):
            part = x[start % len(x) : start % len(x) + SHARD]
            scored(model, np.arange(start, start + SHARD), part)
        found[name] = time.process_time() - started
    return found


def _pool(folder: Path, n_items: int) -> tuple[MiniDriver, ItemReader, LabelState]:
    """Feature shards of a job, and its labels: every 500th item has one."""
    driver = MiniDriver(folder, labels=[str(k) for k in range(CLASSES)])
    store = Storage(driver.access).folder(driver.folder_uri)
    x, label = made_up(20 * SHARD)
    shards = []
    for number, start in enumerate(range(0, n_items, SHARD)):
        rows = x[start % len(x) : start % len(x) + SHARD]
        # Rows come again, but none is another's near-duplicate.
        rows = rows + np.random.default_rng(number).normal(size=rows.shape).astype(np.float32)
        key = driver.keys.feature_shard(number)
        lines = np.arange(start, start + SHARD, dtype=np.int64)
        ref = store.write(key, write_features(lines, rows))
        shards.append(ShardFacts(first_line=start, n_lines=SHARD, items=ref, features=ref))
    index = ItemIndex(
        manifest_sha256="0",
        manifest_bytes=0,
        n_lines=n_items,
        n_items=n_items,
        shards=tuple(shards),
    )
    state = LabelState.empty(n_items)
    state.kind[::500] = Kind.HUMAN
    state.label[::500] = label[np.arange(0, n_items, 500) % len(label)]
    return driver, ItemReader(store, index), state


def choose(folder: Path) -> dict[str, float]:
    """Seconds and memory of choosing, by query; feature shards are written before."""
    from surelabel.models import fit
    from surelabel.stages.context import StageContext
    from surelabel.stages.query import choose_query
    from surelabel.stages.scoring import Scores

    driver, reader, state = _pool(folder, ITEMS)
    rng = np.random.default_rng(2)
    line = state.lines(Kind.OPEN)
    top = rng.uniform(0.3, 1, len(line)).astype(np.float32)
    pool = Scores(line, rng.integers(CLASSES, size=len(line)).astype(np.int32), top, 2 * top - 1)
    x, label = made_up(SHARD)
    model = fit(x, label, CLASSES, seed=0)
    config = driver.config(Step(round=2, stage=Stage.INFER), None)
    context = StageContext.open(config, Storage(driver.access))
    ref = context.write("model.skops", model.save())
    config = config.model_copy(update={"inputs": {"model": ref}})
    found = {}
    for query in ("Margin", "Coreset", "BADGE"):
        context = StageContext.open(config, Storage(driver.access))
        promise = AutoLabeling(
            target_error_permille=50, risk_permille=50, items_per_round=ASKED, query=query
        )
        cpu, wall = time.process_time(), time.monotonic()
        chosen = choose_query(context, reader, state, pool, promise, is_whole_pool=True)
        found[query] = time.process_time() - cpu
        found[f"{query} wall"] = time.monotonic() - wall
        if len(chosen.lines) != ASKED:
            raise RuntimeError(f"{query} chose {len(chosen.lines)} items.")
    found["MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return found


def certify(_folder: Path) -> dict[str, float]:
    """CPU seconds to open, decide and recompute an attempt on the whole pool."""
    from surelabel.account_check import StoredRegion, verify
    from surelabel.certify import Account, decide, open_attempt

    found = {}
    level = (np.arange(ITEMS) % 4).astype(np.int8)
    for name, of in (("one threshold", None), ("four nested", level)):
        account = Account(target_error_permille=20, risk_permille=50)
        region = np.arange(ITEMS)
        started = time.process_time()
        proposal = open_attempt(account, region, 2_000, seed=1, model="m", round_=1, level=of)
        attempt, account = decide(account, proposal, proposal.sample[:4])
        found[name] = time.process_time() - started
        started = time.process_time()
        problems = verify(account, {1: StoredRegion(region, of)})
        found[f"{name}, recomputed"] = time.process_time() - started
        if problems or attempt.outcome != "Accepted":
            raise RuntimeError(f"{attempt.outcome}: {problems}")
    return found


def whole(folder: Path) -> dict[str, float]:
    """Seconds of each stage of a second round, features cached."""
    words = ["a fine warm day", "rain and cold wind"]
    promise = AutoLabeling(target_error_permille=50, risk_permille=50)
    driver = MiniDriver(folder, auto_labeling=promise)
    rng = np.random.default_rng(0)
    noise = rng.integers(3_000, size=(ROUND_ITEMS, 6))
    lines = [
        {"source": f"{words[k % 2] if k % 7 else ''} {' '.join(f'w{n}' for n in row)}"}
        for k, row in enumerate(noise.tolist())
    ]
    driver.write_input(lines, [str(k % 2) for k in range(ROUND_ITEMS)])
    report: StageReport = driver.run(0, Stage.PREPARE)
    found: dict[str, float] = {}
    for number in (1, 2):
        for stage in (Stage.ANNOTATE, Stage.CONSOLIDATE, Stage.TRAIN, Stage.INFER):
            cpu, wall = time.process_time(), time.monotonic()
            report = driver.run(number, stage, before=report)
            found[stage.value] = time.process_time() - cpu
            found[f"{stage.value} wall"] = time.monotonic() - wall
    return found


def workers(folder: Path) -> dict[str, float]:
    """Wall seconds of scoring on a Ray with one CPU, and with two, worker processes started."""
    import ray as untyped

    from surelabel.models import fit
    from surelabel.stages.context import StageContext
    from surelabel.stages.scoring import score_pool

    ray: Any = untyped
    driver, reader, state = _pool(folder, SPREAD_ITEMS)
    x, label = made_up(SHARD)
    model = fit(x[:500], label[:500], CLASSES, seed=0)
    before = StageContext.open(
        driver.config(Step(round=1, stage=Stage.TRAIN), None), Storage(driver.access)
    )
    labels = append_labels(
        LabelFiles(n_lines=SPREAD_ITEMS), None, state, lambda d: before.write("labels.parquet", d)
    )
    inputs: dict[str, ObjectRef] = {
        "index": before.write("index.json", reader.index.to_json()),
        "labels": before.write("labels.json", labels.to_json()),
        "model": before.write("model.skops", model.save()),
    }
    found = {}
    for cpus in (1, 2):
        ray.init(num_cpus=cpus, include_dashboard=False, log_to_driver=False)
        os.environ["RAY_ADDRESS"] = "of the session above"
        # The first time starts the workers, which import everything.
        for number in (10 * cpus, 10 * cpus + 1):
            config = driver.config(Step(round=number, stage=Stage.INFER), None, inputs=inputs)
            context = StageContext.open(config, Storage(driver.access))
            started = time.monotonic()
            score_pool(context, reader)
            found[f"{cpus} wall"] = time.monotonic() - started
        ray.shutdown()
    return found


PARTS: dict[str, Callable[[Path], dict[str, float]]] = {
    "score": score,
    "choose": choose,
    "certify": certify,
    "round": whole,
    "workers": workers,
}


def in_child(part: str) -> dict[str, float]:
    """What the part found, in a process of its own."""
    say(f"rounds: {part}")
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        command = [sys.executable, __file__, "--child", part, folder]
        environment = {**os.environ, **_ONE_THREAD}
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PART_SECONDS,
        )
    if done.returncode != 0:
        raise RuntimeError(f"{part} ended with {done.returncode}: {done.stderr[-2_000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure() -> Section:
    """The section of the rounds."""
    section = Section(
        "round_speed",
        "A round on large pools",
        f"{ITEMS:,} items, {FEATURES} features, {CLASSES} classes; made up, one thread. CPU "
        "seconds are those of one core. Choosing reads its candidates' features from shards of "
        f"{SHARD:,}; certifying draws, tests and charges a region of all items. The round is the "
        f"second one of a job on {ROUND_ITEMS:,} texts, annotators simulated, without the start of "
        f"its four Ray jobs. Workers score {SPREAD_ITEMS:,} items on a Ray with one CPU, and two.",
    )
    found = in_child("score")
    for name, seconds in found.items():
        section.add(f"scoring with {name}", f"{seconds:.1f} s CPU", "< 10 s", seconds < 10)
    found = in_child("choose")
    for name in ("Margin", "Coreset", "BADGE"):
        cpu, wall = found[name], found[f"{name} wall"]
        section.add(
            f"choosing {ASKED:,} by {name}", f"{cpu:.1f} s CPU, {wall:.1f} s", "< 20 s", cpu < 20
        )
    section.add(
        "peak of memory, choosing", f"{found['MB']:,.0f} MB", "< 2,000 MB", found["MB"] < 2_000
    )
    for name, seconds in in_child("certify").items():
        is_aim = "recomputed" not in name
        section.add(
            f"certifying, {name}",
            f"{seconds:.2f} s CPU",
            "< 2 s" if is_aim else "",
            seconds < 2 if is_aim else None,
        )
    found = in_child("round")
    cpu = sum(seconds for name, seconds in found.items() if not name.endswith("wall"))
    wall = sum(seconds for name, seconds in found.items() if name.endswith("wall"))
    section.add(f"a round on {ROUND_ITEMS:,}", f"{cpu:.1f} s CPU, {wall:.1f} s", "< 15 s", cpu < 15)
    stages = [name for name in found if not name.endswith("wall")]
    section.tables.append(
        (
            "The round's stages, in seconds:",
            ("stage", "CPU", "wall"),
            [(name, f"{found[name]:.1f}", f"{found[f'{name} wall']:.1f}") for name in stages],
        )
    )
    try:
        found = in_child("workers")
    except subprocess.TimeoutExpired:
        section.add("two workers against one", f"no result in {_PART_SECONDS} s", "<= 0.70", False)
        return section
    ratio = found["2 wall"] / found["1 wall"]
    section.add(
        "two workers against one",
        f"{ratio:.2f} ({found['2 wall']:.1f} s, {found['1 wall']:.1f} s)",
        "<= 0.70",
        ratio <= 0.7,
    )
    return section


def main(arguments: list[str]) -> None:
    """All parts into the page, those that are named to the terminal, or one as a child."""
    if arguments[:1] == ["--child"]:
        part, folder = arguments[1:3]
        sys.stdout.write(json.dumps(PARTS[part](Path(folder))) + "\n")
    elif arguments:
        for part in arguments:
            sys.stdout.write(f"{part}: {in_child(part)}\n")
    else:
        publish(measure())


if __name__ == "__main__":
    main(sys.argv[1:])
