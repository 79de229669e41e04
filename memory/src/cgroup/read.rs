//! The edge that opens files: everything below one root directory, `/` but for tests.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::error::CgroupError;
use super::{Cgroup, CpuQuota, Events, Hierarchy, Limit, Pressure, locate, parse};

/// No file of the kernel that is read here is longer; what is longer is none of the kernel's.
const FILE_MAX_BYTES: u64 = 4 << 20;

/// Reads control groups below a root directory.
#[derive(Debug, Clone)]
pub struct Reader {
    root: PathBuf,
}

/// A group's directory and those above it, up to the mount point.
struct Directories {
    own: PathBuf,
    top: PathBuf,
}

impl Directories {
    fn upwards(&self) -> impl Iterator<Item = &Path> {
        self.own.ancestors().take_while(|directory| directory.starts_with(&self.top))
    }
}

type Parse<T> = fn(&str, &str) -> Result<T, CgroupError>;

impl Reader {
    /// A reader of the tree whose `/proc` and `/sys` stand below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The group of this process.
    ///
    /// # Errors
    /// [`CgroupError`] where `/proc` cannot be read or a file has content that no kernel writes.
    pub fn own(&self) -> Result<Cgroup, CgroupError> {
        self.read("self")
    }

    /// The group of another process.
    ///
    /// # Errors
    /// As [`Reader::own`].
    pub fn of(&self, pid: u32) -> Result<Cgroup, CgroupError> {
        self.read(&pid.to_string())
    }

    fn read(&self, process: &str) -> Result<Cgroup, CgroupError> {
        let memberships = self.must(&self.root.join("proc").join(process).join("cgroup"))?;
        // Our own mounts, also for another process: it is our files that are opened.
        let mountinfo = self.must(&self.root.join("proc/self/mountinfo"))?;
        let v1 = |controller| self.directories(locate::place_v1(&memberships, &mountinfo, controller));
        let v2 = self.directories(locate::place_v2(&memberships, &mountinfo));
        let mut group = if let Some(directories) = v1("memory") {
            self.memory_v1(&directories)?
        } else if let Some(directories) = &v2 {
            self.memory_v2(directories)?
        } else {
            self.group(Hierarchy::Absent, None)
        };
        group.pressure = self.pressure(v2.as_ref())?;
        group.cpu = match v1("cpu") {
            Some(directories) => self.cpu_v1(&directories)?,
            None => v2.as_ref().map_or(Ok(None), |directories| self.cpu_v2(directories))?,
        };
        Ok(group)
    }

    /// The directory of a place, or the mount's top where that directory is not to be seen.
    fn directories(&self, place: Option<locate::Place<'_>>) -> Option<Directories> {
        let place = place?;
        let top = self.root.join(locate::unescape(place.point).trim_start_matches('/'));
        let own = if place.below.is_empty() { top.clone() } else { top.join(place.below) };
        let own = if own.is_dir() { own } else { top.clone() };
        Some(Directories { own, top })
    }

    fn group(&self, hierarchy: Hierarchy, directory: Option<&Path>) -> Cgroup {
        Cgroup {
            hierarchy,
            directory: directory.map_or_else(String::new, |directory| self.name(directory)),
            limit: None,
            high: None,
            current_bytes: None,
            peak_bytes: None,
            events: Events::default(),
            pressure: None,
            split: None,
            cpu: None,
        }
    }

    fn memory_v2(&self, directories: &Directories) -> Result<Cgroup, CgroupError> {
        let own = directories.own.as_path();
        if !own.join("memory.current").exists() {
            // The root group, or one to which the memory controller was not given; one above may have it.
            let governed = directories.upwards().find(|d| d.join("memory.current").exists());
            return match governed {
                Some(above) => {
                    self.memory_v2(&Directories { own: above.to_owned(), top: directories.top.clone() })
                }
                None => Ok(self.group(Hierarchy::Absent, None)),
            };
        }
        let mut group = self.group(Hierarchy::V2, Some(own));
        group.limit = self.tightest(directories.upwards(), "memory.max", parse::limit_v2)?;
        group.high = self.tightest(directories.upwards(), "memory.high", parse::limit_v2)?;
        group.current_bytes = self.one(&own.join("memory.current"), parse::bytes)?;
        group.peak_bytes = self.one(&own.join("memory.peak"), parse::bytes)?;
        group.events = self.one(&own.join("memory.events"), parse::events_v2)?.unwrap_or_default();
        group.split = self.one(&own.join("memory.stat"), parse::split_v2)?;
        Ok(group)
    }

