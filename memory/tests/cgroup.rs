//! Control groups read from trees of files as kernels write them, and from this machine.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

use std::path::{Path, PathBuf};
use std::{fs, process};

use plimsoll_memory::cgroup::{Cgroup, CgroupError, CpuQuota, Hierarchy, Limit, Reader, check_fits};

/// A tree of files with `/proc` and `/sys`.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn own(&self) -> Result<Cgroup, CgroupError> {
        Reader::new(self.0.path()).own()
    }
}

const V2_MOUNT: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

#[expect(clippy::unnecessary_wraps, reason = "it is compared with limits that may be absent")]
fn limit(bytes: u64, file: &str) -> Option<Limit> {
    Some(Limit { bytes, file: file.to_owned() })
}

fn v2() -> Tree {
    let group = "sys/fs/cgroup/pods/task";
    Tree::new(&[
        ("proc/self/cgroup", "0::/pods/task\n"),
        ("proc/self/mountinfo", V2_MOUNT),
        ("proc/pressure/memory", "some avg10=9.00 avg60=9.00 avg300=9.00 total=9\n"),
        (&format!("{group}/memory.max"), "2147483648\n"),
        (&format!("{group}/memory.high"), "max\n"),
        (&format!("{group}/memory.current"), "104857600\n"),
        (&format!("{group}/memory.peak"), "209715200\n"),
        (&format!("{group}/memory.events"), "low 0\nhigh 4\nmax 17\noom 1\noom_kill 1\noom_group_kill 0\n"),
        (
            &format!("{group}/memory.pressure"),
            "some avg10=1.25 avg60=0.50 avg300=0.10 total=12345\nfull avg10=0.25 avg60=0.00 avg300=0.00 total=678\n",
        ),
        (
            &format!("{group}/memory.stat"),
            "anon 1000\nfile 2000\nkernel 900\nkernel_stack 160\npagetables 240\nsec_pagetables 0\nsock 7\nshmem 500\n\
             file_mapped 1\nfile_dirty 20\nslab_reclaimable 1\nslab 300\n",
        ),
        (&format!("{group}/cpu.max"), "250000 100000\n"),
    ])
}

#[test]
fn version_2() {
    let group = v2().own().unwrap();
    assert_eq!(group.hierarchy, Hierarchy::V2);
    assert_eq!(group.directory, "/sys/fs/cgroup/pods/task");
    assert_eq!(group.limit, limit(2 << 30, "/sys/fs/cgroup/pods/task/memory.max"));
    assert_eq!(group.high, None);
    assert_eq!((group.current_bytes, group.peak_bytes), (Some(100 << 20), Some(200 << 20)));
    let events = group.events;
    assert_eq!((events.low, events.high, events.max), (Some(0), Some(4), Some(17)));
    assert_eq!((events.oom, events.oom_kill), (Some(1), Some(1)));
    let pressure = group.pressure.clone().unwrap();
    assert_eq!(pressure.file, "/sys/fs/cgroup/pods/task/memory.pressure", "the group's, not the machine's");
    assert_eq!((pressure.some.avg10_percent, pressure.full.unwrap().total_micros), (1.25, 678));
    let split = group.split.unwrap();
    assert_eq!(
        (split.anon_bytes, split.file_bytes, split.shmem_bytes, split.dirty_bytes),
        (1000, 2000, 500, 20)
    );
    let kernel = (split.kernel_bytes, split.kernel_stack_bytes, split.page_tables_bytes);
    assert_eq!(kernel, (Some(900), Some(160), Some(240)));
    assert_eq!((split.slab_bytes, split.sock_bytes), (Some(300), Some(7)));
    assert_eq!(group.cpu_quota(), Some(2500));
    let text = serde_json::to_string(&group).unwrap();
    assert_eq!(serde_json::from_str::<Cgroup>(&text).unwrap(), group, "it goes into reports and comes back");
}

#[test]
fn the_tightest_of_the_groups_above_counts() {
    let tree = v2();
    tree.write("sys/fs/cgroup/pods/memory.max", "1073741824\n");
    tree.write("sys/fs/cgroup/pods/memory.high", "900000000\n");
    tree.write("sys/fs/cgroup/pods/cpu.max", "50000 100000\n");
    let group = tree.own().unwrap();
    assert_eq!(group.limit, limit(1 << 30, "/sys/fs/cgroup/pods/memory.max"));
    assert_eq!(group.high, limit(900_000_000, "/sys/fs/cgroup/pods/memory.high"));
    let file = "/sys/fs/cgroup/pods/cpu.max".to_owned();
    assert_eq!(group.cpu, Some(CpuQuota { milli_cores: 500, file }));
    tree.write("sys/fs/cgroup/pods/memory.max", "4294967296\n");
    assert_eq!(tree.own().unwrap().limit.unwrap().bytes, 2 << 30, "a wider one above does not");
}

