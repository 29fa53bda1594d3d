"""How near to the experts each consolidation of masks comes, and how long an image takes.

Beside it crowd-kit's methods for masks, in an environment of their own.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from page import ROOT, Section, publish, say
from peers.environment import peer_python
from scipy import ndimage

from surelabel.consolidation.masks import METHODS, MaskAnswers, MaskReader, MaskResult, SmoothedVote

SETS = (2, 4, 5)
_ABOVE_VOTE, _MILLISECONDS = 0.003, 5.0
_EDGE, _PEOPLE, _IMAGES = 512, 5, 100
_HUGE, _HUGE_TILE, _HUGE_BYTES = 20_000, 1024, 500e6

Mask = NDArray[np.bool_]


def data() -> Path:
    """The folder with the real data."""
    return Path(os.environ.get("SURELABEL_DATA", ROOT.parent / "shared" / "data"))


def read(number: int) -> tuple[list[Mask], list[Mask]]:
    """Of each image the (7, height, width) masks of the crowd, and the experts' mask."""
    crowds, truths = [], []
    folder = data() / "segmentation" / "bu_bil"
    with np.load(folder / f"dataset{number}_masks.npz") as stored:
        for key in sorted({name.rsplit("__", 1)[0] for name in stored.files}):
            n, height, width = (int(side) for side in stored[key + "__shape"])
            crowd = np.unpackbits(stored[key + "__crowd"])[: n * height * width]
            gold = np.unpackbits(stored[key + "__gold"])[: height * width]
            crowds.append(crowd.reshape(n, height, width).astype(bool))
            truths.append(gold.reshape(height, width).astype(bool))
    return crowds, truths


def answers_of(crowds: list[Mask]) -> MaskAnswers:
    """Who drew what is not known in BU-BIL: nobody is taken to have drawn twice."""
    masks = [mask for crowd in crowds for mask in crowd]
    item = np.repeat(np.arange(len(crowds)), [len(crowd) for crowd in crowds])
    return MaskAnswers.of(item, np.arange(len(masks)), masks, len(crowds), len(masks))


def iou(found: Mask, truth: Mask) -> float:
    """1 for two empty masks."""
    union = (found | truth).sum()
    return float((found & truth).sum() / union) if union else 1.0


def ious(result: MaskResult, truths: list[Mask]) -> NDArray[np.float64]:
    """Of each image."""
    pairs = zip(result.label, truths, strict=True)
    return np.array([iou(np.asarray(label) > 0, truth) for label, truth in pairs])


def made_up(n: int) -> list[Mask]:
    """Images of a third object, drawn by five with wandering borders."""
    rng = np.random.default_rng(0)
    crowds = []
    for _ in range(n):
        height = ndimage.gaussian_filter(rng.normal(size=(_EDGE, _EDGE)), 20)
        height /= height.std()
        level = np.quantile(height, 0.65)
        drawn = []
        for _ in range(_PEOPLE):
            wander = ndimage.gaussian_filter(rng.normal(size=(_EDGE, _EDGE)), 8)
            drawn.append(height + 0.12 * wander / wander.std() > level)
        crowds.append(np.stack(drawn))
    return crowds


def seconds(work: Callable[[], Any]) -> float:
    """The best of three runs."""
    best = np.inf
    for _ in range(3):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return float(best)


def crowd_kit(crowds: list[Mask]) -> tuple[dict[str, list[Mask]], dict[str, float]]:
    """The masks of each of its methods, and seconds per image."""
    script = Path(__file__).with_name("peers") / "crowd_kit_masks_peer.py"
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(source, **{f"{n:05}": crowd for n, crowd in enumerate(crowds)})
        subprocess.run([peer_python(), script, source, target], check=True)
        found: dict[str, list[Mask]] = {}
        with np.load(target) as stored:
            for key in sorted(name for name in stored.files if name.count("/") == 1):
                found.setdefault(key.split("/")[0], []).append(stored[key])
            taken = {name: float(stored[f"{name}//seconds"]) for name in found}
    return found, taken


def huge() -> tuple[float, float]:
    """Seconds and bytes above the start for one image of 20,000 x 20,000 by five people.

    In a process of its own: the peak of this one may lie before.
    """
    done = subprocess.run(
        [sys.executable, __file__, "huge"], check=True, capture_output=True, text=True
    )
    taken, grown = done.stdout.split()
    return float(taken), float(grown)


def draw_huge() -> None:
    """One image of five discs, in tiles, into memory maps; prints seconds and bytes."""

    def reader(radius: float) -> MaskReader:
        def window(rows: slice, columns: slice) -> Mask:
            y, x = np.ogrid[rows, columns]
            square: Mask = (y - _HUGE / 2) ** 2 + (x - _HUGE / 2) ** 2 < radius**2
            return square

        return MaskReader((_HUGE, _HUGE), window)

    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:

        def canvas(item: int, what: str, shape: tuple[int, int], dtype: Any) -> Any:
            path = Path(folder) / f"{item}-{what}.npy"
            return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)

        masks = [reader(radius) for radius in (7000, 7003, 6998, 7005, 7001)]
        answers = MaskAnswers.of(np.zeros(5, int), np.arange(5), masks, 1, 5)
        before = anonymous_bytes()
        started = time.perf_counter()
        method = SmoothedVote(tile=_HUGE_TILE)
        peak = Peak()
        method.fit(answers, canvas=canvas)
        taken = time.perf_counter() - started
        sys.stdout.write(f"{taken} {peak.stop() - before}\n")


