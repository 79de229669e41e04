//! What a snapshot says about the states in it.

use serde::{Deserialize, Serialize};

use super::sealed::Seal;
use crate::StateError;
use crate::key_group::KeyGroupRange;
use crate::serializer::Identity;

/// The most bytes of an encoded [`BackendMeta`]: some hundred thousand states.
pub const META_LIMIT_BYTES: usize = 16 << 20;

/// How deep serializers may be made of others.
const DEPTH_LIMIT: usize = 64;

const SEAL: Seal = Seal { magic: *b"PLMM", version: 1, limit: META_LIMIT_BYTES, what: "the list of states" };

/// What kind of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StateKind {
    /// One value a key.
    Value,
    /// Elements end to end.
    List,
    /// Entries, each with a user key.
    Map,
    /// One value that others are folded into.
    Reducing,
    /// One accumulator.
    Aggregating,
    /// Timers: the key is the timer, the value is empty.
    Timer,
}

/// One state of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateMeta {
    /// Its number, in this snapshot alone.
    pub id: u16,
    /// Its name, by which it is found again.
    pub name: String,
    /// Its kind.
    pub kind: StateKind,
    /// Who writes namespaces.
    pub namespace: Identity,
    /// Who writes the rest: the value; or of a map the user key, then the value.
    pub parts: Vec<Identity>,
    /// Whether values begin with the time of their last use.
    pub ttl: bool,
}

/// What a snapshot says about the backend that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendMeta {
    /// Who writes keys.
    pub key: Identity,
    /// The number of key groups of the operator.
    pub max_parallelism: u32,
    /// Those of them that are in the snapshot.
    pub range: KeyGroupRange,
    /// The states, each with its own id.
    pub states: Vec<StateMeta>,
}

impl BackendMeta {
    /// As a checksummed section.
    ///
    /// # Errors
    /// [`StateError::Usage`]: two states share an id, or the whole is larger than [`META_LIMIT_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, StateError> {
        if let Some(why) = self.contradiction() {
            return Err(StateError::Usage(why));
        }
        SEAL.encode(&Wire::of(self))
    }

    /// The content of a section that takes all of `bytes`.
    ///
    /// # Errors
    /// [`StateError::Corrupt`], naming the place.
    pub fn decode(place: &str, bytes: &[u8]) -> Result<Self, StateError> {
        let meta = SEAL
            .decode::<Wire>(place, bytes)?
            .meta()
            .ok_or_else(|| StateError::corrupt(place, "the list of states: serializers do not add up"))?;
        match meta.contradiction() {
            Some(why) => Err(StateError::corrupt(place, format!("the list of states: {why}"))),
            None => Ok(meta),
        }
    }

    /// The state with a name.
    pub fn state(&self, name: &str) -> Option<&StateMeta> {
        self.states.iter().find(|state| state.name == name)
    }

    fn contradiction(&self) -> Option<String> {
        let mut ids: Vec<u16> = self.states.iter().map(|state| state.id).collect();
        ids.sort_unstable();
        if let Some((twice, _)) = ids.iter().zip(&ids[1.min(ids.len())..]).find(|(id, next)| id == next) {
            return Some(format!("two states have the id {twice}"));
        }
        let KeyGroupRange { first, last } = self.range;
        (first <= last && last >= self.max_parallelism).then(|| {
            format!("key groups {first} to {last} of {}: there is no such group", self.max_parallelism)
        })
    }
}

/// Trees of serializers flat, in the order root, children: reading them needs no recursion.
#[derive(Serialize, Deserialize)]
struct Wire {
    key: Flat,
    max_parallelism: u32,
    range: KeyGroupRange,
    states: Vec<WireState>,
}

#[derive(Serialize, Deserialize)]
struct WireState {
    id: u16,
    name: String,
    kind: StateKind,
    namespace: Flat,
    parts: Vec<Flat>,
    ttl: bool,
}

/// Name, version, number of children.
pub(crate) type Flat = Vec<(String, u32, u32)>;

