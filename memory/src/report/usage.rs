//! What pools and owners hold, as data.

use serde::{Deserialize, Serialize};

/// A pool, or a level of one, and all below it, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolUsage {
    /// Its name.
    pub name: String,
    /// The option that sets its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it may hand out.
    pub limit_bytes: u64,
    /// What its owners hold.
    pub held_bytes: u64,
    /// What was handed out: held bytes, guaranteed minima, and the unused credit of owners.
    pub granted_bytes: u64,
    /// The most that was ever handed out.
    pub peak_bytes: u64,
    /// How many reservations were refused, in the whole pool; 0 at the levels below the top.
    #[serde(default)]
    pub refusals: u64,
    /// How often more was given back than was held, each a bug; counted as the refusals are.
    #[serde(default)]
    pub over_releases: u64,
    /// What those who wait have asked for; counted as the refusals are.
    #[serde(default)]
    pub waiting_bytes: u64,
    /// The levels below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<PoolUsage>,
    /// The owners at this level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<OwnerUsage>,
}

/// An owner at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerUsage {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub held_bytes: u64,
    /// The most that it ever held.
    pub peak_bytes: u64,
    /// What it has in any case.
    #[serde(default)]
    pub guaranteed_bytes: u64,
    /// It is gone, and what it holds is leaked.
    #[serde(default)]
    pub gone: bool,
}

impl PoolUsage {
    /// All owners with the path of their pool, the largest first, equals by name.
    pub fn holders(&self) -> Vec<(String, &OwnerUsage)> {
        let mut found = Vec::new();
        self.collect("", &mut found);
        found.sort_by(|(p, a), (q, b)| {
            b.held_bytes.cmp(&a.held_bytes).then_with(|| a.name.cmp(&b.name)).then_with(|| p.cmp(q))
        });
        found
    }

    fn collect<'a>(&'a self, above: &str, found: &mut Vec<(String, &'a OwnerUsage)>) {
        let path = if above.is_empty() { self.name.clone() } else { format!("{above} / {}", self.name) };
        found.extend(self.owners.iter().map(|owner| (path.clone(), owner)));
        for pool in &self.pools {
            pool.collect(&path, found);
        }
    }
}
