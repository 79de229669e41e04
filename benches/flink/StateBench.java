// The operations of benches/state_backends.rs on Flink's own state backends: the same keys in the same order, the same
// sizes, the same number of calls. Prints a line of JSON for each operation; benches/flink/compare.py runs it.
//
//     java -cp 'FLINK/lib/*:CLASSES' StateBench --backend hashmap|rocksdb --ops a,b [--keys N] [--rounds N] [--calls N]
//          [--warm N] [--warm-seconds N] [--slot-mib N] [--times N] [--zipf] [--jit-seconds N] --folder DIR
//
// Before anything is measured the same code runs on states that are thrown away, until it is compiled, so that the
// state that is measured has seen as many calls as ours has, and no more.

import java.io.File;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.DoubleSerializer;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.runtime.state.CheckpointableKeyedStateBackend;
import org.apache.flink.runtime.util.EnvironmentInformation;

public final class StateBench {
    private static final long MAP_ENTRIES = 10;
    /** A value of 100 bytes with its key and its key group. */
    private static final long ROW_BYTES = 110;
    /** So many calls at once: methods are compiled as a whole when they are called again. */
    private static final long CHUNK = 1000;
    /** Keys and calls of a state that is thrown away. */
    private static final int SCRATCH_KEYS = 20_000;
    private static final long SCRATCH_CALLS = 100_000;

    /** What is read goes here, so that it is read. */
    private static Object seen;

    /** The calls with these numbers. */
    private interface Calls {
        void run(long from, long to) throws Exception;
    }

    private final Map<String, String> words = new HashMap<>();

    private StateBench(String[] arguments) {
        for (int at = 0; at < arguments.length; at++) {
            boolean valued = at + 1 < arguments.length && !arguments[at + 1].startsWith("--");
            words.put(arguments[at].substring(2), valued ? arguments[++at] : "");
        }
    }

    private long number(String name, long otherwise) {
        return words.containsKey(name) ? Long.parseLong(words.get(name)) : otherwise;
    }

    public static void main(String[] arguments) throws Exception {
        StateBench bench = new StateBench(arguments);
        for (String operation : bench.words.get("ops").split(",")) {
            bench.measure(operation);
        }
        System.out.flush();
        // what the last database still compacts is of no interest
        Runtime.getRuntime().halt(0);
    }

    private void measure(String operation) throws Exception {
        String kind = words.getOrDefault("backend", "rocksdb");
        boolean beyond = words.containsKey("times");
        long slotBytes = number("slot-mib", beyond ? 32 : 512) << 20;
        int count = (int) (beyond ? slotBytes * number("times", 1) / ROW_BYTES : number("keys", 500_000));
        Keys keys = new Keys(count, words.containsKey("zipf"));
        File folder = new File(words.get("folder"));
        compile(kind, slotBytes, folder, operation);
        TaskBackend backend = new TaskBackend(kind, slotBytes, folder);
        Calls calls = prepare(backend, operation, count, keys);
        backend.settle();

        long unit = operation.equals("mapIterator") ? MAP_ENTRIES : 1;
        long each = number("calls", 100_000) / unit;
        if (operation.startsWith("list")) {
            each = Math.min(each, count);
        }
        // additions are of fresh keys, each once
        long warm = operation.endsWith("Add") ? 0 : number("warm", 0);
        long warmed = warmUp(calls, warm);
        // of state beyond its slot, keys that were not asked for just before
        long first = beyond ? warm : 0;
        int rounds = (int) number("rounds", 5);
        double[] thread = new double[rounds];
        long process = 0;
        for (int round = 0; round <= rounds; round++) {
            long processBefore = processCpu();
            long threadBefore = threadCpu();
            run(calls, first + round * each, first + (round + 1) * each);
            long threadAfter = threadCpu();
            long processAfter = processCpu();
            if (round > 0) {
                thread[round - 1] = (double) (threadAfter - threadBefore) / (each * unit);
                process += processAfter - processBefore;
            }
        }
        System.out.printf(
                Locale.ROOT,
                "{\"system\":\"flink-%s\",\"version\":\"%s\",\"operation\":\"%s\",\"thread_ns\":%.1f,"
                        + "\"process_ns\":%.1f,\"warm\":%d,\"sequence\":%d}%n",
                kind,
                EnvironmentInformation.getVersion(),
                operation,
                median(thread),
                (double) process / (rounds * each * unit),
                warmed,
                keys.sequence());
        // closed only where another follows: a process that ends needs no tidying
        if (!words.get("ops").endsWith(operation)) {
            backend.close();
        }
    }

    /** Runs an operation on small states, one after the other, for some seconds. */
    private void compile(String kind, long slotBytes, File folder, String operation) throws Exception {
        long left = number("jit-seconds", 2) * 1_000_000_000L;
        Keys keys = new Keys(SCRATCH_KEYS, false);
        while (left > 0) {
            try (TaskBackend backend = new TaskBackend(kind, slotBytes, folder)) {
                Calls calls = prepare(backend, operation, SCRATCH_KEYS, keys);
                long begun = System.nanoTime();
                run(calls, 0, SCRATCH_CALLS);
                left -= System.nanoTime() - begun;
            }
        }
        System.gc();
    }

    /** Calls beforehand, and no more are begun after some seconds. Returns how many there were. */
    private long warmUp(Calls calls, long count) throws Exception {
        long begun = System.nanoTime();
        long most = number("warm-seconds", 1 << 30) * 1_000_000_000L;
        long made = 0;
        while (made < count && System.nanoTime() - begun < most) {
            long next = Math.min(count, made + CHUNK);
            calls.run(made, next);
            made = next;
        }
        return made;
    }