impl Wire {
    fn of(meta: &BackendMeta) -> Self {
        let state = |state: &StateMeta| WireState {
            id: state.id,
            name: state.name.clone(),
            kind: state.kind,
            namespace: flat(&state.namespace),
            parts: state.parts.iter().map(flat).collect(),
            ttl: state.ttl,
        };
        Self {
            key: flat(&meta.key),
            max_parallelism: meta.max_parallelism,
            range: meta.range,
            states: meta.states.iter().map(state).collect(),
        }
    }

    fn meta(self) -> Option<BackendMeta> {
        let state = |state: WireState| {
            Some(StateMeta {
                id: state.id,
                name: state.name,
                kind: state.kind,
                namespace: tree(state.namespace)?,
                parts: state.parts.into_iter().map(tree).collect::<Option<_>>()?,
                ttl: state.ttl,
            })
        };
        Some(BackendMeta {
            key: tree(self.key)?,
            max_parallelism: self.max_parallelism,
            range: self.range,
            states: self.states.into_iter().map(state).collect::<Option<_>>()?,
        })
    }
}

pub(crate) fn flat(identity: &Identity) -> Flat {
    let mut out = Vec::new();
    let mut open = vec![identity];
    while let Some(next) = open.pop() {
        let children = u32::try_from(next.arguments.len()).unwrap_or(u32::MAX);
        out.push((next.name.clone(), next.version, children));
        open.extend(next.arguments.iter().rev());
    }
    out
}

pub(crate) fn tree(flat: Flat) -> Option<Identity> {
    // open nodes, each with the number of children that it still lacks
    let mut open: Vec<(Identity, u32)> = Vec::new();
    let mut nodes = flat.into_iter();
    loop {
        let (name, version, children) = nodes.next()?;
        let mut done = Identity { name, version, arguments: Vec::new() };
        if children > 0 {
            if open.len() == DEPTH_LIMIT {
                return None;
            }
            open.push((done, children));
            continue;
        }
        loop {
            let Some((parent, lacking)) = open.last_mut() else {
                return nodes.next().is_none().then_some(done);
            };
            parent.arguments.push(done);
            *lacking -= 1;
            if *lacking > 0 {
                break;
            }
            (done, _) = open.pop().expect("it was just looked at");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> BackendMeta {
        let pair = Identity::of("pair", 2, vec![Identity::new("i64", 1), Identity::new("string", 1)]);
        let deep = Identity::of("list", 1, vec![pair.clone(), Identity::of("option", 1, vec![pair.clone()])]);
        let state = |id: u16, name: &str| StateMeta {
            id,
            name: name.to_owned(),
            kind: StateKind::Map,
            namespace: Identity::new("unit", 1),
            parts: vec![pair.clone(), deep.clone()],
            ttl: id % 2 == 1,
        };
        BackendMeta {
            key: pair.clone(),
            max_parallelism: 128,
            range: KeyGroupRange { first: 3, last: 127 },
            states: vec![state(0, "a"), state(7, "b")],
        }
    }

    #[test]
    fn it_comes_back() {
        let meta = meta();
        let bytes = meta.encode().unwrap();
        assert_eq!(BackendMeta::decode("here", &bytes).unwrap(), meta);
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] = bad[at].wrapping_add(1);
            assert!(matches!(BackendMeta::decode("here", &bad), Err(StateError::Corrupt { .. })), "{at}");
        }
        assert_eq!(meta.state("b").unwrap().id, 7);
    }

    #[test]
    fn contradictions_are_said() {
        let mut twice = meta();
        twice.states[1].id = 0;
        assert!(twice.encode().unwrap_err().to_string().contains("the id 0"));
        let mut outside = meta();
        outside.range.last = 128;
        assert!(outside.encode().unwrap_err().to_string().contains("no such group"));
    }

    #[test]
    fn trees_that_do_not_add_up_are_refused() {
        let node = |children| ("n".to_owned(), 1, children);
        assert!(tree(vec![]).is_none());
        assert!(tree(vec![node(1)]).is_none(), "a child is missing");
        assert!(tree(vec![node(0), node(0)]).is_none(), "a node too many");
        assert!(tree(vec![node(u32::MAX), node(0)]).is_none());
        assert!(tree((0..DEPTH_LIMIT + 2).map(|_| node(1)).collect()).is_none(), "too deep");
        assert!(tree(vec![node(2), node(0), node(0)]).is_some());
    }
}
