#!/usr/bin/env python3
"""State backends of Flink and of Plimsoll in turn, one process for each operation.

    benches/flink/compare.py --flink FLINK_HOME [--mode all|heap|hot|beyond] [--zipf] [--passes N] [--ops a,b] [--json]

FLINK_HOME is a Flink distribution (its lib/ has flink-dist and log4j). Modes, each with its goal:

    heap           tables in memory, the operations of Flink's state benchmarks    3 times faster
    hot            RocksDB with hot entries in 512 MiB against Flink's RocksDB      5 times faster
    beyond --zipf  state of 20 times a slot of 32 MiB, some keys far more often     4 times faster
    beyond         the same, all keys alike                                         1.15 times faster

Both sides have the same keys in the same order (each says which sequence it drew), the same fill, the same calls before
anything is measured, and rounds of which the first does not count. A side that takes more than --warm-seconds for the
calls before has fewer of them, and the table says so: beyond its slot, Flink may need milliseconds for a read, and its
block cache is full after some thousand of them. Flink's code is compiled beforehand, on states that
are thrown away. Figures are nanoseconds of CPU time for each operation: of the task's thread, the median of the rounds;
and of the whole process (RocksDB's compactions, the JVM's collector), the mean. Ratios are of each pass, and the median
over the passes counts; the mean over the operations is geometric.
"""
import argparse
import glob
import json
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# as Flink's own scripts open them
OPENS = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in ("java.lang", "java.util", "java.nio", "sun.nio.ch")]
VALUES = "valueUpdate valueAdd valueGet valueRmw".split()
LISTS = "listUpdate listAdd listAppend listGet listGetAndIterate listAddAll".split()
MAPS = "mapUpdate mapAdd mapGet mapContains mapIterator mapRemove".split()


class Mode:
    """What is compared: systems, operations, how often, and how much faster ours is to be."""

    def __init__(self, name, goal, zipf, arguments):
        self.name, self.goal, self.zipf = name, goal, zipf
        self.title = name if name != "beyond" else "beyond, " + ("some keys more often" if zipf else "all keys alike")
        self.arguments = arguments
        self.ours, self.theirs = ("heap", "hashmap") if name == "heap" else ("hot", "rocksdb")
        operations = ["valueGet", "valueUpdate", "valueRmw"] if name == "beyond" else VALUES + LISTS + MAPS
        self.operations = arguments.ops.split(",") if arguments.ops else operations

    def options(self, operation):
        """The same words for both sides."""
        given = self.arguments
        times, slot, rounds, calls, warm = {
            "heap": (None, 512, 5, 500_000, given.keys),
            # each key once, on average, and each map four times
            "hot": (None, 512, 3, 60_000, given.keys * (4 if operation.startswith("map") else 1)),
            "beyond": (20, 32, 3, 4000, 150_000),
        }[self.name]
        if operation == "mapIterator":
            warm = min(warm, given.keys)  # a call reads ten entries
        numbers = {
            "slot-mib": given.slot_mib or slot,
            "rounds": given.rounds or rounds,
            "calls": given.calls or calls,
            "warm": warm if given.warm is None else given.warm,
            "warm-seconds": given.warm_seconds,
        }
        numbers |= {"times": given.times or times} if times else {"keys": given.keys}
        words = [word for name, number in numbers.items() for word in (f"--{name}", str(number))]
        return words + (["--zipf"] if self.zipf else [])


def missing(what):
    sys.exit(f"missing: {what}")


def say(text):
    print(text, file=sys.stderr, flush=True)


