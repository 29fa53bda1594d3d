"""``python -m surelabel_operator``: the operator's process."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

from surelabel_operator.backends.choice import BuildBackends
from surelabel_operator.kube_api import load_configuration
from surelabel_operator.logging import configure_logging
from surelabel_operator.place import Place
from surelabel_operator.service import Service
from surelabel_operator.settings import Settings, SettingsError
from surelabel_operator.watch import StartError

LOG = logging.getLogger("surelabel_operator")


def main(arguments: list[str] | None = None, build_backends: BuildBackends | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    parser = argparse.ArgumentParser(
        prog="surelabel_operator", description="The Surelabel operator."
    )
    parser.add_argument("--settings", metavar="FILE", help="settings (YAML); $SURELABEL_SETTINGS")
    parser.add_argument("--kubeconfig", metavar="FILE", type=Path, help="else as kubectl finds it")
    parser.add_argument("--namespace", help="where the Lease lies; $POD_NAMESPACE")
    given = parser.parse_args(arguments)
    try:
        settings = Settings.load(given.settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    level = os.environ.get("SURELABEL_LOG_LEVEL", "INFO").upper()
    configure_logging(settings.log_format, logging.getLevelNamesMapping().get(level, logging.INFO))
    # Everything imported lives as long as the process: the collector need not walk it again.
    gc.collect()
    gc.freeze()
    try:
        asyncio.run(_run(settings, given, build_backends))
    except StartError as error:
        LOG.error("%s", error)  # noqa: TRY400
        return 1
    except Exception:
        LOG.exception("the operator ends")
        return 1
    return 0


async def _run(
    settings: Settings, given: argparse.Namespace, build_backends: BuildBackends | None
) -> None:
    place = Place.of_environment()
    if given.namespace:
        place = replace(place, namespace=given.namespace)
    service = Service(
        settings,
        await load_configuration(given.kubeconfig),
        place,
        build_backends=build_backends,
    )
    await service.run()


if __name__ == "__main__":
    sys.exit(main())
