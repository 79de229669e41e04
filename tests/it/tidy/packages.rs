//! Rules about packages: how many, which, and why.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::{files, none, root};

/// Direct dependencies of all our packages together, those for tests included.
const DIRECT_MAX: usize = 35;

const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// The names in a manifest's dependency tables; our own packages are left out.
fn direct(manifest: &str) -> BTreeSet<String> {
    let manifest: Table = manifest.parse().unwrap();
    let tables = SECTIONS.iter().filter_map(|section| manifest.get(*section)?.as_table());
    tables
        .flat_map(Table::keys)
        .filter(|name| !name.starts_with("plimsoll") && *name != "memcalc")
        .cloned()
        .collect()
}

/// The dependencies that a package is always built with.
fn required(manifest: &str) -> BTreeSet<String> {
    let manifest: Table = manifest.parse().unwrap();
    let listed = manifest.get("dependencies").and_then(Value::as_table).cloned().unwrap_or_default();
    let optional = |value: &Value| value.get("optional").and_then(Value::as_bool) == Some(true);
    listed.into_iter().filter(|(_, value)| !optional(value)).map(|(name, _)| name).collect()
}

/// All packages that a package is built or tested with, itself included.
fn reachable(lock: &str, from: &str) -> BTreeSet<String> {
    let lock: Table = lock.parse().unwrap();
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap().to_owned();
        let listed = package.get("dependencies").and_then(Value::as_array).cloned().unwrap_or_default();
        // "name", or "name version" where there are several
        let names = listed.iter().filter_map(|d| d.as_str()?.split(' ').next().map(str::to_owned));
        edges.entry(name).or_default().extend(names);
    }
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        if seen.insert(name.clone()) {
            open.extend(edges.get(&name).into_iter().flatten().cloned());
        }
    }
    seen
}

/// The first column of the table under "## Dependencies", for rows whose last column says something.
fn explained(document: &str) -> BTreeSet<String> {
    let section = document.split("\n## ").find(|section| section.starts_with("Dependencies")).unwrap_or("");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let name = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let reason = cells.last().filter(|reason| cells.len() > 1 && reason.len() > 10);
        reason.and_then(|_| cells.first().map(|name| name.trim_matches('`').to_owned()))
    };
    rows.filter_map(name).collect()
}

fn manifests() -> BTreeSet<String> {
    let manifests = files(&["toml"]).into_iter().filter(|file| {
        // the fuzz crate is outside the workspace and never built by a user
        file.path.ends_with("Cargo.toml") && !file.path.starts_with("fuzz/")
    });
    manifests.flat_map(|file| direct(&file.text)).collect()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

#[test]
fn direct_dependencies_are_few_and_explained() {
    let direct = manifests();
    assert!(direct.len() <= DIRECT_MAX, "{} direct dependencies, {DIRECT_MAX} at most", direct.len());
    assert!(direct.contains("clap") && direct.contains("toml"), "{direct:?}");
    let explained = explained(&read("ARCHITECTURE.md"));
    let missing = direct.difference(&explained).map(|name| format!("{name}: no reason in ARCHITECTURE.md"));
    let extra =
        explained.difference(&direct).map(|name| format!("{name}: in ARCHITECTURE.md, but no dependency"));
    none(&missing.chain(extra).collect::<Vec<_>>());
}

#[test]
fn memcalc_builds_without_rocksdb() {
    let packages = reachable(&read("Cargo.lock"), "memcalc");
    assert!(packages.contains("plimsoll-memory") && packages.len() > 10, "{packages:?}");
    none(
        &packages.into_iter().filter(|name| name.contains("rocksdb") || name == "tokio").collect::<Vec<_>>(),
    );
}

#[test]
fn the_model_builds_with_little() {
    // what is optional comes with the features `observe` and `enforce`
    assert_eq!(required(&read("memory/Cargo.toml")), BTreeSet::from(["toml".to_owned()]));
}

#[test]
fn rules_can_fail() {
    let manifest = "[dependencies]\na = \"1\"\nplimsoll-memory.workspace = true\n[dev-dependencies]\nb.workspace = true\n";
    assert_eq!(direct(manifest), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    let manifest = "[dependencies]\na = \"1\"\nb = { version = \"1\", optional = true }\n";
    assert_eq!(required(manifest), BTreeSet::from(["a".to_owned()]));
    let lock = "[[package]]\nname = \"memcalc\"\ndependencies = [\"a 1.0.0\"]\n[[package]]\nname = \"a\"\n\
                dependencies = [\"librocksdb-sys\"]\n[[package]]\nname = \"c\"\n";
    let packages = reachable(lock, "memcalc");
    assert!(packages.contains("librocksdb-sys") && !packages.contains("c"), "{packages:?}");
    let document = "# A\n\n## Dependencies\n\n| crate | why |\n|---|---|\n| `a` | reads what is written |\n| `b` | |\n\n\
                    ## More\n\n| `c` | another table altogether |\n";
    assert_eq!(explained(document), BTreeSet::from(["a".to_owned()]));
}
