//! How often the kernel has killed processes of our control group because memory ran out.
//!
//! Source: Linux `Documentation/admin-guide/cgroup-v2.rst` ("memory.events"), `cgroup-v1/memory.rst`
//! ("memory.oom_control").

use std::path::{Path, PathBuf};

/// The count so far; 0 where no control group counts.
pub(super) fn kills() -> u64 {
    let group = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    files(&group).iter().find_map(|file| count(&std::fs::read_to_string(file).ok()?)).unwrap_or(0)
}

/// Files that may have the count, for the lines of `/proc/self/cgroup`.
fn files(group: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in group.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (roots, name): (&[&str], _) = if controllers.is_empty() {
            (&["/sys/fs/cgroup", "/sys/fs/cgroup/unified"], "memory.events")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (&["/sys/fs/cgroup/memory"], "memory.oom_control")
        } else {
            continue;
        };
        for root in roots {
            files.push(Path::new(root).join(path.trim_start_matches('/')).join(name));
            // A container sees its own group as the root, but may be told its path on the host.
            files.push(Path::new(root).join(name));
        }
    }
    files
}

fn count(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_control_groups_are_read() {
        assert_eq!(count("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n"), Some(2));
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n"), Some(7));
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\n"), None);
        let second = files("0::/app.slice/server\n");
        assert_eq!(second[0], Path::new("/sys/fs/cgroup/app.slice/server/memory.events"));
        let first = files("5:cpu,cpuacct:/\n4:memory:/docker/af16\n1:name=systemd:/\n");
        assert_eq!(first[0], Path::new("/sys/fs/cgroup/memory/docker/af16/memory.oom_control"));
        assert_eq!(first.len(), 2);
        assert!(files("no such thing").is_empty());
    }
}
