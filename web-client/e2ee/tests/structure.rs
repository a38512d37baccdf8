//! The modules of this crate depend on each other in one direction: each top-level module is
//! understood and changed without the ones above it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type Dependencies = BTreeMap<String, BTreeSet<String>>;

/// Returns the source text of a top-level module: its file, or all files of its folder.
fn source_of(path: &Path) -> String {
    if path.is_file() {
        return std::fs::read_to_string(path).expect("a source file is readable");
    }
    let entries = std::fs::read_dir(path).expect("a module's folder is readable");
    entries.map(|entry| source_of(&entry.expect("an entry is readable").path())).collect()
}

/// Returns the top-level modules that a source text names as `crate::module`, outside of comments.
///
/// # Panics
/// If a path does not name a module, as in `crate::Suite` or `crate::{…}`: the test could not tell
/// what it depends on.
fn modules_named_in(source: &str) -> BTreeSet<String> {
    let code = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    let paths = code.flat_map(|line| line.split("crate::").skip(1).map(str::to_owned));
    let module = |path: String| {
        let end = path.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(path.len());
        assert!(end > 0, "write crate::module::Item, not crate::{path}");
        path[..end].to_owned()
    };
    paths.map(module).collect()
}

/// Returns for each top-level module of `src/` the others that it uses.
fn dependencies() -> Dependencies {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = std::fs::read_dir(src).expect("the source folder is readable");
    let mut dependencies = Dependencies::new();
    for path in entries.map(|entry| entry.expect("an entry is readable").path()) {
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        if name != "lib" {
            let mut used = modules_named_in(&source_of(&path));
            used.remove(&name);
            dependencies.insert(name, used);
        }
    }
    dependencies
}

/// Returns the modules that are left when those that use none of the others are taken away again
/// and again: each of them is part of a cycle or uses one.
fn in_cycles(mut dependencies: Dependencies) -> Dependencies {
    loop {
        let left: BTreeSet<_> = dependencies.keys().cloned().collect();
        dependencies.retain(|_, used| !used.is_disjoint(&left));
        if dependencies.len() == left.len() {
            return dependencies;
        }
    }
}

#[test]
fn no_two_modules_depend_on_each_other() {
    let found = dependencies();
    assert!(found["endpoint"].contains("committer"), "the test reads the source: {found:?}");
    let cycles = in_cycles(found);
    assert!(cycles.is_empty(), "modules in a cycle, and what they use: {cycles:?}");
}

#[test]
fn a_cycle_is_found_through_any_number_of_modules() {
    let uses = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let chain: Dependencies = [
        ("a".to_owned(), uses(&["b"])),
        ("b".to_owned(), uses(&["c"])),
        ("c".to_owned(), uses(&[])),
    ]
    .into();
    assert!(in_cycles(chain.clone()).is_empty());
    let mut cycle = chain;
    cycle.insert("c".to_owned(), uses(&["a"]));
    assert_eq!(in_cycles(cycle).len(), 3);
}
