//! A file system for SQLite that asks the [`Disk`] of a directory before it passes each operation on to the usual one.
//!
//! [`install`] makes it the default of this process, so that the store opens its files through it without knowing.
//! Nothing is synced for real: only an end of the machine could tell, and that is what the crash tests play.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use crate::disk::{Disk, Event, Kind, Trouble};

/// Name of the file system that SQLite brings along.
pub(crate) const USUAL: &CStr = if cfg!(windows) { c"win32" } else { c"unix" };

/// Makes the file system the default of this process; the second call and all later ones do nothing.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = usual();
        // SAFETY: `usual` points to a file system that SQLite keeps for the life of the process.
        let mut vfs = unsafe { *usual };
        vfs.zName = c"faults".as_ptr();
        vfs.szOsFile += size_of::<File>() as c_int;
        vfs.pNext = std::ptr::null_mut();
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        // SAFETY: the value lives as long as the process, because it is leaked. All functions that were not replaced
        // are the usual ones, and these read nothing of it but what was copied.
        let code = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1) };
        assert_eq!(code, ffi::SQLITE_OK);
    });
}

/// Returns the file system that SQLite brings along.
fn usual() -> *mut sqlite3_vfs {
    // SAFETY: the name ends with a null; SQLite initialises itself on the way.
    let vfs = unsafe { ffi::sqlite3_vfs_find(USUAL.as_ptr()) };
    assert!(!vfs.is_null(), "SQLite brings {USUAL:?} along");
    vfs
}

/// One open file. SQLite gives room for it and for the usual one, which follows it in memory.
#[repr(C)]
struct File {
    base: sqlite3_file,
    /// Made by `open`, freed by `close`.
    watch: *mut Watch,
}

/// What is known of an open file.
struct Watch {
    /// None for temporary files and for directories that nobody watches.
    disk: Option<Arc<Disk>>,
    name: String,
    /// The usual file system syncs the directory at the first sync of a log or journal.
    syncs_directory: AtomicBool,
}

impl Watch {
    fn trouble(&self, kind: Kind) -> Option<Trouble> {
        self.disk.as_ref()?.trouble(kind)
    }

    fn note(&self, event: impl FnOnce(String) -> Event) {
        if let Some(disk) = &self.disk {
            disk.note(event(self.name.clone()));
        }
    }

    fn note_sync(&self) {
        self.note(|file| Event::Synced { file });
        if self.syncs_directory.swap(false, Ordering::Relaxed) {
            self.note(|_| Event::DirectorySynced);
        }
    }
}

/// Returns what is known of `file`.
///
/// # Safety
/// `file` was opened by [`open`] and not closed.
unsafe fn watch<'a>(file: *mut sqlite3_file) -> &'a Watch {
    // SAFETY: `open` wrote a `File` here whose `watch` lives until `close`.
    unsafe { &*(*file.cast::<File>()).watch }
}

/// Returns the usual file behind `file`.
///
/// # Safety
/// `file` points to the room that SQLite gave for a file of this file system.
unsafe fn behind(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: `szOsFile` asks for room for both, and the size of `File` keeps the alignment of the second.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// Returns the functions of the usual file behind `file`.
///
/// # Safety
/// As for [`watch`].
unsafe fn usual_methods<'a>(file: *mut sqlite3_file) -> &'a sqlite3_io_methods {
    // SAFETY: the usual `xOpen` succeeded, so it has set its functions; they are static.
    unsafe { &*(*behind(file)).pMethods }
}

/// The disk under a path that SQLite names; None if nobody watches it.
///
/// # Safety
/// `name` is null or ends with a null.
unsafe fn disk_of(name: *const c_char) -> Option<(Arc<Disk>, String)> {
    if name.is_null() {
        return None;
    }
    // SAFETY: asked of the caller.
    let path = unsafe { CStr::from_ptr(name) };
    Disk::of(Path::new(path.to_str().ok()?))
}

unsafe extern "C" fn open(
    _vfs: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a name that is null or ends with a null, and room for the file. Without functions, a file
    // counts as not open.
    let known = unsafe {
        (*file).pMethods = std::ptr::null();
        disk_of(name)
    };
    let (disk, name_there) = known.unzip();
    if disk
        .as_ref()
        .and_then(|disk| disk.trouble(Kind::Open))
        .is_some()
    {
        return ffi::SQLITE_CANTOPEN;
    }
    let usual = usual();
    // SAFETY: all arguments are those that SQLite gave, but for the room, which lies behind ours.
    let code = unsafe {
        let open = (*usual).xOpen.expect("a file system opens files");
        open(usual, name, behind(file), flags, out_flags)
    };
    if code != ffi::SQLITE_OK {
        return code;
    }
    let is_log = flags & (ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL) != 0;
    let watch = Watch {
        disk,
        name: name_there.unwrap_or_default(),
        syncs_directory: AtomicBool::new(is_log && flags & ffi::SQLITE_OPEN_CREATE != 0),
    };
    watch.note(|file| Event::Opened { file });
    // SAFETY: the room is ours; from here on the file counts as open.
    unsafe {
        (*file.cast::<File>()).watch = Box::into_raw(Box::new(watch));
        (*file).pMethods = &METHODS;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(
    _vfs: *mut sqlite3_vfs,
    name: *const c_char,
    sync_directory: c_int,
) -> c_int {
    let usual = usual();
    // SAFETY: the arguments are those that SQLite gave.
    let (code, known) = unsafe {
        let delete = (*usual).xDelete.expect("a file system deletes files");
        (delete(usual, name, 0), disk_of(name))
    };
    if let (ffi::SQLITE_OK, Some((disk, file))) = (code, known) {
        disk.note(Event::Removed { file });
        if sync_directory != 0 {
            disk.note(Event::DirectorySynced);
        }
    }
    code
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // Without xFetch: the store maps no pages.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Defines functions that only pass an operation on.
macro_rules! pass_on {
    ($($name:ident: $method:ident($($argument:ident: $type:ty),*);)*) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $type)*) -> c_int {
            // SAFETY: SQLite calls this on an open file, with the arguments that the usual function expects.
            unsafe {
                let usual = usual_methods(file).$method.expect("the usual file has this function");
                usual(behind(file) $(, $argument)*)
            }
        }
    )*};
}

