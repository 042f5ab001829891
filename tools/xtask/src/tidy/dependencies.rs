//! Compares the table with what cargo says.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde::Deserialize;

use super::table::{OWNERS, RULES, Rule, ZONES};
use crate::shell::Line;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDependency>,
}

#[derive(Deserialize)]
struct NodeDependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

/// Every departure from the table.
pub(super) fn check() -> anyhow::Result<Vec<String>> {
    let house = read(Line::new("cargo metadata --format-version 1 --quiet"))?;
    let mut faults = judge(&house, |package| RULES.iter().find(|rule| rule.package == package));
    let zones = read(Line::new("cargo metadata --format-version 1 --quiet").dir("zones"))?;
    faults.extend(judge(&zones, |_| Some(&ZONES)));
    Ok(faults)
}

fn read(line: Line) -> anyhow::Result<Metadata> {
    let text = line.output().with_context(|| format!("`{}` failed; run it to see why", line.typed()))?;
    serde_json::from_str(&text).context("can't read what cargo metadata says")
}

fn judge(metadata: &Metadata, rule_of: impl Fn(&str) -> Option<&'static Rule>) -> Vec<String> {
    let members = metadata.packages.iter().filter(|package| metadata.workspace_members.contains(&package.id));
    let graph = Graph::new(metadata);
    let mut faults = Vec::new();
    for package in members {
        let name = &package.name;
        let Some(rule) = rule_of(name) else {
            faults.push(format!("{name}: is not in the table of tools/xtask/src/tidy/table.rs: add it there"));
            continue;
        };
        for dependency in &package.dependencies {
            faults.extend(judge_dependency(name, rule, dependency));
        }
        for far in graph.reach(&package.id) {
            if rule.never_reaches.contains(&far.as_str()) {
                faults.push(format!(
                    "{name}: must never reach {far}; `cargo tree -p {name} -i {far} -e normal` shows how it does"
                ));
            }
        }
    }
    faults
}

fn judge_dependency(name: &str, rule: &Rule, dependency: &Dependency) -> Option<String> {
    let used = dependency.name.as_str();
    let in_tests = dependency.kind.as_deref() == Some("dev");
    let is_ours = RULES.iter().any(|rule| rule.package == used);
    if is_ours {
        let allowed = rule.may_use.contains(&used) || (in_tests && rule.tests_may_use.contains(&used));
        let place = if in_tests { "tests" } else { "code" };
        return (!allowed).then(|| format!("{name}: its {place} must not use {used} (architecture, section 3)"));
    }
    let (_, owners) = OWNERS.iter().find(|(owned, _)| *owned == used)?;
    (!in_tests && !owners.contains(&name)).then(|| format!("{name}: {used} belongs to {} alone", owners.join(", ")))
}

/// Normal and build dependencies of everything.
struct Graph<'a> {
    names: BTreeMap<&'a str, &'a String>,
    edges: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        let names = metadata.packages.iter().map(|package| (package.id.as_str(), &package.name)).collect();
        let normal = |dependency: &&NodeDependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        let edges = metadata.resolve.nodes.iter().map(|node| {
            (node.id.as_str(), node.deps.iter().filter(normal).map(|dependency| dependency.pkg.as_str()).collect())
        });
        Self { names, edges: edges.collect() }
    }

    /// Names of everything that this package reaches.
    fn reach(&self, from: &'a str) -> BTreeSet<&'a String> {
        let mut seen = BTreeSet::from([from]);
        let mut edge = vec![from];
        while let Some(id) = edge.pop() {
            let next = self.edges.get(id).into_iter().flatten().copied();
            edge.extend(next.filter(|id| seen.insert(id)));
        }
        seen.remove(from);
        seen.into_iter().filter_map(|id| self.names.get(id).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    fn metadata(json: serde_json::Value) -> Metadata {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_core_that_reaches_tokio_through_another_crate_is_a_fault() {
        let faults = judge(
            &metadata(serde_json::json!({
                "workspace_members": ["sim"],
                "packages": [
                    { "id": "sim", "name": "wod-sim", "dependencies": [{ "name": "innocent", "kind": null }] },
                    { "id": "innocent", "name": "innocent", "dependencies": [] },
                    { "id": "tokio", "name": "tokio", "dependencies": [] },
                ],
                "resolve": { "nodes": [
                    { "id": "sim", "deps": [{ "pkg": "innocent", "dep_kinds": [{ "kind": null }] }] },
                    { "id": "innocent", "deps": [{ "pkg": "tokio", "dep_kinds": [{ "kind": null }] }] },
                    { "id": "tokio", "deps": [] },
                ] },
            })),
            |package| RULES.iter().find(|rule| rule.package == package),
        );
        assert_eq!(faults.len(), 1);
        assert!(faults[0].contains("wod-sim: must never reach tokio"), "{}", faults[0]);
    }

    #[test]
    fn a_wrong_neighbour_and_a_foreign_owner_are_faults_and_a_test_dependency_is_not() {
        let dependencies = serde_json::json!([
            { "name": "wod-host", "kind": null },
            { "name": "wasmtime", "kind": null },
            { "name": "tokio", "kind": "dev" },
        ]);
        let faults = judge(
            &metadata(serde_json::json!({
                "workspace_members": ["g", "new"],
                "packages": [
                    { "id": "g", "name": "wod-gateway-core", "dependencies": dependencies },
                    { "id": "new", "name": "wod-new", "dependencies": [] },
                ],
                "resolve": { "nodes": [] },
            })),
            |package| RULES.iter().find(|rule| rule.package == package),
        );
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].contains("must not use wod-host"));
        assert!(faults[1].contains("wasmtime belongs to wod-sandbox alone"));
        assert!(faults[2].contains("wod-new: is not in the table"));
    }
}
