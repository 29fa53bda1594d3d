"""``surelabel verify``: recomputes a finished job's certificate from its store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Storage, StorageError

if TYPE_CHECKING:
    from surelabel.stages.verification import Verification

_REFUTED, _CANNOT_BE_CHECKED = 1, 2
_SHOWN = 20
# What reading JSON of another shape than ours, or nested without end, ends in.
_NOT_OF_A_JOB = (TypeError, AttributeError, IndexError, RecursionError)


def verify(
    uri: Annotated[str, typer.Argument(help="Folder of the job: <output.uri>/<job name>.")],
    endpoint: Annotated[str | None, typer.Option(help="Endpoint of the object store.")] = None,
    region: Annotated[str | None, typer.Option(help="Region of the object store.")] = None,
) -> None:
    """Recompute the certificate of a finished job; exit status 0 if it is proven."""
    # Late: it brings NumPy and SciPy, which other commands should not wait for.
    from surelabel.stages.finished_job import NothingToVerifyError
    from surelabel.stages.verification import Verification, verify_job

    # Whoever runs this reads with their own rights; there is nobody to be protected from.
    access = StorageAccess(prefixes=None, local_files=True, endpoint=endpoint, region=region)
    where = uri if "://" in uri else f"file://{quote(str(Path(uri).resolve()))}"
    try:
        found = verify_job(Storage(access), where)
    except (NothingToVerifyError, StorageError, ConfigurationError) as error:
        typer.echo(f"Cannot verify {uri}: {error}", err=True)
        raise typer.Exit(_CANNOT_BE_CHECKED) from error
    except _NOT_OF_A_JOB as error:
        problem = f"{where} holds what no job writes ({type(error).__name__}: {error})."
        found = Verification(problems=[problem])
    if found.holds:
        typer.echo("\n".join(proof_lines(where, found)))
        return
    # No counts and no bound: of what does not agree nothing of the kind can be said.
    for problem in found.problems[:_SHOWN]:
        typer.echo(f"  no: {problem}", err=True)
    if len(found.problems) > _SHOWN:
        typer.echo(f"  … and {len(found.problems) - _SHOWN} more.", err=True)
    typer.echo(f"NOT verified. The certificate promises nothing about what lies in {where}.")
    raise typer.Exit(_REFUTED)


def proof_lines(where: str, found: Verification) -> Iterator[str]:
    """What a job's store proves: the labels there are, and what the certificate promises."""
    earlier = f", {found.earlier_labels} that the input brought" if found.earlier_labels else ""
    yield (
        f"{where}: {found.lines} lines, {found.human_labels} human labels, "
        f"{found.machine_labels} machine labels{earlier}."
    )
    certificate = found.certificate
    if certificate is None:
        yield "Verified: no machine labels stand, so nothing had to be certified."
        return
    yield (
        f"With {100 - certificate.risk_permille / 10:g} % confidence at most "
        f"{certificate.error_bound_permille / 10:g} % of the machine labels"
        f"{' of each class' if certificate.classes else ''} are wrong "
        f"(target {(found.target_error_permille or 0) / 10:g} %): "
        f"people checked {certificate.validated_items} of them and found "
        f"{certificate.errors} wrong, so {certificate.charged_errors} of the "
        f"{certificate.machine_labels} that stand may be wrong; attempts: "
        f"{certificate.attempts}."
    )
    for bound in certificate.classes or ():
        yield (
            f"  {found.labels[bound.label]}: at most {bound.error_bound_permille / 10:g} % of "
            f"{bound.machine_labels} machine labels."
        )
    if found.new_items is not None:
        more = found.new_items
        yield (
            f"New items of this source, where the model of attempt {more.attempt} is as sure: "
            f"wrong on at most {more.error_bound_permille / 10:g} % ({more.errors} of "
            f"{more.sample_items}, binomial); for information, no label rests on it."
        )
    yield "Verified: the certificate holds."
