//! Compiled modules on this host's disk, so that a restart does not compile.
//!
//! Running compiled code trusts it entirely, so only what this host compiled itself is taken: every file bears a keyed BLAKE3
//! of its content, its module and the engine's settings, under a key that this host made and that never leaves it. Anything
//! else in the directory is ignored and removed.

use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rustix::rand::{GetRandomFlags, getrandom};
use tracing::warn;
use wasmtime::Engine;
use wod_protocol::ids::Digest;

/// Most compiled modules that are kept; the longest unused go first.
const ENTRIES: usize = 64;
const KEY_BYTES: usize = 32;
const MAC_BYTES: usize = 32;

/// Code that this host compiled: the only kind that may be run.
pub(crate) struct OwnCode(Vec<u8>);

impl OwnCode {
    /// What our own compiler, in a child of this process, just wrote.
    pub(crate) fn just_compiled(code: Vec<u8>) -> Self {
        Self(code)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The directory.
pub(crate) struct Cache {
    dir: PathBuf,
    key: [u8; KEY_BYTES],
    /// Of everything that decides whether this engine can run compiled code, wasmtime's version among it.
    settings: blake3::Hash,
}

impl Cache {
    /// Opens the directory, making it and its key where they are missing.
    pub(crate) fn open(dir: &Path, engine: &Engine) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let key = read_or_make_key(&dir.join("key"))?;
        let mut hasher = SettingsHasher(blake3::Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { dir: dir.to_owned(), key, settings: hasher.0.finalize() })
    }

    /// This module's code, if this host compiled it for this engine.
    pub(crate) fn get(&self, module: Digest) -> Option<OwnCode> {
        let path = self.path(module);
        let mut file = match fs::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => {
                warn!(path = %path.display(), %error, "a compiled module can't be read: compiling it again");
                return None;
            }
        };
        let authentic = file.split_first_chunk::<MAC_BYTES>().is_some_and(|(mac, code)| {
            // Comparing `blake3::Hash`es takes the same time whatever differs.
            blake3::Hash::from_bytes(*mac) == self.mac(module, code)
        });
        if !authentic {
            warn!(path = %path.display(), "a file among the compiled modules is not this host's: removing it");
            discard(&path);
            return None;
        }
        touch(&path);
        file.drain(..MAC_BYTES);
        Some(OwnCode(file))
    }

    /// Keeps this module's code. What fails costs the next start a compilation, no more.
    pub(crate) fn put(&self, module: Digest, code: &OwnCode) {
        let path = self.path(module);
        if let Err(error) = self.write(&path, module, code).and_then(|()| self.evict()) {
            warn!(path = %path.display(), %error, "a compiled module can't be kept");
        }
    }

    fn write(&self, path: &Path, module: Digest, code: &OwnCode) -> io::Result<()> {
        let unfinished = unfinished(path);
        let mut file = File::create(&unfinished)?;
        file.write_all(self.mac(module, code.bytes()).as_bytes())?;
        file.write_all(code.bytes())?;
        fs::rename(&unfinished, path)
    }

    fn evict(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "cwasm") {
                entries.push((fs::metadata(&path)?.modified()?, path));
            }
        }
        entries.sort();
        let surplus = entries.len().saturating_sub(ENTRIES);
        for (_, path) in entries.drain(..surplus) {
            discard(&path);
        }
        Ok(())
    }

    fn path(&self, module: Digest) -> PathBuf {
        let settings = self.settings.to_hex();
        self.dir.join(format!("{module}-{}.cwasm", &settings[..16]))
    }

    fn mac(&self, module: Digest, code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&module.0).update(self.settings.as_bytes()).update(code);
        hasher.finalize()
    }
}

/// A name beside the file's own that nobody else writes to.
fn unfinished(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    path.with_extension(format!("{}-{count}.tmp", std::process::id()))
}

/// What can't be removed stays unused: nothing in the directory is trusted for being there.
fn discard(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        warn!(path = %path.display(), %error, "a compiled module can't be removed");
    }
}

