//! Secrets in files: read where somebody keeps them, or made at the first start.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use signaling_protocol::Secret;

/// Shorter ones can be guessed.
const FEWEST_CHARS: usize = 16;
/// Longer than anything that was meant as a secret.
const MOST_BYTES: u64 = 4096;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// It cannot be read.
    #[error("the secret in {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be made.
    #[error(
        "there is no secret in {path}, and none can be made there: {source}; put one there, or name another file"
    )]
    NotMade {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in the file is of no use.
    #[error(
        "{0} holds no secret: it has to be one line of {FEWEST_CHARS} visible ASCII characters at least"
    )]
    Useless(PathBuf),
}

/// The secret in a file.
pub(crate) fn read(path: &Path) -> Result<Secret, SecretError> {
    let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let text = io::read_to_string(io::Read::take(file, MOST_BYTES)).map_err(unreadable)?;
    let secret = text.trim();
    if secret.len() < FEWEST_CHARS || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SecretError::Useless(path.to_owned()));
    }
    Ok(Secret(secret.to_owned()))
}

/// The secret in a file, which is made, for this account only, where there is none.
pub(crate) fn read_or_make(path: &Path) -> Result<Secret, SecretError> {
    match make(path) {
        Ok(()) => tracing::info!(path = %path.display(), "a new secret is made"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // A folder that nothing can be written to may hold one all the same.
        Err(_) if path.exists() => {}
        Err(source) => return Err(SecretError::NotMade { path: path.to_owned(), source }),
    }
    read(path)
}

/// Writes a file for this account only, in place of the one that was there.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

fn make(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let mut random = [0; 32];
    let made = getrandom::fill(&mut random).map_err(io::Error::other).and_then(|()| {
        let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(file, "{text}")?;
        file.sync_all()
    });
    // Half a secret would be taken for one at the next start.
    if made.is_err() {
        let _ = std::fs::remove_file(path);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_secret_is_made_once_for_this_account_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("turn-secret");
        let first = read_or_make(&path).expect("made");
        assert_eq!(first.0.len(), 64);
        assert_eq!(read_or_make(&path).expect("read"), first);
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = read_or_make(&folder.path().join("admin-token")).expect("made");
        assert_ne!(other, first);
    }

    #[test]
    fn one_that_somebody_else_keeps_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "sixteen-or-more-characters\n").expect("written");
        assert_eq!(read_or_make(&path).expect("read").0, "sixteen-or-more-characters");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        for text in
            ["", "short", "two lines\nof a length that would do", "\u{e9}".repeat(16).as_str()]
        {
            std::fs::write(&path, text).expect("written");
            let error = read_or_make(&path).expect_err(text).to_string();
            assert!(error.contains("no secret") && (text.is_empty() || !error.contains(text)));
        }
        let nowhere = folder.path().join("no/such/folder/secret");
        let error = read_or_make(&nowhere).expect_err("nowhere").to_string();
        assert!(error.contains("put one there"), "{error}");
    }
}
