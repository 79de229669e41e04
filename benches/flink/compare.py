#!/usr/bin/env python3
"""State backends of Flink and of Plimsoll in turn, one process for each operation.

    benches/flink/compare.py --flink FLINK_HOME [--mode heap|hot|beyond] [--zipf] [--passes N] [--ops a,b] [--json]

FLINK_HOME is a Flink distribution (its lib/ has flink-dist and log4j). Modes:
  heap    tables in memory, the operations of Flink's state benchmarks        goal: 3 times faster
  hot     RocksDB with hot entries in 512 MiB against Flink's RocksDB         goal: 5 times faster
  beyond  state of 20 times a slot of 32 MiB, uniform keys                    goal: 1.15 times; --zipf: 4 times
Figures are nanoseconds of CPU time for each operation: of the task's thread, and of the whole process (RocksDB's
compactions, the JVM's collector). Ratios are medians over the passes; the mean is geometric.
"""
import argparse
import glob
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OPENS = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.lang", "java.util", "java.nio", "sun.nio.ch")]
VALUES = "valueUpdate valueAdd valueGet valueRmw".split()
LISTS = "listUpdate listAdd listAppend listGet listGetAndIterate listAddAll".split()
MAPS = "mapUpdate mapAdd mapGet mapContains mapIterator mapRemove".split()


def plan(arguments):
    """Goal, operations, options of both, what ours is, what Flink's is."""
    if arguments.mode == "beyond":
        common = ["--times", "20", "--slot-mib", "32", "--rounds", "3"]
        common += ["--warm", "150000", "--calls", "20000", "--zipf"] if arguments.zipf else ["--warm", "30000", "--calls", "8000"]
        return (4.0 if arguments.zipf else 1.15), ["valueGet", "valueUpdate", "valueRmw"], common, "hot", "rocksdb"
    operations = VALUES + LISTS + MAPS
    if arguments.mode == "heap":
        return 3.0, operations, ["--rounds", "5", "--calls", "500000", "--warm", "2000000"], "heap", "hashmap"
    return 5.0, operations, ["--rounds", "3", "--calls", "60000"], "hot", "rocksdb"


def warm(operation, mode, keys):
    """As state that has been in use for a while: each key once, on average, and each map four times."""
    if mode != "hot":
        return []
    calls = keys * 4 if operation.startswith("map") and operation != "mapIterator" else keys
    return ["--warm", str(calls)]


def figures(command, folder, timeout):
    line = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, text=True)
    found = [json.loads(text) for text in line.stdout.splitlines() if text.startswith("{")]
    if not found:
        sys.exit(f"no figure from: {' '.join(command)}\n{line.stderr[-2000:]}")
    return found[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flink", default=os.environ.get("FLINK_HOME"))
    parser.add_argument("--mode", choices=["heap", "hot", "beyond"], default="hot")
    parser.add_argument("--zipf", action="store_true")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--ops")
    parser.add_argument("--keys", type=int, default=500_000)
    parser.add_argument("--heap", default="4g", help="of the JVM")
    parser.add_argument("--timeout", type=float, default=1200, help="seconds for one process")
    parser.add_argument("--bench", help="the built bench; default: cargo builds it")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not arguments.flink or not glob.glob(f"{arguments.flink}/lib/flink-dist*.jar"):
        sys.exit("missing: a Flink distribution; say where: --flink DIR or FLINK_HOME (https://flink.apache.org/downloads)")
    jars = glob.glob(f"{arguments.flink}/lib/flink-dist*.jar") + glob.glob(f"{arguments.flink}/lib/log4j-*.jar")
    work = tempfile.mkdtemp(prefix="state-bench-")
    try:
        subprocess.run(["javac", "-nowarn", "-cp", ":".join(jars), "-d", work, f"{HERE}/StateBench.java"], check=True)
        bench = arguments.bench or build()
        goal, operations, common, ours, theirs = plan(arguments)
        if arguments.mode != "beyond":
            common += ["--keys", str(arguments.keys)] + (["--zipf"] if arguments.zipf else [])
        rows = []
        for operation in arguments.ops.split(",") if arguments.ops else operations:
            passes = []
            for number in range(arguments.passes):
                options = warm(operation, arguments.mode, arguments.keys) + common
                folder = tempfile.mkdtemp(dir=work)
                java = ["java", f"-Xms{arguments.heap}", f"-Xmx{arguments.heap}", "-XX:+UseG1GC", *OPENS]
                java += ["-cp", ":".join([work, *jars]), "StateBench", "--backend", theirs, "--op", operation]
                flink = figures([*java, "--folder", folder, *options], folder, arguments.timeout)
                shutil.rmtree(folder, ignore_errors=True)
                own = figures([bench, "--only", "ours", "--json", "--systems", ours, "--ops", operation, *options], work, arguments.timeout)
                passes.append((flink, own))
                print(f"{operation} pass {number + 1}: Flink {flink['thread_ns']:.0f} ns, ours {own['thread_ns']:.0f} ns", file=sys.stderr, flush=True)
            median = lambda figure: statistics.median(figure(flink, own) for flink, own in passes)
            rows.append({
                "operation": operation,
                "flink_ns": median(lambda flink, own: flink["thread_ns"]),
                "ours_ns": median(lambda flink, own: own["thread_ns"]),
                "faster": median(lambda flink, own: flink["thread_ns"] / own["thread_ns"]),
                "flink_process_ns": median(lambda flink, own: flink["process_ns"]),
                "ours_process_ns": median(lambda flink, own: own["process_ns"]),
            })
        mean = math.exp(statistics.fmean(math.log(row["faster"]) for row in rows))
        process = math.exp(statistics.fmean(math.log(row["flink_process_ns"] / row["ours_process_ns"]) for row in rows))
        report(arguments, rows, mean, process, goal)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def build():
    command = ["cargo", "bench", "-p", "plimsoll-statebackend", "--bench", "state_backends", "--no-run", "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    built = [message for message in map(json.loads, lines) if message.get("executable")]
    return built[-1]["executable"]


def report(arguments, rows, mean, process, goal):
    if arguments.json:
        print(json.dumps({"mode": arguments.mode, "zipf": arguments.zipf, "rows": rows, "faster": mean, "goal": goal}))
        return
    print(f"{'operation':<18} {'Flink':>10} {'ours':>10} {'faster':>8}   whole process: Flink, ours")
    for row in rows:
        print(
            f"{row['operation']:<18} {row['flink_ns']:>7.0f} ns {row['ours_ns']:>7.0f} ns {row['faster']:>7.2f}×"
            f"   {row['flink_process_ns']:>9.0f} ns {row['ours_process_ns']:>9.0f} ns"
        )
    print(f"geometric mean: {mean:.2f}× faster (goal {goal}×), by the CPU time of the whole process {process:.2f}×")


if __name__ == "__main__":
    main()