def build_flink(home, classes):
    """Compiles the Flink side and returns its class path."""
    jars = [jar for name in ("flink-dist*", "log4j-*") for jar in glob.glob(f"{home}/lib/{name}.jar")] if home else []
    if not any("flink-dist" in os.path.basename(jar) for jar in jars):
        missing("a Flink distribution; say where with --flink DIR or FLINK_HOME (https://flink.apache.org/downloads)")
    for tool in ("java", "javac"):
        shutil.which(tool) or missing(f"{tool}; get it with: apt-get install openjdk-17-jdk-headless")
    path = ":".join([classes, *jars])
    subprocess.run(["javac", "-nowarn", "-cp", path, "-d", classes, *glob.glob(f"{HERE}/*.java")], check=True)
    return path


def build_ours():
    shutil.which("cargo") or missing("cargo; get it from https://rustup.rs")
    environment = dict(os.environ)
    if shutil.which("ccache"):  # as the Makefile does, so that RocksDB is not compiled twice
        environment.setdefault("CC", "ccache cc")
        environment.setdefault("CXX", "ccache c++")
    say("building ours")
    command = ["cargo", "bench", "--locked", "-p", "plimsoll-statebackend", "--bench", "state_backends", "--no-run"]
    command += ["--message-format", "json-render-diagnostics"]
    lines = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [message for message in map(json.loads, lines.splitlines()) if message.get("executable")][-1]["executable"]


