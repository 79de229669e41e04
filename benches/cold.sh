#!/bin/sh
# A cold start: the whole process `memcalc bash-java-utils` against the real `java ... BashJavaUtils`, one after the other
# so that both see the same machine. Prints both medians and the ratio; the goal is 500.
#
#   FLINK_HOME=/opt/flink-1.20.5 MEMCALC=target/release/memcalc sh benches/cold.sh
#
# FLINK_HOME is an unpacked Flink distribution; without it there is nothing to compare with, and only our own time is shown.
set -eu
cd "$(dirname "$0")/.."

MEMCALC="${MEMCALC:-target/release/memcalc}"
FLINK_HOME="${FLINK_HOME:-}"
PAIRS="${PAIRS:-11}"
# Of ours so many a pair: one alone is near the clock's resolution.
OURS="${OURS:-20}"

[ -x "$MEMCALC" ] || { echo "missing: $MEMCALC; get it with: make build" >&2; exit 2; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/conf"

version=1.20
if [ -n "$FLINK_HOME" ]; then
    dist=$(ls "$FLINK_HOME"/lib/flink-dist*.jar 2>/dev/null | head -n 1)
    jar=$(ls "$FLINK_HOME"/bin/bash-java-utils.jar "$FLINK_HOME"/lib/bash-java-utils.jar 2>/dev/null | head -n 1)
    [ -n "$dist" ] && [ -n "$jar" ] || { echo "no Flink distribution: $FLINK_HOME" >&2; exit 2; }
    version=$(basename "$dist" | sed 's/^flink-dist[^-]*-\([0-9]*\.[0-9]*\).*/\1/')
fi
case "$version" in
    2.*) file=config.yaml ;;
    *) file=flink-conf.yaml ;;
esac
printf 'taskmanager.memory.process.size: 1728m\n' >"$dir/conf/$file"

now() { date +%s%N; }
ours() { "$MEMCALC" bash-java-utils --flink-version "$version" GET_TM_RESOURCE_PARAMS --configDir "$dir/conf"; }
theirs() {
    java -classpath "$jar:$dist" org.apache.flink.runtime.util.bash.BashJavaUtils \
        GET_TM_RESOURCE_PARAMS --configDir "$dir/conf" 2>/dev/null
}
# What starting any process costs here: a bound for what can be won.
nothing() { /bin/true; }
result() { sed -n 's/^BASH_JAVA_UTILS_EXEC_RESULT://p'; }
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

ours >"$dir/ours.txt"
if [ -z "$FLINK_HOME" ]; then
    echo "cold start: FLINK_HOME is not set, so the real BashJavaUtils is not timed" >&2
elif ! command -v java >/dev/null 2>&1; then
    echo "cold start: no java, so the real BashJavaUtils is not timed" >&2
    FLINK_HOME=""
else
    theirs >"$dir/theirs.txt"
    result <"$dir/ours.txt" >"$dir/ours.result"
    result <"$dir/theirs.txt" >"$dir/theirs.result"
    cmp -s "$dir/ours.result" "$dir/theirs.result" || {
        echo "the answers differ:" >&2
        diff "$dir/theirs.result" "$dir/ours.result" >&2 || true
        exit 1
    }
fi

pair=0
while [ "$pair" -lt "$PAIRS" ]; do
    pair=$((pair + 1))
    if [ -n "$FLINK_HOME" ]; then
        start=$(now)
        theirs >/dev/null
        echo $((($(now) - start) / 1000)) >>"$dir/theirs.us"
    fi
    start=$(now)
    run=0
    while [ "$run" -lt "$OURS" ]; do
        run=$((run + 1))
        ours >/dev/null
    done
    echo $((($(now) - start) / OURS / 1000)) >>"$dir/ours.us"
    start=$(now)
    run=0
    while [ "$run" -lt "$OURS" ]; do
        run=$((run + 1))
        nothing >/dev/null
    done
    echo $((($(now) - start) / OURS / 1000)) >>"$dir/nothing.us"
done

mine=$(median "$dir/ours.us")
echo "cold start, Flink $version: memcalc median $mine us ($PAIRS rounds of $OURS)"
echo "cold start, Flink $version: of these an empty process (/bin/true) takes $(median "$dir/nothing.us") us"
if [ -n "$FLINK_HOME" ]; then
    real=$(median "$dir/theirs.us")
    echo "cold start, Flink $version: BashJavaUtils median $real us ($PAIRS rounds)"
    awk -v a="$real" -v b="$mine" 'BEGIN { printf "cold start, Flink '"$version"': %.0f times faster, goal 500\n", a / (b ? b : 1) }'
fi
