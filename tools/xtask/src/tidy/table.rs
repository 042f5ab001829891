//! Who may depend on whom: the table of ARCHITECTURE.md as data. Change both together, and say why in the page.

/// One crate of ours and what it may use of ours.
pub(super) struct Rule {
    pub(super) package: &'static str,
    /// In normal and build dependencies.
    pub(super) may_use: &'static [&'static str],
    /// In tests, besides.
    pub(super) tests_may_use: &'static [&'static str],
    /// Neither directly nor through others, in normal dependencies.
    pub(super) never_reaches: &'static [&'static str],
}

/// What a pure core must not reach: whoever has it can read clocks and sockets.
const IMPURE: &[&str] = &["tokio", "wasmtime", "redis", "tungstenite", "rand", "mio"];

/// The crates of the main workspace.
pub(super) const RULES: &[Rule] = &[
    Rule { package: "wod-protocol", may_use: &[], tests_may_use: &[], never_reaches: IMPURE },
    Rule {
        package: "wod-backplane",
        may_use: &["wod-protocol"],
        tests_may_use: &["wod-backplane"],
        never_reaches: &["wasmtime", "tungstenite"],
    },
    Rule { package: "wod-gateway-core", may_use: &["wod-protocol"], tests_may_use: &[], never_reaches: IMPURE },
    Rule {
        package: "wod-gateway",
        may_use: &["wod-gateway-core", "wod-backplane", "wod-protocol"],
        tests_may_use: &[],
        never_reaches: &["wasmtime", "wod-sim"],
    },
    Rule { package: "wod-sim", may_use: &["wod-protocol"], tests_may_use: &[], never_reaches: IMPURE },
    Rule {
        package: "wod-sandbox",
        may_use: &["wod-sim", "wod-protocol"],
        tests_may_use: &["wod-sandbox"],
        never_reaches: &["redis", "tungstenite"],
    },
    Rule {
        package: "wod-host",
        may_use: &["wod-sim", "wod-sandbox", "wod-backplane", "wod-protocol"],
        tests_may_use: &[],
        never_reaches: &["wod-gateway", "wod-gateway-core", "tungstenite"],
    },
    Rule { package: "wod-zone", may_use: &[], tests_may_use: &[], never_reaches: IMPURE },
    Rule { package: "wod-dialogue", may_use: &["wod-zone"], tests_may_use: &[], never_reaches: &["tokio", "wasmtime"] },
    Rule { package: "wod-map", may_use: &["wod-protocol"], tests_may_use: &[], never_reaches: IMPURE },
    Rule {
        package: "wod-testkit",
        may_use: &["wod-zone", "wod-dialogue", "wod-map", "wod-sim", "wod-protocol"],
        tests_may_use: &[],
        never_reaches: &["wasmtime", "tokio"],
    },
    Rule {
        package: "wod",
        may_use: &[
            "wod-protocol",
            "wod-backplane",
            "wod-gateway-core",
            "wod-gateway",
            "wod-sim",
            "wod-sandbox",
            "wod-host",
            "wod-dialogue",
            "wod-map",
            "wod-testkit",
            "wod-zone",
        ],
        tests_may_use: &[],
        never_reaches: &[],
    },
    Rule { package: "xtask", may_use: &[], tests_may_use: &[], never_reaches: &["tokio", "wasmtime"] },
    Rule {
        package: "wod-tests",
        may_use: &["wod-protocol", "wod-backplane"],
        // Builds test modules, and lives a zone's journal again.
        tests_may_use: &["wod-sandbox", "wod-sim"],
        never_reaches: &["wasmtime"],
    },
    Rule {
        package: "wod-tests-sim",
        may_use: &[
            "wod-protocol",
            "wod-backplane",
            "wod-gateway-core",
            "wod-gateway",
            "wod-sim",
            // For what a host's configuration names.
            "wod-sandbox",
            "wod-host",
        ],
        tests_may_use: &[],
        never_reaches: &[],
    },
];

/// A zone may use the SDK, and the testkit in its tests.
pub(super) const ZONES: Rule = Rule {
    package: "zones/*",
    may_use: &["wod-zone"],
    tests_may_use: &["wod-testkit", "docks"],
    never_reaches: IMPURE,
};

/// Crates of others that stay behind one door: which, and who may name them in normal dependencies.
pub(super) const OWNERS: &[(&str, &[&str])] = &[
    ("wasmtime", &["wod-sandbox"]),
    ("redis", &["wod-backplane"]),
    ("redb", &["wod-backplane"]),
    // The bots of `wod` and the end-to-end tests are clients.
    ("tokio-tungstenite", &["wod-gateway", "wod", "wod-tests"]),
    ("tokio", &["wod-backplane", "wod-gateway", "wod-host", "wod", "wod-tests", "wod-tests-sim"]),
    ("wit-bindgen", &["wod-zone"]),
    // The sandbox only with its feature `testing`.
    ("wit-component", &["wod", "wod-sandbox"]),
    ("tiled", &["wod-map"]),
    ("clap", &["wod", "wod-tests-sim", "xtask"]),
    ("axum", &["wod-gateway", "wod-host"]),
];