#[test]
fn missing_files_are_missing_numbers() {
    let tree = Tree::new(&[
        ("proc/self/cgroup", "0::/\n"),
        ("proc/self/mountinfo", V2_MOUNT),
        ("sys/fs/cgroup/memory.current", "5\n"),
    ]);
    let group = tree.own().unwrap();
    assert_eq!(group.hierarchy, Hierarchy::V2);
    assert_eq!((group.limit, group.high, group.current_bytes, group.peak_bytes), (None, None, Some(5), None));
    assert_eq!((group.split, group.pressure, group.cpu), (None, None, None));
}

#[test]
fn no_group_is_no_error() {
    for (memberships, mountinfo) in
        [("", ""), ("0::/a\n", ""), ("0::/a\n", V2_MOUNT), ("weird\n", "weird - \n - x\n")]
    {
        let tree = Tree::new(&[("proc/self/cgroup", memberships), ("proc/self/mountinfo", mountinfo)]);
        let group = tree.own().unwrap();
        assert_eq!(
            (group.hierarchy, &group.limit),
            (Hierarchy::Absent, &None),
            "{memberships:?} {mountinfo:?}"
        );
        check_fits(u64::MAX, "x", &group).unwrap();
    }
}

#[test]
fn no_proc_is_an_error() {
    let tree = Tree::new(&[]);
    assert_eq!(
        tree.own().unwrap_err().to_string(),
        "/proc/self/cgroup cannot be read: there is no such file"
    );
    let error = Reader::new(tree.0.path()).of(77).unwrap_err();
    assert_eq!(error.to_string(), "/proc/77/cgroup cannot be read: there is no such file");
}

#[test]
fn a_group_without_the_controller_is_governed_from_above() {
    let tree = v2();
    tree.write("proc/self/cgroup", "0::/pods/task/inner\n");
    fs::create_dir_all(tree.0.path().join("sys/fs/cgroup/pods/task/inner")).unwrap();
    let group = tree.own().unwrap();
    assert_eq!(group.directory, "/sys/fs/cgroup/pods/task");
    assert_eq!(group.cpu_quota(), Some(2500));
    assert_eq!(group.limit.unwrap().bytes, 2 << 30);
}

const V1_MOUNTS: &str = "\
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
";

