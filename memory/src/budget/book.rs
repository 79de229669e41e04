//! The tree of limits as plain numbers: what was handed out at each level. Pure; the ledger keeps it under its lock.

/// A level of the tree: a pool, a slot in it, an operator in that.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// The option that sets its limit.
    pub(crate) key: Option<&'static str>,
    pub(crate) parent: Option<NodeId>,
    pub(crate) limit: u64,
    pub(crate) granted: u64,
    pub(crate) peak: u64,
}

/// The index of a node; nodes are never removed.
pub(crate) type NodeId = usize;

/// Where a grant failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short {
    /// The lowest level that lacks the bytes.
    pub(crate) node: NodeId,
    /// How many it lacks.
    pub(crate) missing: u64,
}

/// The levels of one pool. `granted ≤ limit` at every level; a level's grants include those of the levels below.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    nodes: Vec<Node>,
}

impl Book {
    pub(crate) fn new(name: String, limit: u64, key: Option<&'static str>) -> Self {
        Self { nodes: vec![Node { name, key, parent: None, limit, granted: 0, peak: 0 }] }
    }

    /// Adds a level; its limit is the caller's to have checked.
    pub(crate) fn add(
        &mut self,
        parent: NodeId,
        name: String,
        limit: u64,
        key: Option<&'static str>,
    ) -> NodeId {
        self.nodes.push(Node { name, key, parent: Some(parent), limit, granted: 0, peak: 0 });
        self.nodes.len() - 1
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node and all above it.
    pub(crate) fn path(&self, from: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(Some(from), |id| self.nodes[*id].parent)
    }

    pub(crate) fn is_below(&self, node: NodeId, top: NodeId) -> bool {
        self.path(node).any(|id| id == top)
    }

    /// Hands out bytes at a node and all above it, or nowhere.
    pub(crate) fn grant(&mut self, node: NodeId, bytes: u64) -> Result<(), Short> {
        if let Some(short) = self.short(node, bytes) {
            return Err(short);
        }
        let mut at = Some(node);
        while let Some(id) = at {
            let node = &mut self.nodes[id];
            node.granted += bytes;
            node.peak = node.peak.max(node.granted);
            at = node.parent;
        }
        Ok(())
    }

    /// The lowest level that cannot hand out so many bytes.
    pub(crate) fn short(&self, node: NodeId, bytes: u64) -> Option<Short> {
        self.shorts(node, bytes).next()
    }

    /// All levels that cannot, from below.
    pub(crate) fn shorts(&self, node: NodeId, bytes: u64) -> impl Iterator<Item = Short> {
        self.path(node).filter_map(move |id| {
            let missing = bytes.saturating_sub(self.free(id));
            (missing > 0).then_some(Short { node: id, missing })
        })
    }

    /// Takes bytes back at a node and all above it.
    pub(crate) fn give_back(&mut self, node: NodeId, bytes: u64) {
        let mut at = Some(node);
        while let Some(id) = at {
            let node = &mut self.nodes[id];
            debug_assert!(node.granted >= bytes, "{}: {bytes} bytes back of {}", node.name, node.granted);
            node.granted = node.granted.saturating_sub(bytes);
            at = node.parent;
        }
    }

    /// What one level has left.
    pub(crate) fn free(&self, node: NodeId) -> u64 {
        let node = &self.nodes[node];
        node.limit.saturating_sub(node.granted)
    }

    /// What can be handed out at a node: the least that it and the levels above have left.
    pub(crate) fn available(&self, node: NodeId) -> u64 {
        self.path(node).map(|id| self.free(id)).min().unwrap_or(0)
    }

    /// The most that could ever be handed out at a node: the smallest limit on its path.
    pub(crate) fn capacity(&self, node: NodeId) -> u64 {
        self.path(node).map(|id| self.nodes[id].limit).min().unwrap_or(0)
    }

    /// The option that sets the limit of a node, or of the nearest level above that has one; and that level.
    pub(crate) fn key(&self, node: NodeId) -> Option<(NodeId, &'static str)> {
        self.path(node).find_map(|id| self.nodes[id].key.map(|key| (id, key)))
    }

    /// Names from the top to a node: `managed / slot 0`.
    pub(crate) fn path_text(&self, node: NodeId) -> String {
        let mut names: Vec<&str> = self.path(node).map(|id| self.nodes[id].name.as_str()).collect();
        names.reverse();
        names.join(" / ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool of 100 with slots of 60 and 50.
    fn book() -> Book {
        let mut book = Book::new("managed".into(), 100, Some("managed.size"));
        assert_eq!((book.add(0, "slot 0".into(), 60, None), book.add(0, "slot 1".into(), 50, None)), (1, 2));
        book
    }

    #[test]
    fn grants_at_all_levels_or_nowhere() {
        let mut book = book();
        assert_eq!(book.grant(1, 61), Err(Short { node: 1, missing: 1 }));
        assert_eq!(book.grant(1, 60), Ok(()));
        assert_eq!(book.grant(2, 45), Err(Short { node: 0, missing: 5 }));
        assert_eq!(book.available(2), 40);
        assert_eq!(book.grant(2, 40), Ok(()));
        assert_eq!(book.grant(0, 1), Err(Short { node: 0, missing: 1 }));
        book.give_back(1, 60);
        assert_eq!((book.node(0).granted, book.node(1).granted, book.node(2).granted), (40, 0, 40));
        assert_eq!((book.node(0).peak, book.node(1).peak), (100, 60));
    }

    #[test]
    fn knows_its_paths() {
        let mut book = book();
        let operator = book.add(2, "join".into(), 20, None);
        assert_eq!(book.path_text(operator), "managed / slot 1 / join");
        assert_eq!(book.capacity(operator), 20);
        assert!(book.is_below(operator, 0) && book.is_below(operator, 2) && !book.is_below(operator, 1));
        assert_eq!(book.key(operator), Some((0, "managed.size")));
        let shorts: Vec<NodeId> = book.shorts(operator, 101).map(|short| short.node).collect();
        assert_eq!(shorts, [operator, 2, 0]);
    }
}