    fn memory_v1(&self, directories: &Directories) -> Result<Cgroup, CgroupError> {
        let own = directories.own.as_path();
        let mut group = self.group(Hierarchy::V1, Some(own));
        // Without use_hierarchy (kernels before 5.11 only) a group's limit does not bind those below it.
        let flat = |directory: &&Path| {
            *directory != own
                && self
                    .text(&directory.join("memory.use_hierarchy"))
                    .is_ok_and(|t| t.as_deref() == Some("0\n"))
        };
        let mut binding: Vec<&Path> = Vec::new();
        binding.extend(directories.upwards().take_while(|directory| !flat(directory)));
        let binding = || binding.iter().copied();
        group.limit = self.tightest(binding(), "memory.limit_in_bytes", parse::limit_v1)?;
        group.high = self.tightest(binding(), "memory.soft_limit_in_bytes", parse::limit_v1)?;
        group.current_bytes = self.one(&own.join("memory.usage_in_bytes"), parse::bytes)?;
        group.peak_bytes = self.one(&own.join("memory.max_usage_in_bytes"), parse::bytes)?;
        group.events.max = self.one(&own.join("memory.failcnt"), parse::bytes)?;
        let oom_control = self.one(&own.join("memory.oom_control"), |f, t| parse::named(f, t, "oom_kill"))?;
        group.events.oom_kill = oom_control.flatten();
        let stat = own.join("memory.stat");
        if let Some(text) = self.text(&stat)? {
            let kmem = self.one(&own.join("memory.kmem.usage_in_bytes"), parse::bytes)?;
            let name = self.name(&stat);
            group.split = Some(parse::split_v1(&name, &text, kmem)?);
            // Knows of groups above the mount, which no other file shows.
            let above = parse::named(&name, &text, "hierarchical_memory_limit")?;
            let above = above.map(|bytes| parse::limit_v1(&name, &bytes.to_string())).transpose()?.flatten();
            if let Some(bytes) = above.filter(|above| group.limit.as_ref().is_none_or(|l| *above < l.bytes)) {
                group.limit = Some(Limit { bytes, file: format!("{name} (hierarchical_memory_limit)") });
            }
        }
        Ok(group)
    }

    fn pressure(&self, v2: Option<&Directories>) -> Result<Option<Pressure>, CgroupError> {
        let of_group = v2.map(|directories| directories.own.join("memory.pressure"));
        let of_machine = self.root.join("proc/pressure/memory");
        for file in of_group.into_iter().chain([of_machine]) {
            // A kernel without the feature, or with it switched off, has no file or refuses to read it.
            let Ok(Some(text)) = self.text(&file) else { continue };
            let name = self.name(&file);
            if let Some(some) = parse::averages(&name, &text, "some")? {
                let full = parse::averages(&name, &text, "full")?;
                return Ok(Some(Pressure { some, full, file: name }));
            }
        }
        Ok(None)
    }

    fn cpu_v2(&self, directories: &Directories) -> Result<Option<CpuQuota>, CgroupError> {
        let tightest = self.tightest(directories.upwards(), "cpu.max", parse::cpu_max)?;
        Ok(tightest.map(|limit| CpuQuota { milli_cores: limit.bytes, file: limit.file }))
    }

    fn cpu_v1(&self, directories: &Directories) -> Result<Option<CpuQuota>, CgroupError> {
        let mut tightest: Option<CpuQuota> = None;
        for directory in directories.upwards() {
            let file = directory.join("cpu.cfs_quota_us");
            let (Some(quota), Some(period)) =
                (self.text(&file)?, self.text(&directory.join("cpu.cfs_period_us"))?)
            else {
                continue;
            };
            let file = self.name(&file);
            let Some(milli_cores) = parse::cfs_quota(&file, &quota, &period)? else { continue };
            if tightest.as_ref().is_none_or(|tightest| milli_cores < tightest.milli_cores) {
                tightest = Some(CpuQuota { milli_cores, file });
            }
        }
        Ok(tightest)
    }

    /// The smallest number that a file of this name says in any of the directories; the first of equals.
    fn tightest<'a>(
        &self,
        directories: impl Iterator<Item = &'a Path>,
        file: &str,
        parse: Parse<Option<u64>>,
    ) -> Result<Option<Limit>, CgroupError> {
        let mut tightest: Option<Limit> = None;
        for directory in directories {
            let file = directory.join(file);
            let Some(bytes) = self.one(&file, parse)?.flatten() else { continue };
            if tightest.as_ref().is_none_or(|tightest| bytes < tightest.bytes) {
                tightest = Some(Limit { bytes, file: self.name(&file) });
            }
        }
        Ok(tightest)
    }

    /// The number in a file; `None` where there is no such file.
    fn one<T>(&self, file: &Path, parse: Parse<T>) -> Result<Option<T>, CgroupError> {
        self.text(file)?.map(|text| parse(&self.name(file), &text)).transpose()
    }

    /// A file that must be there.
    fn must(&self, file: &Path) -> Result<String, CgroupError> {
        self.text(file)?.ok_or_else(|| self.unreadable(file, "there is no such file"))
    }

    /// A file's text; `None` where there is no such file. Bytes that are no UTF-8 are kept visible and fail to parse.
    fn text(&self, file: &Path) -> Result<Option<String>, CgroupError> {
        let mut bytes = Vec::new();
        let read = fs::File::open(file).and_then(|f| f.take(FILE_MAX_BYTES).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            // a process that ended between opening and reading is ESRCH, and falls to the error below
            Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => Ok(None),
            Err(error) => Err(self.unreadable(file, &error.to_string())),
        }
    }

    fn unreadable(&self, file: &Path, why: &str) -> CgroupError {
        CgroupError::Unreadable { file: self.name(file), why: why.to_owned() }
    }

    /// A file's name as it is seen from the root.
    fn name(&self, file: &Path) -> String {
        match file.strip_prefix(&self.root) {
            Ok(below) => format!("/{}", below.display()),
            Err(_) => file.display().to_string(),
        }
    }
}
