//! The structure of `src`: no cycle between its modules, few crate-visible fields, and one place for
//! the methods of `Worker`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Maximum number of crate-visible fields per 1,000 lines.
const FIELDS_PER_1000_LINES: usize = 5;

/// A source file: its path below `src`, and its text.
struct SourceFile {
    path: PathBuf,
    text: String,
}

impl SourceFile {
    /// Returns the module that the file belongs to: its folder, or its own name in the root.
    fn module(&self) -> String {
        let first = self.path.iter().next().expect("a relative path");
        first.to_string_lossy().trim_end_matches(".rs").to_owned()
    }
}

fn source_files() -> Vec<SourceFile> {
    fn read(root: &Path, folder: &Path, files: &mut Vec<SourceFile>) {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                read(root, &path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a readable file");
                let path = path.strip_prefix(root).expect("a path below the root").to_owned();
                files.push(SourceFile { path, text });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    read(&root, &root, &mut files);
    assert!(files.len() > 20, "the sources are not where this test looks for them");
    files
}

/// Returns the modules that a text names as `crate::module`, in `use` lines and elsewhere, without
/// comments.
fn named_modules(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let after_crate = code.split("crate::").skip(1);
    let mut modules = BTreeSet::new();
    for rest in after_crate {
        // A group names several modules: `crate::{ids::TrackId, limits}`.
        let group = rest.strip_prefix('{').and_then(|rest| rest.split_once("};"));
        let paths = group.map_or_else(|| vec![rest], |(group, _)| top_level_paths(group));
        modules.extend(paths.into_iter().map(first_segment));
    }
    modules
}

/// Splits a group at the commas that are in no inner group.
fn top_level_paths(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                paths.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    paths.push(&group[start..]);
    paths
}

fn first_segment(path: &str) -> String {
    path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Returns a cycle of modules, if there is one.
fn find_cycle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit(
        graph: &BTreeMap<String, BTreeSet<String>>,
        module: &String,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|other| other == module) {
            return Some(path[start..].to_vec());
        }
        if !done.contains(module) {
            path.push(module.clone());
            for next in &graph[module] {
                if let Some(cycle) = visit(graph, next, path, done) {
                    return Some(cycle);
                }
            }
            path.pop();
            done.insert(module.clone());
        }
        None
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|module| visit(graph, module, &mut Vec::new(), &mut done))
}

fn dependencies(files: &[SourceFile]) -> BTreeMap<String, BTreeSet<String>> {
    let files = files.iter().filter(|file| file.path != Path::new("lib.rs"));
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        graph.entry(file.module()).or_default().extend(named_modules(&file.text));
    }
    let modules: BTreeSet<String> = graph.keys().cloned().collect();
    for (module, named) in &mut graph {
        named.retain(|other| other != module && modules.contains(other));
    }
    graph
}

#[test]
fn modules_do_not_depend_on_each_other_in_a_cycle() {
    let graph = dependencies(&source_files());
    assert!(graph["worker"].len() > 5, "the dependencies are not found: {graph:?}");
    assert_eq!(find_cycle(&graph), None, "break the cycle; see the layout in lib.rs");
}

#[test]
fn a_cycle_is_found_through_groups_of_names() {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.to_owned() };
    let mut files = vec![
        file("room/mod.rs", "use crate::{\n    ids::{Key, Id},\n    rtp,\n};"),
        file("rtp/codec.rs", "// crate::room\nfn f() -> crate::ids::Key {}"),
        file("ids.rs", "pub(crate) struct Key;"),
    ];
    assert_eq!(find_cycle(&dependencies(&files)), None);
    files.push(file("rtp/mod.rs", "use crate::room::Room;"));
    let cycle = find_cycle(&dependencies(&files)).expect("a cycle");
    assert_eq!(BTreeSet::from_iter(cycle), BTreeSet::from(["room", "rtp"].map(str::to_owned)));
}

#[test]
fn few_fields_are_visible_outside_their_module() {
    let files = source_files();
    let lines: usize = files.iter().map(|file| file.text.lines().count()).sum();
    let is_field = |line: &&str| {
        let line = line.trim_start();
        let rest = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub(super) "));
        let name_end = |c: char| !c.is_alphanumeric() && c != '_';
        rest.and_then(|rest| rest[rest.find(name_end)?..].strip_prefix(": ")).is_some()
    };
    let fields: Vec<&str> =
        files.iter().flat_map(|file| file.text.lines().filter(is_field)).collect();
    assert!(
        fields.len() * 1_000 <= FIELDS_PER_1000_LINES * lines,
        "{} crate-visible fields in {lines} lines; add methods that keep the invariants: {fields:#?}",
        fields.len()
    );
}

#[test]
fn the_methods_of_the_worker_are_in_its_folder() {
    let files = source_files();
    let has_methods = |file: &&SourceFile| {
        file.text.lines().any(|line| line.starts_with("impl Worker") && !line.contains("Thread"))
    };
    let elsewhere: Vec<&Path> = files
        .iter()
        .filter(has_methods)
        .map(|file| file.path.as_path())
        .filter(|path| !path.starts_with("worker"))
        .collect();
    assert!(elsewhere.is_empty(), "move these into worker/: {elsewhere:?}");
}