def anonymous_bytes() -> int:
    """Memory of this process that no file backs: memory maps are the kernel's to drop."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


class Peak:
    """The most memory while something runs, looked at a hundred times a second."""

    def __init__(self) -> None:
        from threading import Event, Thread

        self._most = 0
        self._end = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(0.01):
            self._most = max(self._most, anonymous_bytes())

    def stop(self) -> int:
        """The most that was seen."""
        self._end.set()
        self._thread.join()
        return self._most


def measure() -> Section:
    """The section of masks."""
    section = Section(
        "masks",
        "Masks by crowds: how near to the experts, how fast",
        "BU-BIL sets 2, 4 and 5 (`SURELABEL_DATA`, segmentation): 188 images of cells, each drawn "
        "by seven people. IoU with the experts' mask, mean over the images.",
    )
    found: dict[str, list[NDArray[np.float64]]] = {}
    sure: list[NDArray[np.float64]] = []
    right: list[NDArray[np.bool_]] = []
    for number in SETS:
        crowds, truths = read(number)
        own = np.array([np.mean([iou(m, truth) for m in crowd])
                        for crowd, truth in zip(crowds, truths, strict=True)])  # fmt: skip
        found.setdefault("a single annotator", []).append(own)
        for name, method in METHODS.items():
            result = method().fit_predict(answers_of(crowds))
            found.setdefault(name, []).append(ious(result, truths))
            if name == "Auto":
                for n, truth in enumerate(truths):
                    sure.append(result.pixel_confidence(n).ravel().astype(float))
                    right.append(((np.asarray(result.label[n]) > 0) == truth).ravel())
        for name, masks in crowd_kit(crowds)[0].items():
            scores = [iou(mask, truth) for mask, truth in zip(masks, truths, strict=True)]
            found.setdefault(f"crowd-kit {name}", []).append(np.array(scores))
        say(f"masks: set {number}")
    every = {name: np.concatenate(parts) for name, parts in found.items()}
    gain = every["Auto"] - every["MajorityVote"]
    error = gain.std() / np.sqrt(len(gain))
    section.add(
        "Auto, mean IoU above the majority vote",
        f"{gain.mean():.4f} (standard error {error:.4f})",
        f"≥ {_ABOVE_VOTE}",
        bool(gain.mean() >= _ABOVE_VOTE),
    )
    speed(section)
    section.tables.append(calibration(np.concatenate(sure), np.concatenate(right)))
    section.tables.append((
        "Mean IoU on each set:",
        ("method", *(f"set {number}" for number in SETS), "all"),
        [
            [name, *(f"{part.mean():.4f}" for part in parts), f"{every[name].mean():.4f}"]
            for name, parts in found.items()
        ],
    ))  # fmt: skip
    return section


def calibration(
    sure: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[str, tuple[str, ...], list[Any]]:
    """A table: what the confidence of a pixel says, and the share of pixels that are right."""
    edges = (0, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)
    lines = []
    for low, high in itertools.pairwise(edges):
        inside = (sure >= low) & (sure < high)
        if inside.any():
            said, is_ = f"{sure[inside].mean():.3f}", f"{right[inside].mean():.3f}"
            lines.append((f"{low} to {min(high, 1)}", f"{inside.sum():,}", said, is_))
    return "Confidence of Auto's pixels:", ("confidence", "pixels", "mean", "right"), lines


def speed(section: Section) -> None:
    """Time an image on one thread, and a huge one."""
    crowds = made_up(_IMAGES)
    answers = answers_of(crowds)
    size = f"{_EDGE} x {_EDGE} by {_PEOPLE}, ms an image"
    ours = {}
    for name, method in METHODS.items():
        method().fit_predict(answers)
        ours[name] = seconds(lambda method=method: method().fit_predict(answers)) / _IMAGES * 1e3
        say(f"masks: {name} {ours[name]:.2f} ms")
    auto = ours["Auto"]
    section.add(f"Auto, {size}", f"{auto:.2f}", f"≤ {_MILLISECONDS}", auto <= _MILLISECONDS)
    for name in ("STAPLE", "MajorityVote"):
        section.add(f"{name}, {size}", f"{ours[name]:.2f}")
    stack = np.stack(crowds[:10])
    floor = seconds(lambda: [(c.sum(axis=0, dtype=np.uint8) > _PEOPLE // 2) for c in stack])
    section.add(f"The sum of uint8 masks alone, {size}", f"{floor / 10 * 1e3:.2f}")
    for name, taken in crowd_kit(crowds[:10])[1].items():
        section.add(f"crowd-kit {name}, {size}", f"{taken * 1e3:.0f}")
    taken, grown = huge()
    section.add(
        f"Auto, {_HUGE:,} x {_HUGE:,} by 5 in tiles of {_HUGE_TILE}, MB above the start",
        f"{grown / 1e6:.0f} ({taken:.0f} s)",
        f"≤ {_HUGE_BYTES / 1e6:.0f}",
        grown <= _HUGE_BYTES,
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["huge"]:
        draw_huge()
        sys.exit(0)
    if not (data() / "segmentation" / "bu_bil").is_dir():
        say(f"masks is left out: no folder {data()}; SURELABEL_DATA names it.")
        sys.exit(0)
    publish(measure())
