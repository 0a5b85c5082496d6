//! Whether only the user of this process (and root) can say what lies at a path.
//!
//! Runs on: the installing thread, and the writer thread when it opens a file again. Must not: follow a link that
//! another user may have made.
//!
//! The path is walked from the root, one component after the other. Whoever can write to a directory can put
//! something else in the place of any of its entries, unless the directory is sticky (`/tmp`): then only the owner
//! of an entry can. So every directory on the way must belong to root or to this user, and if everybody may write
//! to it, it must be sticky, and no link in it is followed. Root works in the directories of other users (a
//! container with a mounted one does), where no link is followed either. Groups are trusted: who gives a group the
//! right to write means it.

use std::io;
use std::path::{Path, PathBuf};

use super::strict;
pub(crate) use super::strict::{is_own, own_alone};

/// Where the agent opens files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileTrust {
    /// Only where no user other than this one and root can replace the file. The default.
    #[default]
    Strict,
    /// Anywhere, through any link.
    Any,
}

/// A path without links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) path: PathBuf,
    pub(crate) last: Last,
}

/// What is known of the last component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// Its directory is this user's or root's own: what is there is meant to be there. It is no link.
    Own,
    /// Everybody can make files beside it, so a file that is there already must be this user's own. It is no link.
    Shared,
    /// Nothing was checked: the path is the kernel's, or every place is trusted.
    Unchecked,
}

/// The path without links, when nobody else can replace what lies there. The last component need not exist.
///
/// # Errors
/// `PermissionDenied` with the reason when somebody else can; what the system says when a directory on the way
/// cannot be looked at.
pub(crate) fn resolve(path: &Path, trust: FileTrust) -> io::Result<Resolved> {
    if trust == FileTrust::Strict {
        return strict::resolve(path);
    }
    Ok(Resolved { path: path.to_owned(), last: Last::Unchecked })
}

/// The same for a directory, which must exist; `last` is what is known of a file in it.
///
/// # Errors
/// As for [`resolve`], and when it is no directory.
pub(crate) fn resolve_directory(path: &Path, trust: FileTrust) -> io::Result<Resolved> {
    if trust == FileTrust::Strict {
        return strict::resolve_directory(path);
    }
    Ok(Resolved { path: path.to_owned(), last: Last::Unchecked })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::files::strict::judge;
    use crate::files::testing::{Dir, skip};

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn refusal(path: &Path) -> String {
        let error = resolve(path, FileTrust::Strict).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
        error.to_string()
    }

    #[test]
    fn a_directory_of_our_own_is_good_and_its_links_are_followed() {
        let dir = Dir::new("own");
        std::fs::create_dir(dir.join("real")).unwrap();
        symlink("real", dir.join("link")).unwrap();
        symlink(dir.join("real/log"), dir.join("log")).unwrap();
        let real = Resolved { path: dir.join("real/log"), last: Last::Own };
        for path in ["real/log", "link/log", "real/../link/./log", "log"] {
            assert_eq!(resolve(&dir.join(path), FileTrust::Strict).unwrap(), real, "{path}");
        }
    }

    #[test]
    fn where_everybody_can_write_only_a_sticky_directory_is_good_and_no_link_is_followed() {
        let dir = Dir::new("all");
        let open = dir.join("open");
        std::fs::create_dir(&open).unwrap();
        mode(&open, 0o777);
        let said = refusal(&open.join("log"));
        assert!(said.contains("/open` is a directory to which everybody can write"), "{said}");
        assert!(said.contains("PANIC_AGENT_FILE_TRUST=any"), "{said}");
        assert!(resolve(&open.join("log"), FileTrust::Any).is_ok());
        mode(&open, 0o1777);
        assert_eq!(resolve(&open.join("log"), FileTrust::Strict).unwrap().last, Last::Shared);
        symlink(dir.join("elsewhere"), open.join("log")).unwrap();
        assert!(refusal(&open.join("log")).contains("is a link in a directory"));
        std::fs::create_dir(open.join("inner")).unwrap();
        assert_eq!(resolve(&open.join("inner/log"), FileTrust::Strict).unwrap().last, Last::Own);
    }

    #[test]
    fn a_directory_of_another_user_is_only_for_root() {
        let (root, me, other) = (0, 1000, 1001);
        assert_eq!(judge(me, 0o755, me), Ok(false));
        assert_eq!(judge(root, 0o755, me), Ok(false));
        assert!(judge(other, 0o755, me).unwrap_err().contains("belongs to user 1001"));
        assert_eq!(judge(other, 0o755, root), Ok(true));
        assert_eq!(judge(root, 0o1777, me), Ok(true));
        for (owner, user) in [(other, root), (root, me), (me, me)] {
            assert!(judge(owner, 0o777, user).unwrap_err().contains("everybody can write"));
        }
    }

    #[test]
    fn root_follows_no_link_of_another_user() {
        let dir = Dir::new("other");
        let theirs = dir.join("theirs");
        std::fs::create_dir(&theirs).unwrap();
        symlink("log", theirs.join("link")).unwrap();
        if std::os::unix::fs::chown(&theirs, Some(12_345), None).is_err() {
            return skip("only root can give a directory away");
        }
        assert_eq!(resolve(&theirs.join("log"), FileTrust::Strict).unwrap().last, Last::Shared);
        assert!(refusal(&theirs.join("link")).contains("is a link in a directory"));
    }

    #[test]
    fn links_in_a_circle_end_and_links_of_the_kernel_are_left_to_it() {
        let dir = Dir::new("loop");
        symlink("b", dir.join("a")).unwrap();
        symlink("a", dir.join("b")).unwrap();
        assert!(resolve(&dir.join("a"), FileTrust::Strict).is_err());
        if cfg!(target_os = "linux") {
            let stderr = resolve(Path::new("/dev/stderr"), FileTrust::Strict).unwrap();
            assert_eq!((stderr.path.as_path(), stderr.last), (Path::new("/proc/self/fd/2"), Last::Unchecked));
        }
        assert!(resolve(&dir, FileTrust::Strict).is_err(), "a directory is no file");
    }
}