def figures(command, folder, timeout):
    """What a process of its own measures; its files are gone afterwards."""
    os.makedirs(folder)
    environment = dict(os.environ, TMPDIR=folder)
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=timeout, text=True)
    except subprocess.TimeoutExpired:
        sys.exit(f"no figure within {timeout:.0f} s (--timeout) from: {' '.join(command)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not found:
        sys.exit(f"no figure (status {done.returncode}) from: {' '.join(command)}\n{done.stderr[-2000:]}")
    return found[-1]


class Sides:
    """Both programs, built."""

    def __init__(self, arguments, work):
        self.arguments, self.folder = arguments, f"{work}/run"
        path = build_flink(arguments.flink, work)
        heap = [f"-Xms{arguments.heap}", f"-Xmx{arguments.heap}", "-XX:+UseG1GC", f"-Djava.io.tmpdir={self.folder}"]
        self.java = ["java", *heap, *OPENS, "-cp", path, "StateBench", "--folder", self.folder]
        self.java += ["--jit-seconds", str(arguments.jit_seconds)]
        self.bench = os.path.abspath(arguments.bench) if arguments.bench else build_ours()

    def flink(self, mode, operation):
        words = ["--backend", mode.theirs, "--ops", operation, *mode.options(operation)]
        return figures([*self.java, *words], self.folder, self.arguments.timeout)

    def ours(self, mode, operation):
        words = ["--only", "ours", "--json", "--systems", mode.ours, "--ops", operation, *mode.options(operation)]
        return figures([self.bench, *words], self.folder, self.arguments.timeout)


def compare(mode, sides, passes):
    """A row for each operation."""
    rows = []
    for operation in mode.operations:
        done = []
        for number in range(1, passes + 1):
            # each is first in every other pass
            if number % 2:
                flink, ours = sides.flink(mode, operation), sides.ours(mode, operation)
            else:
                ours, flink = sides.ours(mode, operation), sides.flink(mode, operation)
            done.append((flink, ours))
            say(
                f"{mode.title}: {operation}, pass {number} of {passes}: "
                f"Flink {flink['thread_ns']:.0f} ns, ours {ours['thread_ns']:.0f} ns"
            )
        median = lambda figure: statistics.median(figure(flink, ours) for flink, ours in done)
        rows.append({
            "operation": operation,
            "flink_ns": median(lambda flink, ours: flink["thread_ns"]),
            "ours_ns": median(lambda flink, ours: ours["thread_ns"]),
            "faster": median(lambda flink, ours: flink["thread_ns"] / ours["thread_ns"]),
            "flink_process_ns": median(lambda flink, ours: flink["process_ns"]),
            "ours_process_ns": median(lambda flink, ours: ours["process_ns"]),
            "process_faster": median(lambda flink, ours: flink["process_ns"] / ours["process_ns"]),
            "same_keys": all(flink["sequence"] == ours["sequence"] for flink, ours in done),
            "flink_warm": min(flink["warm"] for flink, _ in done),
            "ours_warm": min(ours["warm"] for _, ours in done),
            "flink_version": done[0][0]["version"],
        })
    return rows


def mean(rows, figure):
    return math.exp(statistics.fmean(math.log(max(row[figure], 1e-9)) for row in rows))


def report(mode, rows, arguments):
    faster, process = mean(rows, "faster"), mean(rows, "process_faster")
    if arguments.json:
        print(json.dumps({
            "mode": mode.name, "zipf": mode.zipf, "passes": arguments.passes, "rows": rows,
            "faster": faster, "process_faster": process, "goal": mode.goal,
        }), flush=True)
        return
    print(f"\n{mode.title}: Flink {rows[0]['flink_version']}, passes: {arguments.passes}")
    print(f"{'':<18} {'CPU time of the thread':^38}   {'of the whole process':^38}")
    print(f"{'operation':<18} " + "   ".join([f"{'Flink':>13} {'ours':>13} {'faster':>10}"] * 2))
    for row in rows:
        pairs = [("flink_ns", "ours_ns", "faster"), ("flink_process_ns", "ours_process_ns", "process_faster")]
        cells = [f"{row[a]:>10.1f} ns {row[b]:>10.1f} ns {row[ratio]:>9.2f}×" for a, b, ratio in pairs]
        notes = "" if row["same_keys"] else "   not the same keys"
        if row["flink_warm"] != row["ours_warm"]:
            notes += f"   warm after {row['flink_warm']} and {row['ours_warm']} calls"
        print(f"{row['operation']:<18} " + "   ".join(cells) + notes)
    print(
        f"geometric mean: {faster:.2f}× faster (goal {mode.goal}×), "
        f"by the CPU time of the whole process {process:.2f}×",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flink", default=os.environ.get("FLINK_HOME"), help="a Flink distribution (FLINK_HOME)")
    parser.add_argument("--mode", choices=["all", "heap", "hot", "beyond"], default="all")
    parser.add_argument("--zipf", action="store_true", help="some keys far more often than others")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--ops", help="some of the operations, with commas between")
    parser.add_argument("--keys", type=int, default=500_000, help="for heap and hot")
    parser.add_argument("--times", type=int, help="for beyond: the state, in slots")
    parser.add_argument("--slot-mib", type=int, help="managed memory")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--calls", type=int, help="of a round")
    parser.add_argument("--warm", type=int, help="calls before the rounds")
    parser.add_argument("--warm-seconds", type=int, default=60, help="no more of those are begun after so long")
    parser.add_argument("--jit-seconds", type=int, default=2, help="of Flink's code on states that are thrown away")
    parser.add_argument("--heap", default="4g", help="of the JVM")
    parser.add_argument("--timeout", type=float, default=1200, help="seconds for one process")
    parser.add_argument("--bench", help="our bench, built; cargo builds it otherwise")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each mode")
    arguments = parser.parse_args()
    if arguments.mode == "all":
        modes = [("heap", 3.0, False), ("hot", 5.0, False), ("beyond", 4.0, True), ("beyond", 1.15, False)]
    else:
        goals = {"heap": 3.0, "hot": 5.0, "beyond": 4.0 if arguments.zipf else 1.15}
        modes = [(arguments.mode, goals[arguments.mode], arguments.zipf)]
    # a process that is told to end takes its child and its files along
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work = tempfile.mkdtemp(prefix="state-bench-")
    try:
        sides = Sides(arguments, work)
        for name, goal, zipf in modes:
            mode = Mode(name, goal, zipf, arguments)
            report(mode, compare(mode, sides, arguments.passes), arguments)
    except subprocess.CalledProcessError as error:
        sys.exit(f"cannot build: {' '.join(error.cmd[:3])} … ended with status {error.returncode}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
