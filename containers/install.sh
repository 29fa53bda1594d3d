#!/bin/sh
# What the images hold, a step at a time: install.sh base|dependencies|code operator|workloads
#
# The Containerfiles run each step in a stage of its own. The same inputs give the same bytes:
# everything is pinned, compiled in one order with one hash seed, and tells no time of its own.
set -eu
step=$1
image=$2
# Where the build context lies, and what becomes /opt/surelabel in the image.
context=/src
environment=/opt/surelabel
code=/opt/code
export SOURCE_DATE_EPOCH PYTHONHASHSEED=0 DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

install_packages() {
  apt-get -qq update
  # Its words go to the log of a failed build only.
  apt-get -qq install --yes --no-install-recommends "$@" >/tmp/apt.log 2>&1 ||
    { cat /tmp/apt.log >&2; exit 1; }
}

# Byte code that is believed without a look at its source. An image's files may get any date, and on
# a read-only root stale byte code would be compiled again by every process that starts.
compile() {
  "$python" -m compileall -q -f --invalidation-mode unchecked-hash "$@"
}

base() {
  case $image in
    operator)
      user=10001
      packages="ca-certificates python3" ;;
    workloads)
      # 1000 as in Ray's own images, so that volumes written by either can be read by both.
      user=1000
      # KubeRay's probes call wget.
      packages="ca-certificates python3 wget" ;;
  esac
  # shellcheck disable=SC2086
  install_packages $packages
  grep -q ":$user:$user:" /etc/passwd ||
    echo "surelabel:*:$user:$user::/tmp:/usr/sbin/nologin" >>/etc/passwd
  grep -q ":$user:" /etc/group || echo "surelabel:*:$user:" >>/etc/group
  # Login shells set PATH anew; KubeRay can be told to use one.
  echo "export PATH=$environment/bin:\$PATH" >/etc/profile.d/surelabel.sh
  python=python3
  compile /usr/lib/python3 /usr/lib/python3.*
  # Nothing in the image may gain rights that its user lacks.
  find / -xdev -type f -perm /6000 -exec chmod a-s {} +
  # Left-overs that tell when, and on which machine, the image was built.
  find /tmp /var/cache /var/lib/apt/lists /var/log -type f -delete
  rm -f /etc/*- /var/lib/dpkg/*-old
}

dependencies() {
  # What the image has, before the tools that only the build needs.
  cp /var/lib/dpkg/status /opt/packages
  install_packages python3-venv
  python3 -m venv /opt/build
  /opt/build/bin/pip install --quiet --require-hashes --requirement $context/containers/build.lock
  python3 -m venv --without-pip $environment
  rm -f $environment/bin/[Aa]ctivate*
  /opt/build/bin/pip --python $environment install --quiet --no-compile --require-hashes \
    --only-binary :all: --requirement "$context/containers/$image.lock"
  site=$(echo $environment/lib/python3.*/site-packages)
  cd "$site"
  # Tests and C++ headers, and Ray's workers in Java: nothing imports them.
  for package in joblib numpy pyarrow scipy skops sklearn; do
    [ ! -d $package ] || find $package -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
  done
  rm -rf pyarrow/include ray/jars
  python=$environment/bin/python
  compile "$site"
}

code() {
  /opt/build/bin/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir /tmp/wheels $context
  site=$(echo $environment/lib/python3.*/site-packages)
  target=$code${site#"$environment"}
  /opt/build/bin/pip --python $environment install --quiet --no-compile --no-index --no-deps \
    --target "$target" /tmp/wheels/*.whl
  # The command line has needs of its own, which no image installs.
  rm -rf "$target/bin"
  python=$environment/bin/python
  compile -s $code -p $environment "$target"
  $python $context/containers/sbom.py "surelabel/$image" /opt/packages "$site" "$target" \
    >$code/sbom.cdx.json
}

"$step"
