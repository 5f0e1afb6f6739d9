//! The paths without parameters, looked up before any tree is walked.
//!
//! Sorted by length and then by bytes: most lookups are decided by the length alone, the rest by one or a few
//! comparisons, and no hash that a peer could aim at is involved.

use std::ops::Range;

/// A map from whole paths to the index of their entry.
#[derive(Default)]
pub(crate) struct StaticPaths {
    paths: Box<[(Box<str>, usize)]>,
    /// The range of `paths` that is as long as the index says.
    by_length: Box<[Range<usize>]>,
}

impl StaticPaths {
    pub(crate) fn new(paths: impl IntoIterator<Item = (String, usize)>) -> Self {
        let mut paths: Vec<_> =
            paths.into_iter().map(|(path, entry)| (path.into_boxed_str(), entry)).collect();
        paths.sort_by(|(one, _), (other, _)| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
        let longest = paths.last().map_or(0, |(path, _)| path.len());
        let first_of = |length: usize| paths.partition_point(|(path, _)| path.len() < length);
        let by_length = (0..=longest).map(|length| first_of(length)..first_of(length + 1)).collect();
        Self { by_length, paths: paths.into_boxed_slice() }
    }

    /// The entry of `path`.
    #[inline]
    pub(crate) fn find(&self, path: &[u8]) -> Option<usize> {
        let candidates = self.paths.get(self.by_length.get(path.len())?.clone())?;
        match candidates {
            [] => None,
            [(only, entry)] => (only.as_bytes() == path).then_some(*entry),
            several => {
                let found = several.binary_search_by(|(candidate, _)| candidate.as_bytes().cmp(path)).ok()?;
                Some(several.get(found)?.1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_given_paths_are_found() {
        let given = ["/", "/json", "/echo", "/plaintext", "/random", "/status", "/zzzz"];
        let paths =
            StaticPaths::new(given.iter().enumerate().map(|(entry, path)| ((*path).to_owned(), entry)));
        for (entry, path) in given.iter().enumerate() {
            assert_eq!(paths.find(path.as_bytes()), Some(entry), "{path}");
        }
        for absent in ["", "/jsom", "/json/", "/aaaa", "/zzzzz", "/a/path/longer/than/all/others"] {
            assert_eq!(paths.find(absent.as_bytes()), None, "{absent}");
        }
    }

    #[test]
    fn an_empty_map_finds_nothing() {
        assert_eq!(StaticPaths::default().find(b"/"), None);
        assert_eq!(StaticPaths::new([]).find(b""), None);
    }
}
