//! Secrets in files, which are read, or created at the first start.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use signaling_protocol::Secret;

/// Shorter secrets could be guessed.
const MIN_CHARS: usize = 16;
/// Longer files are read up to here.
const MAX_BYTES: u64 = 4096;

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// The file cannot be read.
    #[error("the secret in {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not exist and cannot be created.
    #[error(
        "the secret file {path} does not exist and cannot be created: {source}; create it, or set another file"
    )]
    NotCreated {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not contain a secret.
    #[error(
        "{0} contains no secret: write one line of at least {MIN_CHARS} visible ASCII characters"
    )]
    Invalid(PathBuf),
}

/// Reads the secret in a file.
pub(crate) fn read(path: &Path) -> Result<Secret, SecretError> {
    let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let text = io::read_to_string(io::Read::take(file, MAX_BYTES)).map_err(unreadable)?;
    let secret = text.trim();
    if secret.len() < MIN_CHARS || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SecretError::Invalid(path.to_owned()));
    }
    Ok(Secret(secret.to_owned()))
}

/// Reads the secret in a file. If the file does not exist, creates it with a random secret and mode
/// 0600.
pub(crate) fn read_or_create(path: &Path) -> Result<Secret, SecretError> {
    match create(path) {
        Ok(()) => tracing::info!(path = %path.display(), "created a new secret"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // The folder may be read-only and contain the file.
        Err(_) if path.exists() => {}
        Err(source) => return Err(SecretError::NotCreated { path: path.to_owned(), source }),
    }
    read(path)
}

/// Writes a file with mode 0600, atomically replacing an existing one.
#[cfg_attr(not(feature = "acme"), expect(dead_code, reason = "only ACME calls it"))]
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

fn create(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let mut random = [0; 32];
    let written = getrandom::fill(&mut random).map_err(io::Error::other).and_then(|()| {
        let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(file, "{text}")?;
        file.sync_all()
    });
    // The next start must not take a partly written secret for a complete one.
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_secret_is_created_once_and_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("turn-secret");
        let first = read_or_create(&path).expect("created");
        assert_eq!(first.0.len(), 64);
        assert_eq!(read_or_create(&path).expect("read"), first);
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = read_or_create(&folder.path().join("admin-token")).expect("created");
        assert_ne!(other, first);
    }

    #[test]
    fn an_existing_secret_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "sixteen-or-more-characters\n").expect("written");
        assert_eq!(read_or_create(&path).expect("read").0, "sixteen-or-more-characters");
    }

    #[test]
    fn an_invalid_secret_is_refused_and_not_printed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        for text in
            ["", "short", "two lines\nof a length that would do", "\u{e9}".repeat(16).as_str()]
        {
            std::fs::write(&path, text).expect("written");
            let error = read_or_create(&path).expect_err(text).to_string();
            assert!(
                error.contains("contains no secret") && (text.is_empty() || !error.contains(text))
            );
        }
        let missing = folder.path().join("no/such/folder/secret");
        let error = read_or_create(&missing).expect_err("no folder").to_string();
        assert!(error.contains("set another file"), "{error}");
    }
}
