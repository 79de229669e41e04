//! Which group a process is in, and which directory shows it: pure text work on two files of `/proc`.
//!
//! Borrows and allocates nothing, because the allocator's own start-up uses it too.

/// One line of `/proc/PID/cgroup`: the group of a process in one hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership<'a> {
    /// Controllers with commas between; empty for version 2.
    pub controllers: &'a str,
    /// The group's path, as the reader's namespace shows it. It may begin with `/..` for a process outside of it.
    pub path: &'a str,
}

/// One mount of a control group hierarchy, from `/proc/self/mountinfo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mount<'a> {
    /// True for version 2.
    pub unified: bool,
    /// The directory of the hierarchy that is mounted: `/` or, in many containers, the container's own group.
    pub root: &'a str,
    /// Where it is mounted. Blanks are written as `\040`.
    pub point: &'a str,
    /// Options of the hierarchy, with commas between: version 1 has its controllers here.
    pub options: &'a str,
}

/// The lines of `/proc/PID/cgroup` that have the kernel's form; others are left out.
pub fn memberships(text: &str) -> impl Iterator<Item = Membership<'_>> {
    text.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let _number = parts.next()?;
        let controllers = parts.next()?;
        let path = parts.next().filter(|path| path.starts_with('/'))?;
        Some(Membership { controllers, path })
    })
}

/// The control group mounts among the lines of `mountinfo`; others are left out.
pub fn mounts(text: &str) -> impl Iterator<Item = Mount<'_>> {
    text.lines().filter_map(|line| {
        // Number, parent, device, root, mount point, options, optional fields, "-", type, source, options.
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(3);
        let (root, point) = (before.next()?, before.next()?);
        let mut after = after.split(' ');
        let kind = after.next()?;
        let _source = after.next()?;
        let options = after.next().unwrap_or("");
        let unified = match kind {
            "cgroup2" => true,
            "cgroup" => false,
            _ => return None,
        };
        Some(Mount { unified, root, point, options })
    })
}

fn has(list: &str, word: &str) -> bool {
    list.split(',').any(|part| part == word)
}

/// The path of a process in the version 1 hierarchy of a controller.
pub fn path_v1<'a>(memberships: &'a str, controller: &str) -> Option<&'a str> {
    self::memberships(memberships).find(|line| has(line.controllers, controller)).map(|line| line.path)
}

/// The path of a process in the version 2 hierarchy.
pub fn path_v2(memberships: &str) -> Option<&str> {
    self::memberships(memberships).find(|line| line.controllers.is_empty()).map(|line| line.path)
}

/// Where a group can be seen: a mount point, and the way from there to the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The mount point.
    pub point: &'a str,
    /// Below it, without a `/` in front; empty: the mount point itself.
    pub below: &'a str,
}

/// The rest of `path` below `root`, by whole names.
fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let root = root.trim_end_matches('/');
    let rest = path.strip_prefix(root)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/'))
}

/// The place of a group: of the mounts that show it the one with the longest root. Where none does, as in a container
/// whose paths are those of its host, the mount's top is all that there is.
pub fn place<'a>(mounts: impl Iterator<Item = Mount<'a>>, path: &'a str) -> Option<Place<'a>> {
    let mut best: Option<(usize, Place<'a>)> = None;
    let outside = path.split('/').any(|part| part == "..");
    for mount in mounts {
        let seen = if outside { None } else { below(path, mount.root) };
        let (rank, below) = seen.map_or((0, ""), |below| (1 + mount.root.len(), below));
        if best.is_none_or(|(best, _)| rank > best) {
            best = Some((rank, Place { point: mount.point, below }));
        }
    }
    best.map(|(_, place)| place)
}

/// Where a process's group of a version 1 controller can be seen; `None`: no such hierarchy.
pub fn place_v1<'a>(memberships: &'a str, mountinfo: &'a str, controller: &str) -> Option<Place<'a>> {
    let path = path_v1(memberships, controller)?;
    let of_controller = |mount: &Mount<'_>| !mount.unified && has(mount.options, controller);
    place(mounts(mountinfo).filter(of_controller), path)
}

/// Where a process's version 2 group can be seen; `None`: not mounted.
pub fn place_v2<'a>(memberships: &'a str, mountinfo: &'a str) -> Option<Place<'a>> {
    let path = path_v2(memberships)?;
    place(mounts(mountinfo).filter(|mount| mount.unified), path)
}

/// A mount point as it is: `mountinfo` writes blanks, tabs, line ends and backslashes as three octal digits.
pub fn unescape(point: &str) -> String {
    let mut text = String::with_capacity(point.len());
    let mut rest = point;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 4).filter(|d| d.bytes().all(|b| (b'0'..=b'7').contains(&b)));
        if let Some(byte) = digits.and_then(|d| u8::from_str_radix(d, 8).ok()).filter(u8::is_ascii) {
            text.push(char::from(byte));
            rest = &rest[at + 4..];
        } else {
            text.push('\\');
            rest = &rest[at + 1..];
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn a_containers_mount_hides_the_groups_above() {
        let own = "4:memory:/docker/abc\n";
        assert_eq!(
            place_v1(own, MOUNTS, "memory"),
            Some(Place { point: "/sys/fs/cgroup/memory", below: "" })
        );
        let nested = "4:memory:/docker/abc/job\n";
        assert_eq!(place_v1(nested, MOUNTS, "memory").unwrap().below, "job");
        let alike = "4:memory:/docker/abcd\n";
        assert_eq!(place_v1(alike, MOUNTS, "memory").unwrap().below, "", "another container's name");
    }

    #[test]
    fn a_group_outside_of_the_namespace_is_the_mounts_top() {
        let place = place_v2("0::/../other\n", MOUNTS).unwrap();
        assert_eq!(place, Place { point: "/sys/fs/cgroup/unified", below: "" });
    }

    #[test]
    fn controllers_are_whole_words() {
        let own = "2:cpuacct,cpu:/a:b\n3:cpuset:/c\nweird\n5:x:relative\n0::/u\n";
        assert_eq!(path_v1(own, "cpu"), Some("/a:b"), "a path may have a colon");
        assert_eq!(path_v1(own, "cpus"), None);
        assert_eq!(path_v2(own), Some("/u"));
        assert_eq!(
            place_v1(own, MOUNTS, "cpu").unwrap(),
            Place { point: "/sys/fs/cgroup/cpu,cpuacct", below: "a:b" }
        );
        assert_eq!(place_v1(own, MOUNTS, "cpuset"), None, "not mounted");
    }

    #[test]
    fn the_longest_root_wins() {
        let two = "1 1 0:1 / /all rw - cgroup2 c rw\n2 1 0:1 /a/b /part rw - cgroup2 c rw\n";
        assert_eq!(place_v2("0::/a/b/c", two).unwrap(), Place { point: "/part", below: "c" });
        assert_eq!(place_v2("0::/a", two).unwrap(), Place { point: "/all", below: "a" });
    }

    #[test]
    fn escapes_of_mount_points() {
        assert_eq!(unescape(r"/a\040b\134c"), r"/a b\c");
        assert_eq!(unescape(r"/a\9"), r"/a\9");
        assert_eq!(unescape(r"/é\"), r"/é\");
    }
}
