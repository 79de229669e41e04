#!/usr/bin/env bash
# Runs the start scripts of a real Flink 1.11 twice, once on its own BashJavaUtils and once on memcalc, and compares the
# command lines they would start the processes with.
# Usage: FLINK_HOME=/path/to/flink-1.11.4 tests/flink-scripts.sh [path/to/memcalc]
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
memcalc="${1:-$here/target/release/memcalc}"
: "${FLINK_HOME:?point it at an unpacked Flink 1.11}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
real="$(command -v java)"

# A java that starts nothing but prints how it would have been started, except for BashJavaUtils.
mkdir -p "$work/real/bin"
cat > "$work/print" <<'SH'
#!/bin/sh
case " $* " in *"-version"*) exec "$REAL_JAVA" "$@" ;; esac
printf '%s\n' "$@" | grep -v '^-Dlog'
printf '%s\n' "$FLINK_INHERITED_LOGS"
SH
cat > "$work/real/bin/java" <<'SH'
#!/bin/sh
for word; do
    case $word in *BashJavaUtils) exec "$REAL_JAVA" "$@" ;; esac
done
exec "$PRINT" "$@"
SH
chmod +x "$work/print" "$work/real/bin/java"

export REAL_JAVA="$real" PRINT="$work/print" PLIMSOLL_JAVA="$work/print" PLIMSOLL_MEMCALC="$memcalc" PLIMSOLL_FLINK_VERSION=1.11
failed=0
compare() { # script, then its arguments
    JAVA_HOME="$work/real" "$FLINK_HOME/bin/$1" "${@:2}" > "$work/expected" 2>&1 || true
    JAVA_HOME="$here/conf/shim" "$FLINK_HOME/bin/$1" "${@:2}" > "$work/actual" 2>&1 || true
    # without the trace of a failed call: the frames are not reproduced, nor what the JVM says of itself
    for f in expected actual; do
        sed -e '/^logs: WARNING: /{N;s/.*\n/logs: /}' "$work/$f" |
            grep -vE '^\s+at |^WARNING: |^\s+\.\.\. [0-9]+ more' > "$work/$f.clean" || true
    done
    if cmp -s "$work/expected.clean" "$work/actual.clean"; then
        echo "equal   $*   ($(grep -c . "$work/actual.clean") lines)"
    else
        echo "DIFFER  $*"
        diff "$work/expected.clean" "$work/actual.clean" | head -20 || true
        failed=1
    fi
}
compare taskmanager.sh start-foreground
compare taskmanager.sh start-foreground -D taskmanager.memory.process.size=4g -D taskmanager.numberOfTaskSlots=3
compare taskmanager.sh start-foreground -D taskmanager.memory.process.size=64g
compare taskmanager.sh start-foreground -D taskmanager.memory.flink.size=3g -D taskmanager.memory.size=1g
compare taskmanager.sh start-foreground -D taskmanager.memory.process.size=500m
compare taskmanager.sh start-foreground -D taskmanager.memory.process.size=4Gi
compare jobmanager.sh start-foreground
compare jobmanager.sh start-foreground -D jobmanager.memory.process.size=4g
compare jobmanager.sh start-foreground -D jobmanager.memory.enable-jvm-direct-memory-limit=true
FLINK_TM_HEAP=1280m compare taskmanager.sh start-foreground
exit $failed
