"""Runs one attempt of a step: config in, commit or draft out, exit status.

0: committed, or a twin had. 2: the configuration is at fault, a retry would fail the same way.
3: the store could not be asked, which is no fault of the stage. Anything else: the attempt failed.
The process ends itself at the config's timeout.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import Mapping

from pydantic import ValidationError

from surelabel.stages import commit
from surelabel.stages.context import StageContext, StageFunction
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import (
    TOTAL_SECONDS,
    StageConfig,
    StageFailure,
    StorageAccess,
)
from surelabel_contract.steps import Stage
from surelabel_contract.store import Observer, Storage, StorageError

COMMITTED, FAILED, CONFIGURATION, UNAVAILABLE = 0, 1, 2, 3
ACCESS_VARIABLE = "SURELABEL_STORAGE_ACCESS"
_USAGE = f"usage: python -m surelabel.stages <URI of STAGE.json>   (with {ACCESS_VARIABLE} set)"

log = logging.getLogger("surelabel.stages")


def main(arguments: list[str], environment: Mapping[str, str], observer: Observer) -> int:
    """The exit status of one run; every way to fail leaves a message, and a draft if it can."""
    if len(arguments) != 1:
        print(_USAGE, file=sys.stderr)
        return CONFIGURATION
    try:
        context = _open(arguments[0], environment, observer)
    except (ConfigurationError, ValidationError) as error:
        print(f"ConfigurationError: {error}", file=sys.stderr)
        return CONFIGURATION
    except StorageError as error:
        print(f"StorageUnavailable: {error}", file=sys.stderr)
        return UNAVAILABLE
    timer = _end_at_timeout(context)
    try:
        return _run(context)
    finally:
        timer.cancel()


def _open(uri: str, environment: Mapping[str, str], observer: Observer) -> StageContext:
    access = environment.get(ACCESS_VARIABLE)
    if access is None:
        raise ConfigurationError(
            "StorageNotAllowed",
            f"{ACCESS_VARIABLE} is not set, so nothing may be read. Set it to a StorageAccess as "
            'JSON, such as {"prefixes": ["s3://bucket/out"]}.',
        )
    reader = Storage(StorageAccess.from_json(access.encode()), observer=observer)
    config = StageConfig.from_json(reader.read(uri))
    return StageContext.open(config, Storage(config.storage, observer=observer))


def _run(context: StageContext) -> int:
    config = context.config
    try:
        if commit.is_committed(context):
            log.info("%s: committed already", config.name)
            return COMMITTED
        with context.phase(TOTAL_SECONDS):
            if context.is_taken_over:
                from surelabel.stages.taken_over import check_manifest

                check_manifest(context)
            result = _function(config.step.stage)(context)
        first = commit.commit(context, commit.build_report(context, result))
        log.info("%s: %s", config.name, "committed" if first else "a twin committed first")
    except ConfigurationError as error:
        return _fail(context, CONFIGURATION, error.reason, str(error))
    except StorageError as error:
        return _fail(context, UNAVAILABLE, "StorageUnavailable", str(error))
    except MemoryError:
        return _fail(context, FAILED, "OutOfMemory", "the stage ran out of memory.")
    # The one place that may catch everything: whatever it was, the draft has to say so.
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        name = type(error).__name__
        return _fail(context, FAILED, "StageFailed", f"{name}: {error}"[:2000])
    return COMMITTED


def _function(stage: Stage) -> StageFunction:
    # One import per process: a stage must not wait for the libraries of the others.
    match stage:
        case Stage.PREPARE:
            from surelabel.stages.prepare import prepare

            return prepare
        case Stage.ANNOTATE:
            from surelabel.stages.annotate import annotate

            return annotate
        case Stage.CONSOLIDATE:
            from surelabel.stages.consolidate import consolidate

            return consolidate
        case Stage.TRAIN:
            from surelabel.stages.train import train

            return train
        case Stage.INFER:
            from surelabel.stages.infer import infer

            return infer
        case Stage.EXPORT:
            from surelabel.stages.export import export

            return export


def _fail(context: StageContext, status: int, reason: str, message: str) -> int:
    """``status``, after message and draft."""
    print(f"{reason}: {message}", file=sys.stderr)
    failure = StageFailure(configuration=status == CONFIGURATION, reason=reason, message=message)
    try:
        commit.write_draft(context, failure)
    except (StorageError, ConfigurationError) as error:
        print(f"the draft could not be written: {error}", file=sys.stderr)
    return status


def _end_at_timeout(context: StageContext) -> threading.Timer:
    seconds = context.config.timeout_seconds

    def end() -> None:
        # The operator may be gone: nobody else would free the cluster.
        _fail(context, FAILED, "StageTimeout", f"the attempt ran longer than {seconds} s.")
        os._exit(FAILED)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer
