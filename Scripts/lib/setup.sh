# What the commands in Scripts/ share: sourced, not run. It finds or installs what JobRunner
# builds and tests with (Swift, hiredis, OpenSSL, redis-server) and says each thing it does.
#
#   source "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"
#   setup                                   # Swift, headers, redis-server; goes to the root
#   swift_package build --product jobrunner # swift build, with Homebrew's paths on macOS
#
# Exits 69 when something is missing that it cannot install here, 78 when Swift is missing or old.
# Written for bash 3.2, which macOS has.

# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
swift_least=6.2 # swift-tools-version of Package.swift
swift_flags=()
missing=()

say() { printf '==> %s\n' "$*"; }

# Prints a command, then runs it.
run() {
    printf '  $ %s\n' "$*"
    "$@"
}

# fail <exit code> <line>...
fail() {
    local code=$1
    shift
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    shift
    if [ $# -gt 0 ]; then printf '    %s\n' "$@" >&2; fi
    exit "$code"
}

setup() {
    cd "$root"
    check_swift
    need_header hiredis/hiredis.h libhiredis-dev hiredis
    need_header openssl/ssl.h libssl-dev openssl@3
    need_program redis-server redis-server redis
    install_missing
    if [ "$(uname)" = Darwin ]; then
        local formula
        for formula in hiredis openssl@3; do
            swift_flags+=(-Xcc "-I$(brew --prefix "$formula")/include")
            swift_flags+=(-Xlinker "-L$(brew --prefix "$formula")/lib")
        done
    fi
}

# What the model check and the linters need on top.
setup_checks() {
    need_program python3 python3 python@3.13
    if ! command -v clang >/dev/null; then need_program cc gcc gcc; fi
    need_program shellcheck shellcheck shellcheck
    need_program spin spin spin
    install_missing
}

# swift_package build|test|run <argument>...
swift_package() {
    local verb=$1
    shift
    run swift "$verb" ${swift_flags[@]+"${swift_flags[@]}"} "$@"
}

check_swift() {
    if ! command -v swift >/dev/null; then
        fail 78 "Swift is not installed, and this needs $swift_least or later." \
            "Get it from https://www.swift.org/install/ and put it on PATH."
    fi
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -1)
    if [ "$(printf '%s\n' "$swift_least" "$version" | sort -V | head -1)" != "$swift_least" ]; then
        fail 78 "Swift ${version:-of an unknown version} is too old; this needs $swift_least." \
            "Get it from https://www.swift.org/install/."
    fi
    say "Swift $version"
}

# need_header <header> <Debian package> <Homebrew formula>
need_header() {
    local directory
    for directory in /usr/include /usr/local/include "$(homebrew_prefix "$3")/include"; do
        if [ -e "$directory/$1" ]; then return; fi
    done
    missing+=("$(package_name "$2" "$3")")
}

# need_program <program> <Debian package> <Homebrew formula>
need_program() {
    if ! command -v "$1" >/dev/null; then missing+=("$(package_name "$2" "$3")"); fi
}

# need_module <Python module> <Debian package>
need_module() {
    if ! python3 -c "import $1" 2>/dev/null; then missing+=("$2"); fi
}

homebrew_prefix() {
    if command -v brew >/dev/null; then brew --prefix "$1"; else echo /nonexistent; fi
}

package_name() {
    if [ "$(uname)" = Darwin ]; then echo "$2"; else echo "$1"; fi
}

install_missing() {
    if [ ${#missing[@]} -eq 0 ]; then return; fi
    say "missing: ${missing[*]}"
    if [ "$(uname)" = Darwin ]; then
        command -v brew >/dev/null || fail 69 "Homebrew is not installed: https://brew.sh"
        run brew install "${missing[@]}"
    elif command -v apt-get >/dev/null; then
        install_with_apt
    else
        fail 69 "do not know how to install on this system. It needs, by Debian's names:" \
            "${missing[*]}"
    fi
    missing=()
}

install_with_apt() {
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail 69 "not root, and sudo is not installed. As root, run:" \
            "apt-get install ${missing[*]}"
        sudo=(sudo)
    fi
    # The tests start a server of their own: Debian's must not start with the package. This file
    # is how Debian is told so; it is there only while apt-get runs.
    local policy=/usr/sbin/policy-rc.d
    # shellcheck disable=SC2016 # for the inner shell to expand
    local install='
        if [ ! -e "$0" ]; then
            trap "rm -f $0" EXIT
            printf "#!/bin/sh\nexit 101\n" >"$0"
            chmod 755 "$0"
        fi
        export DEBIAN_FRONTEND=noninteractive
        apt-get -qq update
        apt-get -qq install -y --no-install-recommends "$@"'
    say "apt-get install ${missing[*]} (no service is started)"
    ${sudo[@]+"${sudo[@]}"} sh -ec "$install" "$policy" "${missing[@]}"
}
