//! What the control group grants, cgroups(7): CPU time, memory, tasks.
//!
//! `/proc/self/cgroup` says where in each hierarchy the process is, `/proc/self/mountinfo` where the
//! hierarchies can be read. In a container the mount may begin below the hierarchy's root (its "root" field),
//! and then that much of the path is not there. A limit binds the whole subtree, so the tightest on the way
//! up is the one that counts.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn cpu_quota() -> Option<f64> {
    let (cgroup, mountinfo) = of_this_process()?;
    tightest(&cgroup, &mountinfo, |path| fs::read_to_string(path).ok())
}

/// The least `memory.max` (v2) or `memory.limit_in_bytes` (v1) of the process's group and those above it, in bytes.
pub(crate) fn memory_limit() -> Option<u64> {
    let (cgroup, mountinfo) = of_this_process()?;
    least_memory(&cgroup, &mountinfo, |path| fs::read_to_string(path).ok())
}

/// Whether the process's group, or one above it, has as many tasks as `pids.max` lets it have. Of cgroup v2 alone.
pub(crate) fn tasks_are_full() -> bool {
    let Some((cgroup, mountinfo)) = of_this_process() else { return false };
    full(&cgroup, &mountinfo, |path| fs::read_to_string(path).ok())
}

/// Where it is in each hierarchy, and where those are.
fn of_this_process() -> Option<(String, String)> {
    fs::read_to_string("/proc/self/cgroup").ok().zip(fs::read_to_string("/proc/self/mountinfo").ok())
}

fn full(cgroup: &str, mountinfo: &str, read: impl Fn(&Path) -> Option<String>) -> bool {
    let number = |path: PathBuf| read(&path)?.trim().parse::<u64>().ok();
    groups(cgroup, mountinfo, "pids").any(|(version, group)| {
        let (now, max) = (number(group.join("pids.current")), number(group.join("pids.max")));
        version == Version::V2 && now.zip(max).is_some_and(|(now, max)| now >= max)
    })
}

/// A hierarchy of groups.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Version {
    V1,
    V2,
}

/// The arguments are the two files of `/proc/self`, and how to read a file.
fn tightest(cgroup: &str, mountinfo: &str, read: impl Fn(&Path) -> Option<String>) -> Option<f64> {
    let quotas =
        groups(cgroup, mountinfo, "cpu").filter_map(|(version, group)| quota_of(version, &group, &read));
    quotas.min_by(f64::total_cmp)
}

/// The same. "max" in v2, and in v1 a number larger than any machine's memory, mean no limit.
fn least_memory(cgroup: &str, mountinfo: &str, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let limits = groups(cgroup, mountinfo, "memory").filter_map(|(version, group)| {
        let name = if version == Version::V2 { "memory.max" } else { "memory.limit_in_bytes" };
        read(&group.join(name))?.trim().parse().ok()
    });
    limits.min()
}

/// The process's group and those above it, of each hierarchy in which `controller` may limit them.
fn groups<'a>(
    cgroup: &'a str,
    mountinfo: &'a str,
    controller: &'a str,
) -> impl Iterator<Item = (Version, PathBuf)> + 'a {
    cgroup.lines().filter_map(move |line| membership(line, controller)).flat_map(move |(version, path)| {
        let place = mountinfo.lines().find_map(|line| place_in_mount(line, (version, controller), path));
        place.into_iter().flat_map(ancestors).map(move |group| (version, group))
    })
}

/// A line of `/proc/self/cgroup`: `0::/path` for v2, `4:cpu,cpuacct:/path` for v1.
fn membership<'a>(line: &'a str, controller: &str) -> Option<(Version, &'a str)> {
    let mut fields = line.splitn(3, ':');
    let (hierarchy, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    if hierarchy == "0" && controllers.is_empty() {
        return Some((Version::V2, path));
    }
    controllers.split(',').any(|one| one == controller).then_some((Version::V1, path))
}

/// A line of `/proc/self/mountinfo`, if it mounts that hierarchy: the mount point, and the directories below
/// it that lead to the group at `path`. proc_pid_mountinfo(5):
/// `36 35 98:0 /root /mount/point rw,noatime master:1 - cgroup2 cgroup2 rw,cpu`.
fn place_in_mount(
    line: &str,
    (version, controller): (Version, &str),
    path: &str,
) -> Option<(PathBuf, PathBuf)> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let (root, mount_point) = (mount.next()?, mount.next()?);
    let mut filesystem = filesystem.split(' ');
    let (kind, options) = (filesystem.next()?, filesystem.nth(1)?);
    let is_it = match version {
        Version::V2 => kind == "cgroup2",
        Version::V1 => kind == "cgroup" && options.split(',').any(|option| option == controller),
    };
    let below = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
    // Moved out of the part that is mounted (its path then begins "/.."), it can read at least the mount's
    // own limit.
    let below = if below.starts_with("..") { Path::new("") } else { below };
    is_it.then(|| (mount_point.into(), below.into()))
}

