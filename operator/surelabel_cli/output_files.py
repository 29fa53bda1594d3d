"""Files that a command writes: what they must not be, and that nobody sees half of one."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from surelabel_cli.errors import UserError


def check_outputs(outputs: Mapping[str, Path | None], inputs: Mapping[str, Path | None]) -> None:
    """UserError unless every output can be written and is neither an input nor another output.

    By option; before any work is done, since it may be long, and an input may be somebody's only
    copy.
    """
    taken = {path.resolve(): option for option, path in inputs.items() if path is not None}
    for option, path in outputs.items():
        if path is None:
            continue
        if not path.parent.is_dir():
            raise UserError(
                f"{option}: there is no folder {path.parent}; make it, or name another."
            )
        if path.is_dir():
            raise UserError(f"{option}: must be a file; {path} is a folder. Name a file in it.")
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise UserError(
                f"{option}: {path} is {other} already, which would be overwritten. Name another "
                "file."
            )


def check_folder(option: str, path: Path, why: str) -> None:
    """UserError unless a folder is, or can be made, at ``path``; ``why`` it must be one."""
    blocking = next(each for each in (path, *path.parents) if each.exists())
    if blocking.is_dir():
        return
    what = "is a file" if blocking == path else f"lies below the file {blocking}"
    raise UserError(
        f"{option}: must be a folder ({why}); {path} {what}. Name a folder, which is made if it is "
        f"not there, such as {blocking.with_name(blocking.stem + '-files')}."
    )


def check_file(option: str, path: Path, why: str, example: str) -> None:
    """UserError where a folder is at ``path``; ``why`` it must be a file, such as ``example``."""
    if path.is_dir():
        raise UserError(
            f"{option}: must be a file ({why}); {path} is a folder. Name a file, such as "
            f"{path / example}."
        )
    check_folder(option, path.parent, f"{path.name} is to lie in it")


@contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """A text file that takes the place of ``path`` once all of it is written; an error leaves what
    was there. UserError where no file can be made."""
    if path.exists() and not path.is_file():
        # A pipe or a device has no place that another file could take.
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    with _draft_beside(path) as draft:
        name = Path(draft.name)
        try:
            yield draft
            draft.close()
            name.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
            name.replace(path)
        except BaseException:
            name.unlink(missing_ok=True)
            raise


def _draft_beside(path: Path) -> IO[str]:
    try:
        return tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            newline="",
            dir=path.parent,
            prefix=f".{path.name}.",
            delete=False,
        )
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(
            f"{path}: no file can be made in {path.parent}: {error.strerror}. Name another file."
        ) from error
