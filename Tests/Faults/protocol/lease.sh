#!/usr/bin/env bash
# Checks lease.pml, the model of the lease protocol, in full, and that it can fail.
#
#   lease.sh             two faults at any two moments, safety and liveness; a few seconds
#   lease.sh 3           three faults; a minute
#
# Needs spin and a C compiler.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
model=$PWD/lease.pml
faults=${1:-2}
cc=$(command -v cc || command -v clang || command -v gcc)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# check <holds|fails> <safety|liveness> <definition>...
check() {
    local expected=$1 kind=$2 result
    shift 2
    local generate=("$@") compile=(-DSAFETY) run=()
    if [ "$kind" = liveness ]; then
        generate+=(-DLIVENESS)
        compile=(-DNFAIR=8)
        run=(-a -f)
    fi
    spin -a "${generate[@]}" "$model" >spin.log
    "$cc" -w -O2 -DCOLLAPSE "${compile[@]}" -o pan pan.c
    ./pan ${run[@]+"${run[@]}"} -m2000000 -w26 >pan.log
    # A search that was cut short proves nothing.
    if grep -Eq 'max search depth too small|out of memory' pan.log; then
        cat pan.log
        exit 1
    fi
    if grep -q 'errors: 0' pan.log; then result=holds; else result=fails; fi
    printf '    %-9s %-9s %10s states  %s\n' "$result" "$kind" \
        "$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.log)" "$*"
    if [ "$result" != "$expected" ]; then
        printf '%s was expected to be: %s\n' "$*" "$expected" >&2
        exit 1
    fi
}

check holds safety "-DFAULTS=$faults"
check holds safety "-DFAULTS=$faults" -DABORT
check holds liveness "-DFAULTS=$faults"
# One safety line taken out.
check fails safety -DFAULTS=1 -DNO_LEASE_CHECK
check fails safety -DFAULTS=2 -DNO_TAG_GUARD
check fails safety -DFAULTS=1 -DABORT -DSOURCE_FIRST
check fails liveness -DFAULTS=1 -DNO_LANDING_DRAIN
check fails liveness -DFAULTS=1 -DNO_RECONCILE