pass_on! {
    file_size: xFileSize(size: *mut sqlite3_int64);
    unlock: xUnlock(level: c_int);
    check_reserved_lock: xCheckReservedLock(answer: *mut c_int);
    file_control: xFileControl(what: c_int, argument: *mut c_void);
    sector_size: xSectorSize();
    device_characteristics: xDeviceCharacteristics();
    shm_unmap: xShmUnmap(delete: c_int);
    usual_close: xClose();
    usual_read: xRead(to: *mut c_void, len: c_int, at: sqlite3_int64);
    usual_write: xWrite(from: *const c_void, len: c_int, at: sqlite3_int64);
    usual_truncate: xTruncate(len: sqlite3_int64);
    usual_lock: xLock(level: c_int);
    usual_shm_map: xShmMap(page: c_int, size: c_int, extend: c_int, to: *mut *mut c_void);
    usual_shm_lock: xShmLock(from: c_int, count: c_int, flags: c_int);
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the file is open, and SQLite uses it no more after this.
    unsafe {
        let code = usual_close(file);
        drop(Box::from_raw((*file.cast::<File>()).watch));
        (*file).pMethods = std::ptr::null();
        code
    }
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    to: *mut c_void,
    len: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open; the arguments are those that SQLite gave.
    unsafe {
        match watch(file).trouble(Kind::Read) {
            Some(_) => ffi::SQLITE_IOERR_READ,
            None => usual_read(file, to, len, at),
        }
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    len: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open.
    let watch = unsafe { watch(file) };
    let trouble = watch.trouble(Kind::Write);
    let (len, answer) = match trouble {
        None => (len, ffi::SQLITE_OK),
        Some(Trouble::IoError) => return ffi::SQLITE_IOERR_WRITE,
        Some(Trouble::Full) => return ffi::SQLITE_FULL,
        Some(Trouble::ShortWrite) => (len / 2, ffi::SQLITE_FULL),
    };
    // SAFETY: `from` has at least `len` bytes; the file is open.
    let (code, bytes) = unsafe {
        let bytes = std::slice::from_raw_parts(from.cast::<u8>(), len as usize);
        (usual_write(file, from, len, at), bytes.to_vec())
    };
    if code != ffi::SQLITE_OK {
        return code;
    }
    watch.note(|file| Event::Written {
        file,
        at: at as u64,
        bytes,
    });
    answer
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, len: sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let (watch, code) = unsafe {
        let watch = watch(file);
        match watch.trouble(Kind::Truncate) {
            Some(_) => (watch, ffi::SQLITE_IOERR_TRUNCATE),
            None => (watch, usual_truncate(file, len)),
        }
    };
    if code == ffi::SQLITE_OK {
        let len = len as u64;
        watch.note(|file| Event::Truncated { file, len });
    }
    code
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let watch = unsafe { watch(file) };
    if watch.trouble(Kind::Sync).is_some() {
        watch.note(|file| Event::SyncFailed { file });
        return ffi::SQLITE_IOERR_FSYNC;
    }
    watch.note_sync();
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        match watch(file).trouble(Kind::Lock) {
            Some(_) => ffi::SQLITE_IOERR_LOCK,
            None => usual_lock(file, level),
        }
    }
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    to: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open; `to` may be written.
    unsafe {
        match watch(file).trouble(Kind::ShmMap) {
            Some(trouble) => {
                *to = std::ptr::null_mut();
                match trouble {
                    Trouble::IoError => ffi::SQLITE_IOERR_SHMMAP,
                    Trouble::Full | Trouble::ShortWrite => ffi::SQLITE_IOERR_SHMSIZE,
                }
            }
            None => usual_shm_map(file, page, size, extend, to),
        }
    }
}

unsafe extern "C" fn shm_lock(
    file: *mut sqlite3_file,
    from: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    let is_taken = flags & ffi::SQLITE_SHM_LOCK != 0;
    // SAFETY: the file is open.
    unsafe {
        match is_taken.then(|| watch(file).trouble(Kind::Lock)).flatten() {
            Some(_) => ffi::SQLITE_IOERR_SHMLOCK,
            None => usual_shm_lock(file, from, count, flags),
        }
    }
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: the file is open.
    unsafe {
        let barrier = usual_methods(file).xShmBarrier;
        barrier.expect("the usual file has shared memory")(behind(file));
    }
}
