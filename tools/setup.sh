#!/usr/bin/env bash
# Brings what the tests need onto this machine, from PyPI and the system's own packages, and says so in a line each.
# Nothing that is already there is upgraded; nothing is written outside this folder except missing system packages.
set -euo pipefail
cd "$(dirname "$0")/.."

UV_WANTED=0.13.8             # the uv that wrote uv.lock
UV_OLDEST=0.13               # an older one may read the lock, and its "7 days", differently
PRIVATE_UV=.local/uv/bin/uv  # where ours goes when the machine has none, or an older one

say() { echo "setup: $*"; }

main() {
    local uv
    uv=$(usable_uv) || uv=$(install_uv)
    install_locked_dependencies "$uv"
    build_web_app "$uv"
    install_system_packages
    install_oscar "$uv" || say "MISSING: django-oscar. The tests that buy from it cannot run without."
}

usable_uv() {
    local candidate
    for candidate in "$(command -v uv || true)" "$PRIVATE_UV"; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

is_new_enough() {
    local version
    version=$("$1" --version 2>/dev/null | awk '{ print $2 }') || return 1
    [ -n "$version" ] && [ "$(printf '%s\n' "$UV_OLDEST" "$version" | sort --version-sort | head -n 1)" = "$UV_OLDEST" ]
}

# --target is the one way that works with every Python: Debian's refuses installs into the system ("externally managed"),
# and a bare Debian has no ensurepip to make a virtual environment with.
install_uv() {
    say "installing uv $UV_WANTED into .local/uv (pip, from PyPI)" >&2
    python3 -m pip --version >/dev/null 2>&1 || install_packages python3-pip >&2
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --upgrade --target .local/uv "uv==$UV_WANTED" >&2
    echo "$PRIVATE_UV"
}

# --locked refuses a lock that does not belong to pyproject.toml. The seven days of exclude-newer are a length of time,
# compared as such, so a lock does not go stale by waiting. The machine's own Python is used; none is downloaded.
install_locked_dependencies() {
    say "locked dependencies into .venv ($("$1" --version | cut -d ' ' -f 1,2), from PyPI)"
    UV_PYTHON_DOWNLOADS=never "$1" sync --locked --quiet
    say "ready with $(.venv/bin/python --version)"
}

# uv builds the app when it installs the checkout, and remembers that it did; where its files are gone since, it is told to.
build_web_app() {
    [ -z "${HALOOP_SKIP_WEB:-}" ] || return 0
    .venv/bin/python tools/web.py check && return
    say "the web app (npm's packages into web/node_modules; Node from PyPI where the machine's is missing or old)"
    UV_PYTHON_DOWNLOADS=never "$1" sync --locked --quiet --reinstall-package haloop-app
}

# A shop that nobody here wrote, in an environment of its own, filled once; each test buys from a copy.
install_oscar() {
    local site=tests/connectors/storefront/oscar wanted
    wanted=$(cat "$site"/requirements.txt "$site"/*.py | sha256sum | cut -c 1-16)
    [ "$(cat .local/oscar/made-of 2>/dev/null)" != "$wanted" ] || return 0
    say "django-oscar into .local/oscar (uv, from PyPI), a shop that the tests buy from"
    UV_PYTHON_DOWNLOADS=never "$1" venv --quiet --clear --python .venv/bin/python .local/oscar || return 1
    "$1" pip install --quiet --require-hashes --python .local/oscar/bin/python -r "$site/requirements.txt" || return 1
    PYTHONPATH="$site" PYTHONWARNINGS=ignore DJANGO_SETTINGS_MODULE=settings OSCAR_FOLDER="$PWD/.local/oscar" \
        .local/oscar/bin/python "$site/seed.py" >/dev/null || return 1
    echo "$wanted" >.local/oscar/made-of
}

install_system_packages() {
    local missing=()
    command -v strace >/dev/null || missing+=(strace)
    command -v faketime >/dev/null || missing+=(faketime)
    command -v chromium >/dev/null || missing+=(chromium)
    command -v bwrap >/dev/null || missing+=(bubblewrap)
    PATH="$PATH:/usr/sbin" command -v dockerd >/dev/null || { missing+=(docker.io) && keep_docker_off; }
    command -v busybox >/dev/null || missing+=(busybox-static)
    command -v socat >/dev/null || missing+=(socat)
    PATH="$PATH:/usr/sbin" command -v dovecot >/dev/null || { missing+=(dovecot-imapd) && keep_dovecot_off; }
    if [ "${#missing[@]}" -gt 0 ]; then
        install_packages "${missing[@]}" || true # the tests that need them say it again, and fail when CI=true
    fi
}

# The tests run a mailbox of their own. Installing the package must not open one to this machine's network.
keep_dovecot_off() {
    [ ! -d /run/systemd/system ] || as_root systemctl mask dovecot.service dovecot.socket >/dev/null 2>&1 || true
}

# The tests run a daemon of their own.
keep_docker_off() {
    [ ! -d /run/systemd/system ] || as_root systemctl mask docker.service docker.socket >/dev/null 2>&1 || true
}

install_packages() {
    if ! command -v apt-get >/dev/null || ! as_root true 2>/dev/null; then
        say "MISSING: $*. Some tests cannot run without. Install it yourself: apt-get install $*"
        return 1
    fi
    say "installing $* (apt-get)"
    apt_install "$@" || { as_root apt-get update --quiet=2 && apt_install "$@"; } && return
    say "MISSING: $*. Some tests cannot run without, and apt-get could not install it."
    return 1
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes \
        --no-install-recommends --no-upgrade --no-remove "$@" >/dev/null 2>&1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo --non-interactive "$@"; fi
}

main "$@"
