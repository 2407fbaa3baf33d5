//! Which document an object is in.
//!
//! Documents are the nodes of a tree over the bits of a hash of the path. The root holds all; a document that grows
//! past its bound is split: its two children are written, or theirs, and then the document itself is marked as split,
//! which is the moment at which they count. A document counts unless it is marked, or one above it counts: what a killed
//! split left behind is under a document that still counts, and is written over by the next split. So each object is in
//! one document at any moment, and two writers meet in a check-and-set.
//!
//! Format 1 had 64 documents, each with a fixed share: these are the nodes of six bits, under their old names. Nodes
//! between a split one and those that hold something need not be there: who splits into eight at once leaves some out.

/// The longest way from the root, in bits.
const DEPTH_MAX: u32 = 60;

/// How many bits tell the documents of format 1 apart.
const DEPTH_OF_OLD: u32 = 6;

/// A document: it holds what ends in these bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    depth: u32,
    bits: u64,
}

impl Node {
    /// The document that holds all.
    pub(super) const ROOT: Self = Self { depth: 0, bits: 0 };

    /// The document of a path in a ledger of format 1.
    pub(super) fn of_old(path: &str) -> Self {
        Self::at(DEPTH_OF_OLD, hash(path))
    }

    /// All that may hold a path, from the root on.
    pub(super) fn on_the_way_to(path: &str) -> impl Iterator<Item = Self> {
        let hash = hash(path);
        (0..=DEPTH_MAX).map(move |depth| Self::at(depth, hash))
    }

    fn at(depth: u32, hash: u64) -> Self {
        Self { depth, bits: hash & ((1 << depth) - 1) }
    }

    /// Whether a path is its own or of one below it.
    pub(super) fn holds(self, path: &str) -> bool {
        Self::at(self.depth, hash(path)) == self
    }

    /// The documents that it is split into; none of the smallest.
    pub(super) fn children(self) -> impl Iterator<Item = Self> {
        let count = if self.depth < DEPTH_MAX { 2 } else { 0 };
        (0..count).map(move |bit: u64| Self { depth: self.depth + 1, bits: self.bits | (bit << self.depth) })
    }

    /// Its name in the engine.
    pub(super) fn name(self) -> String {
        match self.depth {
            DEPTH_OF_OLD => format!("{:02x}", self.bits),
            depth => format!("{depth}-{:x}", self.bits),
        }
    }

    /// Reads a name; `None` if it is none that [`Node::name`] gives.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (depth, bits) = match name.split_once('-') {
            Some((depth, bits)) => (depth.parse().ok()?, bits),
            None => (DEPTH_OF_OLD, name),
        };
        let node = Self { depth, bits: u64::from_str_radix(bits, 16).ok()? };
        (depth <= DEPTH_MAX && node.name() == name && node.bits < 1 << depth).then_some(node)
    }
}

/// FNV-1a, because it is stable and needs no key. Part of the format.
fn hash(path: &str) -> u64 {
    let hash = path
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The low bits of FNV mix badly for short texts.
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Node;

    #[test]
    fn each_child_holds_its_share_and_all_of_them_everything() {
        let paths: Vec<String> = (0..10_000).map(|number| format!("aws/roles/app-{number}")).collect();
        let mut nodes = vec![Node::ROOT];
        for _ in 0..6 {
            nodes = nodes.into_iter().flat_map(Node::children).collect();
        }
        assert_eq!(nodes.iter().collect::<BTreeSet<_>>().len(), 64);
        let share = |node: &Node| paths.iter().filter(|path| node.holds(path)).count();
        assert_eq!(nodes.iter().map(share).sum::<usize>(), paths.len());
        assert!(nodes.iter().map(share).max().is_some_and(|largest| largest < 300));
        for path in &paths[..100] {
            assert_eq!(Node::on_the_way_to(path).filter(|node| nodes.contains(node)).count(), 1);
        }
    }

    #[test]
    fn objects_are_found_where_format_1_put_them() {
        for (path, document) in [("aws/roles/webapp", "2b"), ("sys/mounts/aws", "1e")] {
            assert_eq!(Node::of_old(path).name(), document);
        }
    }

    #[test]
    fn a_name_reads_back_and_others_are_none() {
        let deep = Node::on_the_way_to("a").last().expect("some");
        for node in Node::on_the_way_to("aws/roles/webapp").chain([deep]) {
            assert_eq!(Node::named(&node.name()), Some(node));
        }
        for name in ["", "0", "2A", "2-4", "0-1", "6-01", "63-0", "3-8", "0-0x", "40"] {
            assert_eq!(Node::named(name), None, "{name}");
        }
        assert_eq!(deep.children().count(), 0);
    }
}
