"""Finds the job in a folder, as it ended or as far as it has come, or says what lies there."""

from __future__ import annotations

import msgspec

from surelabel.stages.chain import Chain, chain_problems, read_chain, read_commit
from surelabel.stages.context import StageContext
from surelabel_contract.keys import OWNER, REPORT, StateKeys
from surelabel_contract.stages import StageConfig, StageReport
from surelabel_contract.store import Folder, NotFoundInStoreError, Storage


class _Place(msgspec.Struct, frozen=True, rename="camel"):
    """What OWNER.json and report.json say of where the state lies."""

    state_root: str
    # The report does not say it, but is written at the end alone.
    finished: bool = False


class NothingToVerifyError(Exception):
    """No job that has ended with a result lies there; the message says what does."""


def open_finished(storage: Storage, folder_uri: str) -> tuple[StageContext, StageReport, list[str]]:
    """Context and commit of the job's export, and what is wrong with the chain that leads there.

    NothingToVerifyError; NotFoundInStoreError or ValueError where a job has ended, but what it
    left is not all there.
    """
    folder = storage.folder(folder_uri)
    place = _place(folder)
    chain = read_chain(folder, StateKeys(place.state_root))
    if chain.export is None:
        raise _without_export(folder, chain, place)
    report = read_commit(folder, chain.keys, chain.export)
    if "index" not in report.carry:
        raise NothingToVerifyError("the job ended before it had looked at any item.")
    context = _context_after(storage, folder, chain, report)
    return context, report, chain_problems(chain, folder)


def open_so_far(storage: Storage, folder_uri: str) -> tuple[StageContext, StageReport]:
    """Context and commit of the job's last committed step, whether it has ended or goes on.

    NothingToVerifyError; NotFoundInStoreError or ValueError where something of it is missing.
    """
    folder = storage.folder(folder_uri)
    chain = read_chain(folder, StateKeys(_place(folder).state_root))
    if not chain.committed:
        raise NothingToVerifyError("no step of the job is committed yet.")
    report = read_commit(folder, chain.keys, chain.committed[-1])
    if "index" not in report.carry:
        raise NothingToVerifyError("the job ended before it had looked at any item.")
    return _context_after(storage, folder, chain, report), report


def _context_after(
    storage: Storage, folder: Folder, chain: Chain, report: StageReport
) -> StageContext:
    """What a step after this one would have in hand."""
    config = StageConfig.from_json(folder.read(chain.keys.config(report.step, report.attempt)))
    # The job may have been copied: what counts is where it lies now.
    changes = {"folder_uri": folder.uri.rstrip("/"), "inputs": report.carry}
    return StageContext(config.model_copy(update=changes), storage, folder)


def _place(folder: Folder) -> _Place:
    owner = _read(folder, OWNER)
    if owner is not None:
        return owner
    # A copy of the results may lack OWNER.json.
    report = _read(folder, REPORT)
    if report is None:
        raise NothingToVerifyError(
            f"nothing of a job lies there, neither {OWNER} nor {REPORT}. Give "
            "<output.uri>/<job name>."
        )
    return msgspec.structs.replace(report, finished=True)


def _without_export(folder: Folder, chain: Chain, place: _Place) -> Exception:
    last = chain.committed[-1] if chain.committed else None
    if place.finished and last is None and folder.size(REPORT) is None:
        return NothingToVerifyError("the job ended before its first step was committed.")
    if place.finished:
        return ValueError(
            f"the job has ended, but the commit of its export is missing below {chain.keys.rounds} "
            f"(the last one there is of {last.key if last else 'no step'}). Restore it from a "
            "backup."
        )
    where = "no step is committed yet"
    if last is not None:
        where = f"its last committed step is round {last.round}, {last.stage} ({last.key})"
    return NothingToVerifyError(
        f"the job has not ended: {where}. Verify it when Succeeded is True or False."
    )


def _read(folder: Folder, key: str) -> _Place | None:
    """What the object says; None if there is none, ValueError if no job wrote it."""
    try:
        return msgspec.json.decode(folder.read(key), type=_Place)
    except NotFoundInStoreError:
        return None
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"{key} is not what a job writes: {error}. Restore it.") from None
