// One operation of the state benches on Flink's own state backends, without a cluster: the same keys in the same order,
// the same sizes, the same rounds as benches/state_backends.rs. Prints one line of JSON. compare.py runs it.
//
// java -cp FLINK/lib/*:. StateBench --backend rocksdb|hashmap --op valueGet [--keys N] [--calls N] [--rounds N] [--warm N]
//      [--slot-mib N] [--times N] [--zipf] [--folder DIR]

import java.io.File;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.State;
import org.apache.flink.api.common.state.StateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.DoubleSerializer;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.CloseableRegistry;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.runtime.execution.Environment;
import org.apache.flink.runtime.io.disk.iomanager.IOManagerAsync;
import org.apache.flink.runtime.memory.MemoryManager;
import org.apache.flink.runtime.memory.SharedResources;
import org.apache.flink.runtime.state.CheckpointableKeyedStateBackend;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyedStateBackendParametersImpl;
import org.apache.flink.runtime.state.LocalRecoveryConfig;
import org.apache.flink.runtime.state.StateBackendLoader;
import org.apache.flink.runtime.state.TaskStateManager;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.runtime.state.ttl.TtlTimeProvider;
import org.apache.flink.runtime.taskmanager.TaskManagerRuntimeInfo;
import org.apache.flink.util.SimpleUserCodeClassLoader;
import org.slf4j.LoggerFactory;

public final class StateBench {
    static final Map<String, String> options = new HashMap<>();
    static final int MAP_ENTRIES = 10;
    static final int BYTES_A_ROW = 110;

    static long number(String name, long otherwise) {
        return options.containsKey(name) ? Long.parseLong(options.get(name)) : otherwise;
    }

    // ---- keys: as benches/state_backends/keys.rs draws them

