"""How far a build of the Go tools is: few lines, each with its total."""

from __future__ import annotations

import threading

import pytest

from surelabel_cli import go_progress
from surelabel_cli.go_progress import GoProgress


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def packages(number: int) -> list[str]:
    """As `go build -v` names them."""
    return [f"k8s.io/api/core/v{n}\n" for n in range(number)]


def a_build() -> tuple[GoProgress, Clock]:
    clock = Clock()
    return GoProgress(lambda _: None, clock), clock


def test_each_twentieth_of_the_packages_is_a_line_with_the_total() -> None:
    progress, clock = a_build()
    progress.expect(3_342)
    said = []
    for _ in range(3_342):
        clock.now += 0.2
        progress.follow(packages(1))
        said.append(progress.news())
    lines = [line for line in said if line is not None]
    assert len(lines) == 20
    assert lines[0] == "tools: 0:33  5 %, 168 of 3,342 packages compiled"
    assert lines[9] == "tools: 5:34  50 %, 1,671 of 3,342 packages compiled"
    assert lines[-1] == "tools: 11:08  all packages compiled; linking"


def test_a_build_that_goes_on_slowly_is_heard_each_minute() -> None:
    progress, clock = a_build()
    progress.follow(["go: downloading k8s.io/api v0.37.2\n"] * 25)
    clock.now = 59
    assert progress.news() is None
    clock.now = 60
    assert progress.news() == "tools: 1:00  25 modules fetched"
    assert progress.news() is None
    progress.expect(1_000)
    progress.follow(packages(10))
    clock.now = 119
    assert progress.news() is None
    clock.now = 121
    assert progress.news() == "tools: 2:01  1 %, 10 of 1,000 packages compiled"


def test_a_small_build_does_not_chatter() -> None:
    progress, clock = a_build()
    progress.expect(20)
    said = []
    for _ in range(20):
        clock.now += 1
        progress.follow(packages(1))
        said.append(progress.news())
    assert [line for line in said if line is not None] == [
        "tools: 0:10  50 %, 10 of 20 packages compiled",
        "tools: 0:20  all packages compiled; linking",
    ]


def test_where_an_earlier_build_compiled_everything_only_linking_is_told() -> None:
    progress, clock = a_build()
    progress.expect(0)
    assert progress.news() is None
    clock.now = 60
    assert progress.news() == "tools: 1:00  all packages compiled; linking"


def test_what_is_no_progress_is_kept_for_the_error() -> None:
    progress, _ = a_build()
    said = ["go: downloading x v1\n", "fmt\n", "# k8s.io/api\n", "./main.go:1:1: syntax error\n"]
    assert progress.follow(said) == ["# k8s.io/api", "./main.go:1:1: syntax error"]


def test_lines_come_while_it_is_followed_and_none_after_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(go_progress, "_LOOK_SECONDS", 0.001)
    said: list[str] = []
    heard = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        heard.set()

    clock = Clock()
    with GoProgress(say, clock) as progress:
        clock.now = 10
        progress.expect(1)
        progress.follow(packages(1))
        assert heard.wait(30)
    assert said == ["tools: 0:10  all packages compiled; linking"]
    assert not progress._thread.is_alive()