fn v1(memberships: &str) -> Tree {
    let group = "sys/fs/cgroup/memory/docker/abc";
    Tree::new(&[
        ("proc/self/cgroup", memberships),
        ("proc/self/mountinfo", V1_MOUNTS),
        ("proc/pressure/memory", "some avg10=9.00 avg60=9.00 avg300=9.00 total=9\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n"),
        ("sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "9223372036854710272\n"),
        (&format!("{group}/memory.limit_in_bytes"), "536870912\n"),
        (&format!("{group}/memory.soft_limit_in_bytes"), "268435456\n"),
        (&format!("{group}/memory.usage_in_bytes"), "1000000\n"),
        (&format!("{group}/memory.max_usage_in_bytes"), "2000000\n"),
        (&format!("{group}/memory.failcnt"), "3\n"),
        (&format!("{group}/memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
        (&format!("{group}/memory.use_hierarchy"), "1\n"),
        (&format!("{group}/memory.kmem.usage_in_bytes"), "4096\n"),
        (
            &format!("{group}/memory.stat"),
            "cache 1\nrss 2\nhierarchical_memory_limit 536870912\ntotal_cache 700\ntotal_rss 300\ntotal_shmem 50\n\
             total_dirty 5\n",
        ),
        ("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "150000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
    ])
}

const IN_DOCKER: &str = "5:memory:/docker/abc\n4:cpuacct,cpu:/docker/abc\n0::/\n";

#[test]
fn version_1() {
    let group = v1(IN_DOCKER).own().unwrap();
    assert_eq!(group.hierarchy, Hierarchy::V1);
    assert_eq!(group.limit, limit(512 << 20, "/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes"));
    assert_eq!(group.high, limit(256 << 20, "/sys/fs/cgroup/memory/docker/abc/memory.soft_limit_in_bytes"));
    assert_eq!((group.current_bytes, group.peak_bytes), (Some(1_000_000), Some(2_000_000)));
    assert_eq!((group.events.max, group.events.oom_kill, group.events.oom), (Some(3), Some(2), None));
    let split = group.split.unwrap();
    assert_eq!((split.anon_bytes, split.file_bytes, split.shmem_bytes, split.dirty_bytes), (300, 700, 50, 5));
    assert_eq!((split.kernel_bytes, split.slab_bytes), (Some(4096), None));
    assert_eq!(group.cpu_quota(), Some(1500));
    assert_eq!(group.pressure.unwrap().file, "/proc/pressure/memory", "version 1 has the machine's only");
}

/// A container of version 1 sees the paths of its host, and its own group at the top of the mount.
#[test]
fn a_path_that_is_not_below_the_mount_is_the_mounts_top() {
    let tree = v1("5:memory:/kubepods/pod1/x\n4:cpuacct,cpu:/kubepods/pod1/x\n");
    tree.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "300000000\n");
    tree.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n");
    let group = tree.own().unwrap();
    assert_eq!(group.directory, "/sys/fs/cgroup/memory");
    assert_eq!(group.limit, limit(300_000_000, "/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    assert_eq!(group.cpu_quota(), Some(500));
    let mounts = V1_MOUNTS.replace(" / /sys/fs/cgroup/memory ", " /kubepods/pod1 /sys/fs/cgroup/memory ");
    tree.write("proc/self/mountinfo", mounts);
    assert_eq!(
        tree.own().unwrap().directory,
        "/sys/fs/cgroup/memory",
        "nor is one whose directory is hidden"
    );
}

/// The one number of version 1 that knows of groups above the mount.
#[test]
fn a_limit_above_the_mount() {
    let tree = v1(IN_DOCKER);
    tree.write("sys/fs/cgroup/memory/docker/abc/memory.stat", "hierarchical_memory_limit 100000000\n");
    let file = "/sys/fs/cgroup/memory/docker/abc/memory.stat (hierarchical_memory_limit)";
    assert_eq!(tree.own().unwrap().limit, limit(100_000_000, file));
}

#[test]
fn without_hierarchy_a_group_above_does_not_bind() {
    let tree = v1(IN_DOCKER);
    tree.write("sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "1000\n");
    assert_eq!(tree.own().unwrap().limit.unwrap().bytes, 1000);
    tree.write("sys/fs/cgroup/memory/docker/memory.use_hierarchy", "0\n");
    assert_eq!(tree.own().unwrap().limit.unwrap().bytes, 512 << 20);
}

/// As on machines that mount version 2 beside version 1: the memory controller is in one of them only.
#[test]
fn hybrid() {
    let tree = v1(IN_DOCKER);
    let mounts = format!("{V1_MOUNTS}41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    tree.write("proc/self/mountinfo", mounts);
    tree.write("sys/fs/cgroup/unified/memory.pressure", "some avg10=0.50 avg60=0.00 avg300=0.00 total=1\n");
    let group = tree.own().unwrap();
    assert_eq!(group.hierarchy, Hierarchy::V1);
    assert_eq!(group.cpu_quota(), Some(1500));
    assert_eq!(group.limit.unwrap().bytes, 512 << 20);
    assert_eq!(group.pressure.unwrap().file, "/sys/fs/cgroup/unified/memory.pressure");
}

#[test]
fn weird_content_is_named() {
    let group = "sys/fs/cgroup/pods/task";
    let cases: [(&str, &[u8], &str); 7] = [
        ("memory.max", b"lots\n", "says \"lots\", expected a number of bytes or \"max\""),
        ("memory.max", b"", "says \"\", expected a number of bytes or \"max\""),
        ("memory.current", b"-5\n", "says \"-5\", expected a number of bytes"),
        ("memory.peak", b"\xff\xfe\n", "says \"\u{fffd}\u{fffd}\", expected a number of bytes"),
        ("memory.events", b"max many\n", "says \"max many\", expected a name and a number"),
        ("memory.stat", b"anon\n", "says \"anon\", expected a name and a number"),
        ("cpu.max", b"1 0\n", "says \"1 0\", expected a quota in microseconds or \"max\", and a period"),
    ];
    for (file, content, text) in cases {
        let tree = v2();
        tree.write(&format!("{group}/{file}"), content);
        assert_eq!(tree.own().unwrap_err().to_string(), format!("/{group}/{file} {text}"));
    }
    let tree = v2();
    let path = tree.0.path().join(group).join("memory.max");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = tree.own().unwrap_err().to_string();
    assert!(error.starts_with(&format!("/{group}/memory.max cannot be read: ")), "{error}");
}

/// Any bytes in any file are an answer or an error.
#[test]
fn no_content_makes_it_panic() {
    use proptest::prelude::*;
    let piece = prop_oneof![
        any::<Vec<u8>>(),
        "(0|1|9|-|max|some|avg10=| |\n|anon|18446744073709551616|::|/|cgroup2|memory|\\.\\.| - ){0,12}"
            .prop_map(String::into_bytes),
    ];
    let files =
        ["memory.max", "memory.events", "memory.stat", "memory.pressure", "cpu.max", "memory.current"];
    let mut paths: Vec<String> = files.iter().map(|file| format!("sys/fs/cgroup/pods/task/{file}")).collect();
    paths.extend(["proc/self/cgroup".to_owned(), "proc/self/mountinfo".to_owned()]);
    let tree = v2();
    proptest!(ProptestConfig::with_cases(300), |(at in 0..paths.len(), content in piece)| {
        let path = &paths[at];
        let before = fs::read(tree.0.path().join(path)).unwrap();
        tree.write(path, &content);
        let _ = tree.own();
        tree.write(path, before);
    });
}

#[test]
fn what_fits_and_what_does_not() {
    let group = v2().own().unwrap();
    check_fits(2 << 30, "x", &group).unwrap();
    let source = "taskmanager.memory.process.size (conf/flink-conf.yaml:12)";
    let misfit = check_fits((2 << 30) + (512 << 20), source, &group).unwrap_err();
    assert_eq!(
        misfit.to_string(),
        "the process does not fit into its control group, so it is not started:\n  \
         the process may take  2.500gb (2684354560 bytes) by taskmanager.memory.process.size (conf/flink-conf.yaml:12)\n  \
         the kernel allows     2.000gb (2147483648 bytes) by /sys/fs/cgroup/pods/task/memory.max\n\
         The kernel would kill it (exit status 137) 536870912 bytes before its own pools refuse.\n\
         Either raise the group's limit to 2684354560 bytes or more, or lower the process size to 2147483648 bytes or less."
    );
    assert_eq!((misfit.process_bytes, misfit.limit.bytes), (2_684_354_560, 2 << 30));
}

/// A group that is removed again.
struct Made(PathBuf);

impl Drop for Made {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

fn make_below(parent: &str, name: &str) -> Option<Made> {
    let directory = Path::new(parent).join(format!("plimsoll-{name}-{}", process::id()));
    match fs::create_dir(&directory) {
        Ok(()) => Some(Made(directory)),
        Err(why) => {
            println!("skipped: no group can be made here: {}: {why}", directory.display());
            None
        }
    }
}

/// The kernel's own files, with limits that this test set. The child sits in a group below a tighter one.
#[test]
fn a_real_group() {
    let own = Cgroup::own().unwrap();
    println!("{own:#?}");
    if own.hierarchy != Hierarchy::V1 {
        println!("skipped: groups are made here in version 1 only, this machine has {:?}", own.hierarchy);
        return;
    }
    let Some(outer) = make_below(&own.directory, "outer") else { return };
    let Some(inner) = make_below(outer.0.to_str().unwrap(), "inner") else { return };
    if let Err(why) = fs::write(outer.0.join("memory.limit_in_bytes"), "67108864") {
        println!("skipped: no limit can be set here: {why}");
        return;
    }
    fs::write(inner.0.join("memory.limit_in_bytes"), "134217728").unwrap();
    fs::write(inner.0.join("memory.soft_limit_in_bytes"), "33554432").unwrap();
    let mut sleeper = process::Command::new("sh")
        .args([
            "-c",
            &format!(r#"echo $$ > "{}"/cgroup.procs && echo in && exec sleep 60"#, inner.0.display()),
        ])
        .stdout(process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(sleeper.stdout.take().unwrap()), &mut line)
        .unwrap();
    assert_eq!(line, "in\n");
    let group = Cgroup::of(sleeper.id());
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    let group = group.unwrap();
    let file = |made: &Made, name: &str| made.0.join(name).display().to_string();
    assert_eq!(group.directory, inner.0.display().to_string());
    assert_eq!(
        group.limit,
        limit(64 << 20, &file(&outer, "memory.limit_in_bytes")),
        "the outer one is tighter"
    );
    assert_eq!(group.high, limit(32 << 20, &file(&inner, "memory.soft_limit_in_bytes")));
    assert!(group.current_bytes.unwrap() > 0 && group.peak_bytes.unwrap() >= group.current_bytes.unwrap());
    assert_eq!((group.events.oom_kill, group.events.max), (Some(0), Some(0)));
    check_fits(64 << 20, "x", &group).unwrap();
    let misfit = check_fits((64 << 20) + 1, "taskmanager.memory.process.size (-D)", &group).unwrap_err();
    assert_eq!(misfit.limit.bytes, 64 << 20);
}