    static long mix(long number) {
        long z = number + 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    static long[] keys(int count, boolean zipf) {
        if (!zipf) {
            long[] keys = new long[count];
            for (int at = 0; at < count; at++) keys[at] = at;
            for (int at = count - 1; at >= 1; at--) {
                int other = (int) Long.remainderUnsigned(mix(at), at + 1L);
                long swapped = keys[at];
                keys[at] = keys[other];
                keys[other] = swapped;
            }
            return keys;
        }
        long[] keys = new long[4_000_000];
        double exponent = 1.0 - 0.99;
        double whole = (Math.pow(count + 1.0, exponent) - 1.0) / exponent;
        for (int at = 0; at < keys.length; at++) {
            double part = (double) (mix(at) >>> 11) / (double) (1L << 53) * whole;
            long rank = (long) Math.pow(part * exponent + 1.0, 1.0 / exponent) - 1;
            keys[at] = Long.remainderUnsigned(mix(Math.min(rank, count - 1L) ^ 0x5eed), count);
        }
        return keys;
    }

    // ---- a task's surroundings, as far as a state backend looks at them

    static <T> T stand(Class<T> type, Map<String, Object> answers) {
        InvocationHandler handler = (self, method, arguments) -> {
            if (answers.containsKey(method.getName())) return answers.get(method.getName());
            switch (method.getName()) {
                case "toString": return type.getSimpleName();
                case "hashCode": return System.identityHashCode(self);
                case "equals": return self == arguments[0];
                default: throw new UnsupportedOperationException(type.getSimpleName() + "." + method.getName());
            }
        };
        return type.cast(Proxy.newProxyInstance(StateBench.class.getClassLoader(), new Class<?>[] {type}, handler));
    }

    static CheckpointableKeyedStateBackend<Long> open(String kind, long slotBytes, File folder) throws Exception {
        Configuration configuration = new Configuration();
        configuration.setString("state.backend.type", kind);
        JobID job = new JobID();
        Map<String, Object> manager = new HashMap<>();
        manager.put("getConfiguration", configuration);
        manager.put("getTmpDirectories", new String[] {folder.getAbsolutePath()});
        manager.put("getTmpWorkingDirectory", folder);
        manager.put("shouldExitJvmOnOutOfMemoryError", true);
        manager.put("getTaskManagerExternalAddress", "localhost");
        manager.put("getTaskManagerBindAddress", "localhost");
        Map<String, Object> states = new HashMap<>();
        states.put("createLocalRecoveryConfig", LocalRecoveryConfig.BACKUP_AND_RECOVERY_DISABLED);
        Map<String, Object> task = new HashMap<>();
        task.put("getJobID", job);
        task.put("getExecutionConfig", new ExecutionConfig());
        task.put("getTaskManagerInfo", stand(TaskManagerRuntimeInfo.class, manager));
        task.put("getTaskStateManager", stand(TaskStateManager.class, states));
        task.put("getMemoryManager", MemoryManager.create(slotBytes, 32 << 10));
        task.put("getIOManager", new IOManagerAsync(folder.getAbsolutePath()));
        task.put("getSharedResources", new SharedResources());
        task.put("getUserCodeClassLoader", SimpleUserCodeClassLoader.create(StateBench.class.getClassLoader()));
        task.put("getTaskConfiguration", configuration);
        task.put("getJobConfiguration", configuration);
        task.put("getTaskKvStateRegistry", null);
        Environment environment = stand(Environment.class, task);
        return StateBackendLoader.loadStateBackendFromConfig(
                        configuration, StateBench.class.getClassLoader(), LoggerFactory.getLogger(StateBench.class))
                .createKeyedStateBackend(new KeyedStateBackendParametersImpl<>(
                        environment, job, "bench", LongSerializer.INSTANCE, 128, KeyGroupRange.of(0, 127), null,
                        TtlTimeProvider.DEFAULT, new UnregisteredMetricsGroup(), (name, value) -> {},
                        Collections.emptyList(), new CloseableRegistry(), 1.0));
    }

    @SuppressWarnings("unchecked")
    static <S extends State> S state(StateDescriptor<S, ?> descriptor) throws Exception {
        return (S) backend.getPartitionedState(VoidNamespace.INSTANCE, VoidNamespaceSerializer.INSTANCE, descriptor);
    }

    static CheckpointableKeyedStateBackend<Long> backend;
    static Object seen;

    interface Call {
        void run(long call) throws Exception;
    }

    // ---- operations: as `operations` and `beyond` of benches/state_backends.rs have them

    static Call operation(String op, int count, long[] keys) throws Exception {
        if (options.containsKey("times")) {
            ValueState<byte[]> state =
                    state(new ValueStateDescriptor<>("value", BytePrimitiveArraySerializer.INSTANCE));
            byte[] value = new byte[100];
            Arrays.fill(value, (byte) 7);
            for (long key = 0; key < count; key++) {
                long mixed = key * 0x9e3779b97f4a7c15L;
                for (int at = 0; at < 8; at++) value[at] = (byte) (mixed >>> (8 * at));
                backend.setCurrentKey(key);
                state.update(value);
            }
            byte[] other = new byte[100];
            Arrays.fill(other, (byte) 9);
            switch (op) {
                case "valueGet": return call -> { at(keys, call); seen = state.value(); };
                case "valueUpdate": return call -> { at(keys, call); state.update(other); };
                case "valueRmw": return call -> {
                    at(keys, call);
                    byte[] old = state.value();
                    old[9] ^= 1;
                    state.update(old);
                };
                default: throw new IllegalArgumentException(op);
            }
        }
        if (op.startsWith("value")) {
            ValueState<Long> state = state(new ValueStateDescriptor<>("value", LongSerializer.INSTANCE));
            for (long key = 0; key < count; key++) {
                backend.setCurrentKey(key);
                state.update(key);
            }
            switch (op) {
                case "valueUpdate": return call -> { at(keys, call); state.update(call * 7); };
                case "valueAdd": return call -> { backend.setCurrentKey(count + call); state.update(call * 7); };
                case "valueGet": return call -> { at(keys, call); seen = state.value(); };
                case "valueRmw": return call -> {
                    at(keys, call);
                    Long old = state.value();
                    state.update((old == null ? 0 : old) + 1);
                };
                default: throw new IllegalArgumentException(op);
            }
        }
        if (op.startsWith("list")) {
            ListState<Long> state = state(new ListStateDescriptor<>("list", LongSerializer.INSTANCE));
            for (long key = 0; key < count; key++) {
                backend.setCurrentKey(key);
                state.add(key);
            }
            List<Long> many = new ArrayList<>();
            for (long element = 0; element < 10; element++) many.add(element);
            switch (op) {
                case "listUpdate": return call -> { at(keys, call); state.update(Collections.singletonList(call * 7)); };
                case "listAdd": return call -> { backend.setCurrentKey(count + call); state.add(call * 7); };
                case "listAppend": return call -> { at(keys, call); state.add(call * 7); };
                case "listGet": return call -> { at(keys, call); seen = state.get(); };
                case "listGetAndIterate": return call -> {
                    at(keys, call);
                    for (Long element : state.get()) seen = element;
                };
                case "listAddAll": return call -> { at(keys, call); state.addAll(many); };
                default: throw new IllegalArgumentException(op);
            }
        }
        MapState<Long, Double> state =
                state(new MapStateDescriptor<>("map", LongSerializer.INSTANCE, DoubleSerializer.INSTANCE));
        for (long key = 0; key < count; key++) {
            backend.setCurrentKey(key);
            for (long entry = 0; entry < MAP_ENTRIES; entry++) state.put(entry, (double) key);
        }
        switch (op) {
            case "mapUpdate": return call -> { at(keys, call); state.put(call % MAP_ENTRIES, (double) call); };
            case "mapAdd": return call -> {
                backend.setCurrentKey(count + call);
                state.put(call % MAP_ENTRIES, (double) call);
            };
            case "mapGet": return call -> { at(keys, call); seen = state.get(call % MAP_ENTRIES); };
            case "mapContains": return call -> { at(keys, call); seen = state.contains((call % MAP_ENTRIES) << 1); };
            case "mapIterator": return call -> {
                at(keys, call);
                for (Map.Entry<Long, Double> entry : state.entries()) seen = entry.getValue();
            };
            case "mapRemove": return call -> { at(keys, call); state.remove(call % MAP_ENTRIES); };
            default: throw new IllegalArgumentException(op);
        }
    }

    static void at(long[] keys, long call) {
        backend.setCurrentKey(keys[(int) (call % keys.length)]);
    }

    static double median(double[] figures) {
        Arrays.sort(figures);
        return figures[figures.length / 2];
    }

    public static void main(String[] words) throws Exception {
        for (int at = 0; at < words.length; at++) {
            boolean valued = at + 1 < words.length && !words[at + 1].startsWith("--");
            options.put(words[at].substring(2), valued ? words[++at] : "");
        }
        String kind = options.getOrDefault("backend", "rocksdb"), op = options.get("op");
        long slotBytes = number("slot-mib", 512) << 20;
        int count = options.containsKey("times")
                ? (int) (slotBytes * number("times", 1) / BYTES_A_ROW)
                : (int) number("keys", 500_000);
        long unit = op.equals("mapIterator") ? MAP_ENTRIES : 1;
        long calls = number("calls", 100_000) / unit, rounds = number("rounds", 5);
        if (op.startsWith("list")) calls = Math.min(calls, count);
        long warm = number("warm", 0);
        File folder = new File(options.getOrDefault("folder", "."));
        backend = open(kind, slotBytes, folder);
        long[] keys = keys(count, options.containsKey("zipf"));
        Call call = operation(op, count, keys);
        if (kind.equals("rocksdb")) Thread.sleep(3_000);
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        com.sun.management.OperatingSystemMXBean process =
                (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        // a job that runs for hours: what is not of fresh keys has been used, and all is compiled
        if (!op.endsWith("Add")) {
            for (long at = 0; at < warm; at++) call.run(at);
        }
        double[] thread = new double[(int) rounds], all = new double[(int) rounds];
        for (int round = 0; round <= rounds; round++) {
            long before = threads.getCurrentThreadCpuTime(), allBefore = process.getProcessCpuTime();
            for (long at = round * calls; at < (round + 1) * calls; at++) call.run(at);
            double per = calls * unit;
            if (round > 0) {
                thread[round - 1] = (threads.getCurrentThreadCpuTime() - before) / per;
                all[round - 1] = (process.getProcessCpuTime() - allBefore) / per;
            }
        }
        System.out.printf(java.util.Locale.ROOT,
                "{\"system\":\"flink-%s\",\"operation\":\"%s\",\"thread_ns\":%.1f,\"process_ns\":%.1f}%n",
                kind, op, median(thread), median(all));
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
