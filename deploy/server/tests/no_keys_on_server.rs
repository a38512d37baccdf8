//! Enforces that the server never holds keys: no server crate may depend, directly or indirectly, on
//! the end-to-end encryption or an MLS library.

use std::collections::{BTreeSet, HashMap};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, PackageId};

const SERVER_CRATES: [&str; 7] = [
    "orange-meets",
    "signaling",
    "signaling-protocol",
    "mls-delivery",
    "mls-delivery-storage",
    "sfu",
    "sfu-core",
];
const KEY_HOLDERS: [&str; 4] = ["e2ee", "e2ee-wasm", "openmls", "sframe"];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .other_options(["--locked".to_owned()])
        .exec()
        .expect("cargo metadata of this workspace")
}

/// Returns the names of all packages that `package` depends on, directly or indirectly, by normal and
/// build dependencies.
fn dependencies(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    let names: HashMap<&PackageId, &str> =
        metadata.packages.iter().map(|one| (&one.id, one.name.as_str())).collect();
    let nodes: HashMap<_, _> = metadata
        .resolve
        .as_ref()
        .expect("a resolved graph")
        .nodes
        .iter()
        .map(|node| (&node.id, node))
        .collect();
    let start = metadata
        .packages
        .iter()
        .find(|one| one.name.as_str() == package)
        .unwrap_or_else(|| panic!("no package {package}"));
    let mut open = vec![&start.id];
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        open.extend(
            nodes[id]
                .deps
                .iter()
                .filter(|dep| {
                    dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
                })
                .map(|dep| &dep.pkg),
        );
    }
    seen.into_iter().map(|id| names[id].to_owned()).collect()
}

fn key_holders(dependencies: &BTreeSet<String>) -> Vec<&String> {
    dependencies
        .iter()
        .filter(|name| KEY_HOLDERS.contains(&name.as_str()) || name.starts_with("openmls_"))
        .collect()
}

#[test]
fn no_server_crate_depends_on_the_end_to_end_encryption_or_an_mls_library() {
    let metadata = metadata();
    for package in SERVER_CRATES {
        let dependencies = dependencies(&metadata, package);
        let holders = key_holders(&dependencies);
        assert!(holders.is_empty(), "{package} depends on {holders:?}: servers never hold keys");
    }
}

#[test]
fn the_check_finds_openmls_in_a_onethat_depends_on_it() {
    let dependencies = dependencies(&metadata(), "orange-bench");
    assert!(key_holders(&dependencies).iter().any(|name| *name == "openmls"), "{dependencies:?}");
}

#[test]
fn the_server_binary_does_not_contain_the_labels_of_key_derivation() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_orange-meets")).expect("the built server");
    let contains = |label: &str| binary.windows(label.len()).any(|bytes| bytes == label.as_bytes());
    assert!(contains("orange_"), "the search works");
    // Release builds embed the web client, which contains the labels.
    if cfg!(debug_assertions) {
        assert!(!contains("SFrame 1.0"), "RFC 9605 section 4.4.2");
        assert!(!contains("MLS 1.0 "), "RFC 9420 section 5.1.2");
    }
}