/// The group and all above it, up to the mount point.
fn ancestors((mount_point, below): (PathBuf, PathBuf)) -> impl Iterator<Item = PathBuf> {
    let groups: Vec<_> = below.ancestors().map(|group| mount_point.join(group)).collect();
    groups.into_iter()
}

fn quota_of(version: Version, group: &Path, read: impl Fn(&Path) -> Option<String>) -> Option<f64> {
    let (quota, period) = match version {
        Version::V2 => {
            let text = read(&group.join("cpu.max"))?;
            let (quota, period) = text.trim().split_once(' ')?;
            (quota.to_owned(), period.to_owned())
        }
        Version::V1 => (read(&group.join("cpu.cfs_quota_us"))?, read(&group.join("cpu.cfs_period_us"))?),
    };
    // "max" in v2 and -1 in v1 mean no quota.
    let (quota, period): (u64, u64) = (quota.trim().parse().ok()?, period.trim().parse().ok()?);
    (period > 0).then(|| quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1: &str = "30 25 0:26 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n\
                      33 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct\n";

    fn quota(cgroup: &str, mountinfo: &str, files: &[(&str, &str)]) -> Option<f64> {
        tightest(cgroup, mountinfo, |path| {
            files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn v2_reads_its_own_group() {
        let files = [("/sys/fs/cgroup/a/b/cpu.max", "150000 100000\n")];
        assert_eq!(quota("0::/a/b\n", V2, &files), Some(1.5));
    }

    #[test]
    fn v2_takes_the_tightest_on_the_way_up() {
        let files = [
            ("/sys/fs/cgroup/a/b/c/cpu.max", "400000 100000\n"),
            ("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
            ("/sys/fs/cgroup/a/cpu.max", "50000 100000\n"),
        ];
        assert_eq!(quota("0::/a/b/c\n", V2, &files), Some(0.5));
    }

    #[test]
    fn no_quota_is_none() {
        assert_eq!(quota("0::/a\n", V2, &[("/sys/fs/cgroup/a/cpu.max", "max 100000\n")]), None);
        let v1 = [
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n"),
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"),
        ];
        assert_eq!(quota("3:cpu,cpuacct:/a\n", V1, &v1), None);
        assert_eq!(quota("0::/a\n", V2, &[]), None);
        assert_eq!(quota("", "", &[]), None);
    }

    #[test]
    fn v1_finds_the_cpu_hierarchy_among_others() {
        let files = [
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "25000\n"),
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"),
        ];
        assert_eq!(quota("2:memory:/a\n3:cpu,cpuacct:/a\n0::/a\n", V1, &files), Some(0.25));
    }

    #[test]
    fn a_container_sees_its_group_as_the_root_of_the_mount() {
        let mountinfo = "31 24 0:27 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let files = [("/sys/fs/cgroup/cpu.max", "200000 100000\n")];
        assert_eq!(quota("0::/docker/abc\n", mountinfo, &files), Some(2.0));
        assert_eq!(quota("0::/../elsewhere\n", V2, &files), Some(2.0));
    }

    #[test]
    fn a_group_is_full_when_it_or_one_above_it_is() {
        let full = |current: &'static str, max: &'static str| {
            full("0::/a/b\n", V2, move |path| match path.to_str()? {
                "/sys/fs/cgroup/a/pids.current" => Some(current.to_owned()),
                "/sys/fs/cgroup/a/pids.max" => Some(max.to_owned()),
                "/sys/fs/cgroup/a/b/pids.current" => Some("1\n".to_owned()),
                "/sys/fs/cgroup/a/b/pids.max" => Some("max\n".to_owned()),
                _ => None,
            })
        };
        assert!(full("100\n", "100\n"));
        assert!(!full("99\n", "100\n"));
        assert!(!full("99\n", "max\n"));
    }

    fn memory(cgroup: &str, mountinfo: &str, files: &[(&str, &str)]) -> Option<u64> {
        least_memory(cgroup, mountinfo, |path| {
            files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn the_least_limit_of_memory_on_the_way_up_counts() {
        let files = [
            ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/memory.max", "536870912\n"),
            ("/sys/fs/cgroup/memory.max", "1073741824\n"),
        ];
        assert_eq!(memory("0::/a/b\n", V2, &files), Some(512 << 20));
        assert_eq!(memory("0::/a/b\n", V2, &files[..1]), None);
        let v1 = [("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "268435456\n")];
        assert_eq!(memory("9:memory:/a\n3:cpu,cpuacct:/b\n", V1, &v1), Some(256 << 20));
        assert_eq!(memory("3:cpu,cpuacct:/a\n", V1, &v1), None);
    }

    #[test]
    fn nonsense_is_no_quota() {
        for text in ["", "max", "1 0", "-5 100000", "x y", "100000"] {
            assert_eq!(quota("0::/a\n", V2, &[("/sys/fs/cgroup/a/cpu.max", text)]), None, "{text:?}");
        }
    }
}
