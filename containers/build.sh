#!/bin/sh
# Builds both images with podman, docker or buildah; `make images` runs it. By environment:
#   ENGINE          one of them, or a path to one; else the first that works here
#   IMAGE_REGISTRY  host and folder before the images' names, such as registry.example/team
#   TAG             else the version in pyproject.toml
#   BASE            else what the Containerfiles say
#   BUILD_OPTIONS   further options of the engine
#   DRY_RUN=1       print the commands only
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# The last commit's date, so that the same sources give the same image on any day.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1767225600)}

engine=${ENGINE:-}
for candidate in podman docker buildah; do
  # docker's command alone, without a server that it reaches, builds nothing.
  [ -n "$engine" ] || ! "$candidate" info >/dev/null 2>&1 || engine=$candidate
done
if [ -z "$engine" ] && [ -n "${DRY_RUN:-}" ]; then
  echo "No engine works here; these are the commands for podman (ENGINE= names another)." >&2
  engine=podman
fi
if [ -z "$engine" ]; then
  echo "None of podman, docker and buildah works here: install one, or name it (make images ENGINE=...)." >&2
  exit 1
fi
case ${engine##*/} in
  # Sets the date of the image and of all files that it adds.
  podman | buildah) dates="--timestamp $epoch" ;;
  # BuildKit takes the image's date from the build argument.
  *) dates= ;;
esac

for image in operator workloads; do
  # shellcheck disable=SC2086
  set -- "$engine" build --file "containers/Containerfile.$image" $dates \
    --build-arg "SOURCE_DATE_EPOCH=$epoch" --build-arg "VERSION=$version" \
    --build-arg "REVISION=$revision" ${BASE:+--build-arg "BASE=$BASE"} ${BUILD_OPTIONS:-} \
    --tag "${IMAGE_REGISTRY:+${IMAGE_REGISTRY%/}/}surelabel/$image:${TAG:-$version}" .
  echo "$*"
  [ -n "${DRY_RUN:-}" ] || "$@"
done
