//! Where the workspace of a package begins, and whose a source file is.
//!
//! Runs on: threads that audit. Must not: run cargo.

use std::path::{Component, Path, PathBuf};

use super::read_if_there;

/// The directory whose `Cargo.toml` has a `[workspace]` that the package belongs to: one above it, or its own. `None` when
/// there is none.
pub fn workspace_root(package: &Path) -> Option<PathBuf> {
    let table = |directory: &Path| -> Option<toml::Table> {
        read_if_there(&directory.join("Cargo.toml")).ok()??.parse().ok()
    };
    // `package.workspace` names the root where it is not above.
    let named = table(package).and_then(|table| {
        let named = table.get("package")?.get("workspace")?.as_str()?;
        Some(plain(&package.join(named)))
    });
    named.or_else(|| {
        let is_root = |path: &&Path| table(path).is_some_and(|table| table.contains_key("workspace"));
        package.ancestors().find(is_root).map(Path::to_owned)
    })
}

/// Tells whether a source file belongs to a package.
#[derive(Clone, Debug)]
pub(crate) struct PackagePlace {
    directory: PathBuf,
    root: Option<PathBuf>,
}

impl PackagePlace {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: plain(directory), root: workspace_root(directory) }
    }

    /// Whether the compiler read this path in the package; `None` when it cannot be told. Cargo calls the compiler in the
    /// root of the workspace for its members, and with absolute paths for all others.
    pub(crate) fn holds(&self, file: &str) -> Option<bool> {
        let file = Path::new(file);
        // On Windows the sources of std have a root and no drive.
        if file.has_root() {
            return Some(self.is_nearest(&plain(file)));
        }
        let mut there =
            [self.root.as_ref(), Some(&self.directory)].into_iter().flatten().map(|root| root.join(file));
        there.find(|path| path.exists()).map(|path| self.is_nearest(&plain(&path)))
    }

    /// The path as the compiler spells it in a panic's location: relative to the root of the workspace, if it is below.
    /// Symbols have whole paths, which differ from machine to machine.
    pub(crate) fn shorten(&self, file: &mut String) {
        let root = self.root.as_ref().unwrap_or(&self.directory);
        if let Some(inside) = Path::new(&*file).strip_prefix(root).ok().and_then(Path::to_str) {
            *file = inside.to_owned();
        }
    }

    /// Whether no other package lies between the file and the directory.
    fn is_nearest(&self, file: &Path) -> bool {
        let mut above = file.ancestors().skip(1).take_while(|above| above.starts_with(&self.directory));
        let nearest = above.find(|above| *above == self.directory || above.join("Cargo.toml").exists());
        nearest.is_some_and(|nearest| nearest == self.directory)
    }
}

/// The path without `.` and `..`, as far as names alone tell.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::super::tests::put;
    use super::*;
    use crate::files::testing::Dir;

    #[test]
    fn the_root_of_a_workspace_is_found_above_and_by_name() {
        let dir = Dir::new("audit-root");
        put(dir.join("Cargo.toml"), "[workspace]\nmembers = [\"a\"]\n");
        put(dir.join("a/Cargo.toml"), "[package]\nname = \"a\"\n");
        put(dir.join("b/Cargo.toml"), "[package]\nname = \"b\"\nworkspace = \"../other\"\n");
        put(dir.join("c/Cargo.toml"), "this is no toml");
        assert_eq!(workspace_root(&dir.join("a")), Some(dir.to_path_buf()));
        assert_eq!(workspace_root(&dir), Some(dir.to_path_buf()));
        assert_eq!(workspace_root(&dir.join("b")), Some(dir.join("other")));
        assert_eq!(workspace_root(&dir.join("c")), Some(dir.to_path_buf()));
    }

    #[test]
    fn a_file_belongs_to_the_nearest_package() {
        let dir = Dir::new("audit-package");
        put(dir.join("Cargo.toml"), "[workspace]\n[package]\nname = \"root\"\n");
        put(dir.join("src/lib.rs"), "");
        put(dir.join("member/Cargo.toml"), "[package]\nname = \"member\"\n");
        put(dir.join("member/src/lib.rs"), "");
        put(dir.join("member/tests/it/main.rs"), "");
        let (root, member) = (PackagePlace::new(&dir), PackagePlace::new(&dir.join("member")));
        let inside = |path: &str| (root.holds(path), member.holds(path));
        assert_eq!(inside("src/lib.rs"), (Some(true), Some(false)));
        assert_eq!(inside("member/src/lib.rs"), (Some(false), Some(true)));
        assert_eq!(inside("member/src/../tests/it/main.rs"), (Some(false), Some(true)));
        let absolute = dir.join("member/src/lib.rs");
        assert_eq!(inside(absolute.to_str().unwrap()), (Some(false), Some(true)));
        assert_eq!(inside("/rustc/0123/library/core/src/option.rs"), (Some(false), Some(false)));
        let dependency = "/home/u/.cargo/registry/src/index/dep-1.0.0/src/lib.rs";
        assert_eq!(inside(dependency), (Some(false), Some(false)));
        assert_eq!(inside("src/no_such_file.rs"), (None, None));
        let short = |file: &str| {
            let mut file = file.to_owned();
            member.shorten(&mut file);
            file
        };
        assert_eq!(short(absolute.to_str().unwrap()), "member/src/lib.rs");
        assert_eq!(short("src/lib.rs"), "src/lib.rs");
        assert_eq!(short("/rustc/0/library/core/src/option.rs"), "/rustc/0/library/core/src/option.rs");
        assert_eq!(inside(""), (Some(false), Some(false)));
    }
}
