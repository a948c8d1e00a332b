//! An embedded table, read piece by piece: a program that ends soon pays for the types that it meets.

use std::sync::OnceLock;

use crate::{Schema, TypeRef, split_api_version, table};

/// A table, and where its pieces stand. Nothing but the heads of its lines is read in advance.
pub(crate) struct Pieces {
    /// The named types, sorted by name.
    types: Vec<Piece>,
    /// Group, version and kind, sorted by kind first; the index of its type.
    kinds: Vec<(&'static str, &'static str, &'static str, usize)>,
    /// Kind, group and version, sorted by [`mixed`]; whether its objects live in a namespace.
    scopes: Vec<(u64, &'static str, &'static str, &'static str, bool)>,
}

struct Piece {
    name: &'static str,
    /// The lines of the type.
    text: &'static str,
    /// The type as a schema of its own: it stands at the first node.
    schema: OnceLock<Schema>,
}

impl Pieces {
    pub(crate) fn new(text: &'static str) -> Pieces {
        let mut pieces = Pieces { types: Vec::with_capacity(640), kinds: Vec::new(), scopes: Vec::new() };
        let mut starts: Vec<usize> = Vec::with_capacity(640);
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let length = rest.find('\n').unwrap_or(rest.len());
            // Most lines are fields.
            if !rest.starts_with(' ') {
                pieces.head(rest.get(..length).unwrap_or_default(), at, &mut starts);
            }
            at += length + 1;
        }
        starts.push(text.len());
        for (piece, ends) in pieces.types.iter_mut().zip(starts.windows(2)) {
            piece.text = text.get(ends[0]..ends[1]).unwrap_or_default();
        }
        pieces.kinds.sort_unstable();
        pieces.scopes.sort_unstable();
        pieces
    }

    fn head(&mut self, line: &'static str, at: usize, starts: &mut Vec<usize>) {
        let mut rest = line;
        let mut word = move || {
            // Words are short: looking at each byte is faster than a search.
            let end = rest.bytes().position(|byte| byte == b' ').unwrap_or(rest.len());
            let word = rest.get(..end).unwrap_or_default();
            rest = rest.get(end + 1..).unwrap_or_default();
            if word == "-" { "" } else { word }
        };
        let first = word();
        match first {
            "type" => {
                starts.push(at);
                self.types.push(Piece { name: word(), text: "", schema: OnceLock::new() });
            }
            "kind" => {
                let (group, version, kind) = (word(), word(), word());
                self.kinds.push((kind, group, version, self.types.len().saturating_sub(1)));
            }
            "resource" => {
                let (group, version, kind) = (word(), word(), word());
                let (_, _, scope) = (word(), word(), word());
                self.scopes.push((mixed(kind), kind, group, version, scope == "namespaced"));
            }
            _ => {}
        }
    }

    /// As [`Schema::is_namespaced`].
    pub(crate) fn is_namespaced(&self, api_version: &str, kind: &str) -> Option<bool> {
        let (group, version) = split_api_version(api_version);
        let number = mixed(kind);
        let first = self.scopes.partition_point(|scope| scope.0 < number);
        let same = self.scopes.iter().skip(first).take_while(|scope| scope.0 == number);
        let mut found = same.filter(|(_, k, g, v, _)| (*k, *g, *v) == (kind, group, version));
        found.next().map(|(.., namespaced)| *namespaced)
    }

    /// As [`Schema::type_of`].
    pub(crate) fn type_of(&'static self, api_version: &str, kind: &str) -> Option<TypeRef<'static>> {
        let (group, version) = split_api_version(api_version);
        let at =
            self.kinds.binary_search_by(|(k, g, v, _)| (*k, *g, *v).cmp(&(kind, group, version))).ok()?;
        self.kinds.get(at).and_then(|(.., index)| self.types.get(*index)).map(Piece::read)
    }

    /// As [`Schema::type_named`].
    pub(crate) fn type_named(&'static self, name: &str) -> Option<TypeRef<'static>> {
        let at = self.types.binary_search_by(|piece| piece.name.cmp(name)).ok()?;
        self.types.get(at).map(Piece::read)
    }
}

/// A number by which most kinds differ.
fn mixed(kind: &str) -> u64 {
    kind.bytes()
        .fold(0, |sum: u64, byte| (sum.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x517c_c1b7_2722_0a95))
}

impl Piece {
    fn read(&'static self) -> TypeRef<'static> {
        TypeRef::new(self.schema.get_or_init(|| table::embedded_piece(self.name, self.text)), 0)
    }
}