    private static void run(Calls calls, long from, long to) throws Exception {
        for (long at = from; at < to; at += CHUNK) {
            calls.run(at, Math.min(at + CHUNK, to));
        }
    }

    private static long threadCpu() {
        return THREADS.getCurrentThreadCpuTime();
    }

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    /** Of all threads: RocksDB's, the collector's, the compiler's. In steps of 10 ms, so over all rounds at once. */
    private static long processCpu() {
        return PROCESS.getProcessCpuTime();
    }

    private static final com.sun.management.OperatingSystemMXBean PROCESS =
            (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private static double median(double[] figures) {
        Arrays.sort(figures);
        return figures[figures.length / 2];
    }

    /** Fills a state and says what an operation does to it. */
    private Calls prepare(TaskBackend backend, String operation, int count, Keys keys) throws Exception {
        if (words.containsKey("times")) {
            return bytes(backend, operation, count, keys);
        }
        if (operation.startsWith("value")) {
            return values(backend, operation, count, keys);
        }
        return operation.startsWith("list")
                ? lists(backend, operation, count, keys)
                : maps(backend, operation, count, keys);
    }

    /** Values of 100 bytes, as in `beyond`. */
    private static Calls bytes(TaskBackend backend, String operation, int count, Keys keys) throws Exception {
        CheckpointableKeyedStateBackend<Long> keyed = backend.keyed;
        ValueState<byte[]> state =
                backend.state(new ValueStateDescriptor<>("value", BytePrimitiveArraySerializer.INSTANCE));
        byte[] value = new byte[100];
        Arrays.fill(value, (byte) 7);
        for (long key = 0; key < count; key++) {
            long mixed = key * 0x9e3779b97f4a7c15L;
            for (int at = 0; at < 8; at++) {
                value[at] = (byte) (mixed >>> (8 * at));
            }
            keyed.setCurrentKey(key);
            state.update(value);
        }
        byte[] other = new byte[100];
        Arrays.fill(other, (byte) 9);
        switch (operation) {
            case "valueGet":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        seen = state.value();
                    }
                };
            case "valueUpdate":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        state.update(other);
                    }
                };
            case "valueRmw":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        byte[] old = state.value();
                        old[9] ^= 1;
                        state.update(old);
                    }
                };
            default:
                throw new IllegalArgumentException(operation);
        }
    }

    private static Calls values(TaskBackend backend, String operation, int count, Keys keys) throws Exception {
        CheckpointableKeyedStateBackend<Long> keyed = backend.keyed;
        ValueState<Long> state = backend.state(new ValueStateDescriptor<>("value", LongSerializer.INSTANCE));
        for (long key = 0; key < count; key++) {
            keyed.setCurrentKey(key);
            state.update(key);
        }
        switch (operation) {
            case "valueUpdate":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        state.update(call * 7);
                    }
                };
            case "valueAdd":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(count + call);
                        state.update(call * 7);
                    }
                };
            case "valueGet":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        seen = state.value();
                    }
                };
            case "valueRmw":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        Long old = state.value();
                        state.update((old == null ? 0 : old) + 1);
                    }
                };
            default:
                throw new IllegalArgumentException(operation);
        }
    }

    private static Calls lists(TaskBackend backend, String operation, int count, Keys keys) throws Exception {
        CheckpointableKeyedStateBackend<Long> keyed = backend.keyed;
        ListState<Long> state = backend.state(new ListStateDescriptor<>("list", LongSerializer.INSTANCE));
        for (long key = 0; key < count; key++) {
            keyed.setCurrentKey(key);
            state.add(key);
        }
        List<Long> many = new ArrayList<>();
        for (long element = 0; element < 10; element++) {
            many.add(element);
        }
        switch (operation) {
            case "listUpdate":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        state.update(Collections.singletonList(call * 7));
                    }
                };
            case "listAdd":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(count + call);
                        state.add(call * 7);
                    }
                };
            case "listAppend":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        state.add(call * 7);
                    }
                };
            case "listGet":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        seen = state.get();
                    }
                };
            case "listGetAndIterate":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        for (Long element : state.get()) {
                            seen = element;
                        }
                    }
                };
            case "listAddAll":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        state.addAll(many);
                    }
                };
            default:
                throw new IllegalArgumentException(operation);
        }
    }

    private static Calls maps(TaskBackend backend, String operation, int count, Keys keys) throws Exception {
        CheckpointableKeyedStateBackend<Long> keyed = backend.keyed;
        MapState<Long, Double> state = backend.state(
                new MapStateDescriptor<>("map", LongSerializer.INSTANCE, DoubleSerializer.INSTANCE));
        for (long key = 0; key < count; key++) {
            keyed.setCurrentKey(key);
            for (long entry = 0; entry < MAP_ENTRIES; entry++) {
                state.put(entry, (double) key);
            }
        }
        switch (operation) {
            case "mapUpdate":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        state.put(call % MAP_ENTRIES, (double) call);
                    }
                };
            case "mapAdd":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(count + call);
                        state.put(call % MAP_ENTRIES, (double) call);
                    }
                };
            case "mapGet":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        seen = state.get(call % MAP_ENTRIES);
                    }
                };
            case "mapContains":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        seen = state.contains((call % MAP_ENTRIES) << 1);
                    }
                };
            case "mapIterator":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        for (Map.Entry<Long, Double> entry : state.entries()) {
                            seen = entry.getKey();
                            seen = entry.getValue();
                        }
                    }
                };
            case "mapRemove":
                return (from, to) -> {
                    for (long call = from; call < to; call++) {
                        keyed.setCurrentKey(keys.at(call));
                        state.remove(call % MAP_ENTRIES);
                    }
                };
            default:
                throw new IllegalArgumentException(operation);
        }
    }
}
