#!/bin/sh
# Runs each fuzz target for a minute, or for as many seconds as the argument says, starting from the fixtures of the
# crate that it tests. The first failure ends it; the input that failed is then in fuzz/artifacts.
#
# Needs a nightly compiler and cargo-fuzz:
#     rustup toolchain install nightly && cargo install cargo-fuzz
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
fixtures=host/service-model/tests

# Every word of the fixtures, so that names are changed into other names and not only into noise.
mkdir -p fuzz/corpus
words=fuzz/corpus/words
grep -aohE '[A-Za-z][A-Za-z0-9]{2,30}' "$fixtures"/ok/*.csdef "$fixtures"/ok/*.cscfg | sort -u | sed 's/.*/"&"/' >"$words"

for target in csdef cscfg xpath; do
    corpus=fuzz/corpus/$target
    mkdir -p "$corpus"
    case $target in
    xpath)
        number=0
        grep -ohE 'xpath="[^"]*"' "$fixtures"/ok/*.csdef | sed 's/^xpath="//; s/"$//' | sort -u |
            while IFS= read -r path; do
                number=$((number + 1))
                printf '%s' "$path" >"$corpus/seed-$number"
            done
        ;;
    *) cp "$fixtures"/ok/*."$target" "$fixtures"/bad/*."$target" "$corpus" ;;
    esac
    cargo +nightly fuzz run "$target" "$corpus" -- \
        -max_total_time="$seconds" -max_len=16384 -timeout=10 -dict="$words" -print_final_stats=1
done
