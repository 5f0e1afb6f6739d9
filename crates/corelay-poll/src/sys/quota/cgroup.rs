//! The CPU quota of the control group, cgroups(7).
//!
//! `/proc/self/cgroup` says where in each hierarchy the process is, `/proc/self/mountinfo` where the
//! hierarchies can be read. In a container the mount may begin below the hierarchy's root (its "root" field),
//! and then that much of the path is not there. A quota binds the whole subtree, so the tightest on the way
//! up is the one that counts.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn cpu_quota() -> Option<f64> {
    let cgroup = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mountinfo = fs::read_to_string("/proc/self/mountinfo").ok()?;
    tightest(&cgroup, &mountinfo, |path| fs::read_to_string(path).ok())
}

/// Whether the process's group, or one above it, has as many tasks as `pids.max` lets it have. Of cgroup v2 alone.
pub(crate) fn tasks_are_full() -> bool {
    let (Ok(cgroup), Ok(mountinfo)) =
        (fs::read_to_string("/proc/self/cgroup"), fs::read_to_string("/proc/self/mountinfo"))
    else {
        return false;
    };
    full(&cgroup, &mountinfo, |path| fs::read_to_string(path).ok())
}

fn full(cgroup: &str, mountinfo: &str, read: impl Fn(&Path) -> Option<String>) -> bool {
    let number = |path: PathBuf| read(&path)?.trim().parse::<u64>().ok();
    let group = cgroup.lines().filter_map(membership).find(|(version, _)| *version == Version::V2);
    let Some((version, path)) = group else { return false };
    let place = mountinfo.lines().find_map(|line| place_in_mount(line, version, path));
    place.into_iter().flat_map(ancestors).any(|group| {
        let (now, max) = (number(group.join("pids.current")), number(group.join("pids.max")));
        now.zip(max).is_some_and(|(now, max)| now >= max)
    })
}

/// A hierarchy that may limit CPU time.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Version {
    V1,
    V2,
}

/// The arguments are the two files of `/proc/self`, and how to read a file.
fn tightest(cgroup: &str, mountinfo: &str, read: impl Fn(&Path) -> Option<String>) -> Option<f64> {
    let quotas = cgroup.lines().filter_map(membership).flat_map(|(version, path)| {
        let place = mountinfo.lines().find_map(|line| place_in_mount(line, version, path));
        place
            .into_iter()
            .flat_map(ancestors)
            .filter_map(|group| quota_of(version, &group, &read))
            .collect::<Vec<_>>()
    });
    quotas.min_by(f64::total_cmp)
}

/// A line of `/proc/self/cgroup`: `0::/path` for v2, `4:cpu,cpuacct:/path` for v1.
fn membership(line: &str) -> Option<(Version, &str)> {
    let mut fields = line.splitn(3, ':');
    let (hierarchy, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    if hierarchy == "0" && controllers.is_empty() {
        return Some((Version::V2, path));
    }
    controllers.split(',').any(|controller| controller == "cpu").then_some((Version::V1, path))
}

/// A line of `/proc/self/mountinfo`, if it mounts that hierarchy: the mount point, and the directories below
/// it that lead to the group at `path`. proc_pid_mountinfo(5):
/// `36 35 98:0 /root /mount/point rw,noatime master:1 - cgroup2 cgroup2 rw,cpu`.
fn place_in_mount(line: &str, version: Version, path: &str) -> Option<(PathBuf, PathBuf)> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let (root, mount_point) = (mount.next()?, mount.next()?);
    let mut filesystem = filesystem.split(' ');
    let (kind, options) = (filesystem.next()?, filesystem.nth(1)?);
    let is_it = match version {
        Version::V2 => kind == "cgroup2",
        Version::V1 => kind == "cgroup" && options.split(',').any(|option| option == "cpu"),
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

    #[test]
    fn nonsense_is_no_quota() {
        for text in ["", "max", "1 0", "-5 100000", "x y", "100000"] {
            assert_eq!(quota("0::/a\n", V2, &[("/sys/fs/cgroup/a/cpu.max", text)]), None, "{text:?}");
        }
    }
}
