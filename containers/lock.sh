#!/bin/sh
# Pins with hashes all that the images install; run it after a change in pyproject.toml.
set -eu
cd "$(dirname "$0")"
uv=${UV:-uv}

pin() {
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-annotate --custom-compile-command containers/lock.sh "$@"
}

pin build.in --output-file build.lock
pin ../pyproject.toml --extra operator --output-file operator.lock
pin ../pyproject.toml --extra workloads --extra ray --output-file workloads.lock
