"""How a command ends that fails: one message where the user can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def one_message() -> Iterator[None]:
    """What a user can mend is told in one message; a bug keeps its traceback."""
    try:
        yield
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        from surelabel_cli.errors import is_expected, message_of

        if not is_expected(error):
            raise
        typer.echo(f"surelabel: {message_of(error)}", err=True)
        raise typer.Exit(1) from None