/// Marks a file as used, for [`Cache::evict`].
fn touch(path: &Path) {
    if let Err(error) = File::open(path).and_then(|file| file.set_modified(SystemTime::now())) {
        warn!(path = %path.display(), %error, "a compiled module can't be marked as used");
    }
}

/// Whichever of two processes links its key first has made it; both then read the same.
fn read_or_make_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    if !path.try_exists()? {
        let mut key = [0; KEY_BYTES];
        if getrandom(&mut key, GetRandomFlags::empty())? != KEY_BYTES {
            return Err(io::Error::other("the kernel gave too few random bytes"));
        }
        let unfinished = unfinished(path);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(&key)?;
        file.sync_all()?;
        let linked = fs::hard_link(&unfinished, path);
        fs::remove_file(&unfinished)?;
        linked.or_else(|error| if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })?;
    }
    let mut key = [0; KEY_BYTES];
    File::open(path)?.read_exact(&mut key)?;
    Ok(key)
}

/// A [`Hasher`] that loses nothing.
struct SettingsHasher(blake3::Hasher);

impl Hasher for SettingsHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("8 of 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(dir: &Path) -> Cache {
        Cache::open(dir, &crate::engine::engine().expect("an engine")).expect("a writable directory")
    }

    fn code() -> OwnCode {
        OwnCode::just_compiled(b"pretend this is machine code".to_vec())
    }

    #[test]
    fn what_was_put_comes_back_after_a_restart() {
        let dir = tempfile::tempdir().expect("a directory");
        let module = Digest::of(b"module");
        cache(dir.path()).put(module, &code());
        let kept = cache(dir.path()).get(module).expect("kept");
        assert_eq!(kept.bytes(), code().bytes());
        assert!(cache(dir.path()).get(Digest::of(b"another")).is_none());
    }

    #[test]
    fn every_flipped_bit_makes_a_file_foreign() {
        let dir = tempfile::tempdir().expect("a directory");
        let (cache, module) = (cache(dir.path()), Digest::of(b"module"));
        cache.put(module, &code());
        let whole = fs::read(cache.path(module)).expect("written");
        for index in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[index] ^= 1;
            fs::write(cache.path(module), flipped).expect("writable");
            assert!(cache.get(module).is_none(), "byte {index} flipped");
            assert!(!cache.path(module).exists(), "removed");
        }
        fs::write(cache.path(module), &whole[..10]).expect("writable");
        assert!(cache.get(module).is_none());
    }

    #[test]
    fn code_of_another_host_or_another_module_is_not_taken() {
        let (here, there) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let (ours, theirs) = (cache(here.path()), cache(there.path()));
        let (module, other) = (Digest::of(b"module"), Digest::of(b"other"));
        theirs.put(module, &code());
        fs::copy(theirs.path(module), ours.path(module)).expect("copied");
        assert!(ours.get(module).is_none());

        ours.put(module, &code());
        fs::copy(ours.path(module), ours.path(other)).expect("copied");
        assert!(ours.get(other).is_none());
    }

    #[test]
    fn the_longest_unused_go_first_when_the_cache_is_full() {
        let dir = tempfile::tempdir().expect("a directory");
        let cache = cache(dir.path());
        let modules: Vec<_> = (0..=ENTRIES).map(|number| Digest::of(&number.to_le_bytes())).collect();
        let age = |module, seconds| {
            let then = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            File::open(cache.path(module)).and_then(|file| file.set_modified(then)).expect("touched");
        };
        for (second, module) in modules[..ENTRIES].iter().enumerate() {
            cache.put(*module, &code());
            age(*module, second as u64);
        }
        assert!(cache.get(modules[0]).is_some(), "the oldest, now used");
        cache.put(modules[ENTRIES], &code());
        assert!(cache.get(modules[0]).is_some());
        assert!(cache.get(modules[1]).is_none());
        assert!(cache.get(modules[ENTRIES]).is_some());
    }

    #[test]
    fn only_the_owner_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        let first = cache(dir.path());
        let mode = fs::metadata(dir.path().join("key")).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(first.key, cache(dir.path()).key, "made once");
    }
}
