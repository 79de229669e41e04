// A keyed state backend of Flink as a task has it, without a cluster: the state backend that the configuration names,
// in a slot with so many bytes of managed memory, all else by default.

import java.io.File;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.State;
import org.apache.flink.api.common.state.StateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.CloseableRegistry;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.runtime.checkpoint.CheckpointOptions;
import org.apache.flink.runtime.execution.Environment;
import org.apache.flink.runtime.io.disk.iomanager.IOManager;
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
import org.apache.flink.runtime.state.memory.MemCheckpointStreamFactory;
import org.apache.flink.runtime.state.ttl.TtlTimeProvider;
import org.apache.flink.runtime.taskmanager.TaskManagerRuntimeInfo;
import org.apache.flink.util.SimpleUserCodeClassLoader;
import org.slf4j.LoggerFactory;

final class TaskBackend implements AutoCloseable {
    private static final int KEY_GROUPS = 128;
    private static final int PAGE_BYTES = 32 << 10;

    final CheckpointableKeyedStateBackend<Long> keyed;
    private final boolean inMemory;
    private final CloseableRegistry closed = new CloseableRegistry();
    private final IOManager files;

    /** {@code kind} is a value of {@code state.backend.type}. */
    TaskBackend(String kind, long slotBytes, File folder) throws Exception {
        inMemory = kind.equals("hashmap");
        files = new IOManagerAsync(folder.getAbsolutePath());
        Configuration configuration = new Configuration();
        configuration.setString("state.backend.type", kind);
        configuration.setString("execution.checkpointing.incremental", "true");
        JobID job = new JobID();
        Environment task = task(job, configuration, slotBytes, folder);
        ClassLoader classes = TaskBackend.class.getClassLoader();
        keyed = StateBackendLoader.loadStateBackendFromConfig(
                        configuration, classes, LoggerFactory.getLogger(TaskBackend.class))
                .createKeyedStateBackend(new KeyedStateBackendParametersImpl<>(
                        task,
                        job,
                        "bench",
                        LongSerializer.INSTANCE,
                        KEY_GROUPS,
                        KeyGroupRange.of(0, KEY_GROUPS - 1),
                        null,
                        TtlTimeProvider.DEFAULT,
                        new UnregisteredMetricsGroup(),
                        (name, value) -> {},
                        Collections.emptyList(),
                        closed,
                        1.0));
    }

    /** The surroundings of a task, as far as a state backend looks at them. */
    private Environment task(JobID job, Configuration configuration, long slotBytes, File folder) {
        Map<String, Object> process = new HashMap<>();
        process.put("getConfiguration", configuration);
        process.put("getTmpDirectories", new String[] {folder.getAbsolutePath()});
        process.put("getTmpWorkingDirectory", folder);
        process.put("shouldExitJvmOnOutOfMemoryError", true);
        process.put("getTaskManagerExternalAddress", "localhost");
        process.put("getTaskManagerBindAddress", "localhost");
        Map<String, Object> states = new HashMap<>();
        states.put("createLocalRecoveryConfig", LocalRecoveryConfig.BACKUP_AND_RECOVERY_DISABLED);
        Map<String, Object> task = new HashMap<>();
        task.put("getJobID", job);
        task.put("getExecutionConfig", new ExecutionConfig());
        task.put("getTaskManagerInfo", answering(TaskManagerRuntimeInfo.class, process));
        task.put("getTaskStateManager", answering(TaskStateManager.class, states));
        task.put("getMemoryManager", MemoryManager.create(slotBytes, PAGE_BYTES));
        task.put("getIOManager", files);
        task.put("getSharedResources", new SharedResources());
        task.put("getUserCodeClassLoader", SimpleUserCodeClassLoader.create(TaskBackend.class.getClassLoader()));
        task.put("getTaskConfiguration", configuration);
        task.put("getJobConfiguration", configuration);
        task.put("getTaskKvStateRegistry", null);
        return answering(Environment.class, task);
    }

    /** Something of a type that has these answers, by the names of its methods, and no others. */
    private static <T> T answering(Class<T> type, Map<String, Object> answers) {
        InvocationHandler answer = (self, method, arguments) -> {
            if (answers.containsKey(method.getName())) {
                return answers.get(method.getName());
            }
            switch (method.getName()) {
                case "toString":
                    return type.getSimpleName();
                case "hashCode":
                    return System.identityHashCode(self);
                case "equals":
                    return self == arguments[0];
                default:
                    throw new UnsupportedOperationException(type.getSimpleName() + "." + method.getName());
            }
        };
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, answer));
    }

    @SuppressWarnings("unchecked")
    <S extends State> S state(StateDescriptor<S, ?> descriptor) throws Exception {
        return (S) keyed.getPartitionedState(VoidNamespace.INSTANCE, VoidNamespaceSerializer.INSTANCE, descriptor);
    }

    /** Begins with empty memtables, as ours does: they are written for a snapshot, which is then given up. */
    void settle() throws Exception {
        if (inMemory) {
            return;
        }
        keyed.snapshot(
                        1,
                        System.currentTimeMillis(),
                        new MemCheckpointStreamFactory(1 << 20),
                        CheckpointOptions.forCheckpointWithDefaultLocation())
                .cancel(true);
        ((CheckpointListener) keyed).notifyCheckpointAborted(1);
        Thread.sleep(3_000);
    }

    @Override
    public void close() throws Exception {
        keyed.dispose();
        closed.close();
        files.close();
    }
}
