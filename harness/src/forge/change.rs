//! What a commit changes.

use seatrial_engine::CommitKey;
use std::sync::Arc;

/// Who made a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
}

impl Default for Author {
    /// The author of commits for which a scenario names nobody.
    fn default() -> Author {
        Author { name: "Seatrial".to_owned(), email: "seatrial@localhost".to_owned() }
    }
}

/// One edit. Paths are relative to the repository's root, with `/` between their parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Writes a whole file; folders above it come into being. A file that is there keeps its executable bit.
    Write {
        /// The file.
        path: String,
        /// Its new content.
        data: Vec<u8>,
    },
    /// Removes a file, a symbolic link, or a folder with everything in it.
    Remove {
        /// The path.
        path: String,
    },
}

/// A commit to be made: edits, applied in order, and what is recorded about them.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The edits.
    pub edits: Vec<Edit>,
    /// The message; a line end is added where it has none.
    pub message: String,
    /// The author, who is also the committer.
    pub author: Author,
    /// Whether a commit is made even if it changes no file. Default: that is an error.
    pub allow_empty: bool,
    /// What the commit is signed with.
    pub signer: Option<Arc<CommitKey>>,
}

impl Change {
    /// A change without edits so far.
    pub fn new(message: impl Into<String>) -> Change {
        Change { message: message.into(), ..Change::default() }
    }

    /// Adds a file to write.
    #[must_use]
    pub fn write(mut self, path: impl Into<String>, data: impl Into<Vec<u8>>) -> Change {
        self.edits.push(Edit::Write { path: path.into(), data: data.into() });
        self
    }

    /// Adds a path to remove.
    #[must_use]
    pub fn remove(mut self, path: impl Into<String>) -> Change {
        self.edits.push(Edit::Remove { path: path.into() });
        self
    }

    /// Names the author.
    #[must_use]
    pub fn by(mut self, author: Author) -> Change {
        self.author = author;
        self
    }

    /// Makes the commit even if it changes no file.
    #[must_use]
    pub fn allow_empty(mut self) -> Change {
        self.allow_empty = true;
        self
    }
}
