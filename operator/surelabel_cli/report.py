"""``surelabel report``: a job's report as one HTML file, made anew from the job's store."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import typer

from surelabel_cli.errors import UserError
from surelabel_cli.output_files import check_outputs, whole_file
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Storage

# What reading JSON of another shape than ours, or nested without end, ends in.
_NOT_OF_A_JOB = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)


def report(uri: str, out: Path | None, endpoint: str | None, region: str | None) -> None:
    """Write the page; to standard output without ``out``."""
    # Late: they bring NumPy and SciPy, which other commands should not wait for.
    from surelabel.stages.context import StateCorruptedError
    from surelabel.stages.finished_job import NothingToVerifyError
    from surelabel.stages.report_so_far import report_so_far
    from surelabel_contract.store import NotFoundInStoreError

    check_outputs({"--out": out}, {})
    # Whoever runs this reads with their own rights; there is nobody to be protected from.
    access = StorageAccess(prefixes=None, local_files=True, endpoint=endpoint, region=region)
    where = uri if "://" in uri else f"file://{quote(str(Path(uri).resolve()))}"
    try:
        page = report_so_far(Storage(access), where)
    except (NothingToVerifyError, StateCorruptedError) as error:
        raise UserError(f"{uri}: {error}") from error
    except NotFoundInStoreError as error:
        raise UserError(f"{uri}: something of the job is missing: {error}. Restore it.") from error
    except _NOT_OF_A_JOB as error:
        raise UserError(
            f"{uri}: what lies there is not what a job writes ({type(error).__name__}: {error}). "
            "`surelabel verify` tells what was changed."
        ) from error
    if out is None:
        typer.echo(page.decode(), nl=False)
        return
    with whole_file(out) as file:
        file.write(page.decode())
    typer.echo(f"{out}: {len(page):,} bytes.", err=True)
