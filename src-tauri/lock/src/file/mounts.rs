//! The list of mounts of Linux, and what is known of the file systems in it.

use std::path::{Path, PathBuf};

/// Types that live on another machine or are shared between machines.
const NETWORK_TYPES: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "panfs",
    "prl_fs",
    "pvfs2",
    "smb",
    "smb3",
    "smbfs",
    "vboxsf",
    "vmhgfs",
];

/// FUSE programs (`fuse.<name>` in the list of mounts) that fetch files from elsewhere.
const NETWORK_FUSE: &[&str] = &[
    "afpfs",
    "blobfuse",
    "blobfuse2",
    "ceph",
    "ceph-fuse",
    "cifs",
    "curlftpfs",
    "davfs",
    "gcsfuse",
    "glusterfs",
    "goofys",
    "grpcfuse",
    "gvfsd-fuse",
    "httpdirfs",
    "juicefs",
    "lizardfs",
    "mfs",
    "moosefs",
    "mount-s3",
    "mountpoint-s3",
    "nfs",
    "osxfs",
    "portal",
    "prl_fsd",
    "rclone",
    "s3fs",
    "seaweedfs",
    "smbnetfs",
    "sshfs",
    "vmhgfs-fuse",
    "webdav",
];

/// Types on which locks and shared memory are known to hold between the programs of one machine.
const KNOWN_TYPES: &[&str] = &[
    "apfs", "bcachefs", "btrfs", "ecryptfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk",
    "hfs", "hfsplus", "jfs", "jffs2", "msdos", "nilfs2", "ntfs", "ntfs3", "overlay", "ramfs",
    "reiserfs", "rootfs", "tmpfs", "ubifs", "vfat", "xfs", "zfs",
];

/// FUSE programs that keep their files in a form of their own, so that no second path leads to the same ones.
const KNOWN_FUSE: &[&str] = &["cryfs", "encfs", "gocryptfs", "zfs"];

/// Returns the type of the mount that `path` (canonical) is on if that is a network type.
///
/// `mountinfo` is the text of `/proc/self/mountinfo`. The mount with the longest matching
/// path counts; of two on one path, the later, because it lies on top.
pub(super) fn network_mount(mountinfo: &[u8], path: &Path) -> Option<String> {
    let ours = Mount::of(mountinfo, path)?;
    is_network(&ours.kind, &ours.source).then_some(ours.kind)
}

/// Returns the type of the mount that `path` (canonical) is on if it is neither known as local nor as a network type.
pub(super) fn unknown_mount(mountinfo: &[u8], path: &Path) -> Option<String> {
    let ours = Mount::of(mountinfo, path)?;
    let is_known = match ours.kind.strip_prefix("fuse.") {
        Some(program) => KNOWN_FUSE.contains(&program),
        None => KNOWN_TYPES.contains(&ours.kind.as_str()),
    };
    (!is_known && !is_network(&ours.kind, &ours.source)).then_some(ours.kind)
}

/// One line of the list of mounts, as far as we read it.
struct Mount {
    point: PathBuf,
    kind: String,
    source: String,
}

impl Mount {
    /// Returns the mount that `path` is on.
    fn of(mountinfo: &[u8], path: &Path) -> Option<Self> {
        let text = String::from_utf8_lossy(mountinfo);
        text.lines()
            .filter_map(Self::parse)
            .filter(|mount| path.starts_with(&mount.point))
            .max_by_key(|mount| mount.point.components().count())
    }

    /// Reads `36 35 98:0 /root /point options tags - type source options`; see proc(5).
    fn parse(line: &str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let point = PathBuf::from(unescape(left.split(' ').nth(4)?));
        let mut right = right.split(' ');
        let kind = right.next()?.to_owned();
        let source = unescape(right.next().unwrap_or_default());
        Some(Self {
            point,
            kind,
            source,
        })
    }
}

/// Replaces `\040` and its like by the characters they stand for.
fn unescape(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) if code.is_ascii() => {
                text.push(char::from(code));
                text.push_str(&part[3..]);
            }
            _ => {
                text.push('\\');
                text.push_str(part);
            }
        }
    }
    text
}

/// Tells whether a mount of type `kind` from `source` comes from another machine.
///
/// A bare `fuse` hides its program; a source such as `host:/folder` or `https://…` gives it away.
fn is_network(kind: &str, source: &str) -> bool {
    match kind.strip_prefix("fuse.") {
        Some(program) => NETWORK_FUSE.contains(&program),
        None if kind == "fuse" => source.contains(":/") || source.starts_with("//"),
        None => NETWORK_TYPES.contains(&kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 27 0:30 / /home rw shared:1 - nfs4 server:/home rw,vers=4.2
31 30 8:1 / /home/ann rw shared:2 master:3 - ext4 /dev/sda1 rw
32 27 0:31 / /mnt/my\\040share rw - cifs //server/share rw
33 27 0:32 / /mnt/ssh rw - fuse.sshfs ann@server: rw
34 27 0:33 / /mnt/bare rw - fuse https://cloud.example/dav rw
35 27 0:34 / /mnt/ntfs rw - fuseblk /dev/sdb1 rw
36 27 0:35 / /mnt/auto rw - autofs systemd-1 rw
37 36 0:36 / /mnt/auto rw - nfs server:/auto rw
38 27 0:37 / /mnt/zfs rw - fuse.zfs pool rw
39 27 0:38 / /c rw - 9p drvfs rw
40 27 0:39 / /mnt/bind rw - fuse /srv/store rw
41 27 0:40 / /mnt/vm rw - virtiofs share rw
a line that is no mount
";

    #[test]
    fn the_mount_that_a_path_is_on_decides_what_is_known_of_it() {
        let cases = [
            ("/var/lib/commonplace", None, None),
            ("/home/bob/store", Some("nfs4"), None),
            ("/home/ann/store", None, None),
            ("/homework", None, None),
            ("/mnt/my share/store", Some("cifs"), None),
            ("/mnt/ssh", Some("fuse.sshfs"), None),
            ("/mnt/bare/x", Some("fuse"), None),
            ("/mnt/ntfs/x", None, None),
            ("/mnt/auto/x", Some("nfs"), None),
            ("/mnt/zfs/x", None, None),
            ("/c/Users", Some("9p"), None),
            ("/mnt/bind/x", None, Some("fuse")),
            ("/mnt/vm", None, Some("virtiofs")),
        ];
        for (path, network, unknown) in cases {
            let found = network_mount(MOUNTS.as_bytes(), Path::new(path));
            assert_eq!(found.as_deref(), network, "{path}");
            let found = unknown_mount(MOUNTS.as_bytes(), Path::new(path));
            assert_eq!(found.as_deref(), unknown, "{path}");
        }
    }

    #[test]
    fn an_empty_or_broken_table_refuses_nothing() {
        for table in ["", "- - -", "1 2 3 - nfs", "\u{0}\u{0}"] {
            assert_eq!(
                network_mount(table.as_bytes(), Path::new("/x")),
                None,
                "`{table}`"
            );
        }
    }

    #[test]
    fn escapes_in_mount_points_are_read() {
        assert_eq!(unescape(r"/a\040b\134c"), r"/a b\c");
        assert_eq!(unescape(r"/a\"), r"/a\");
        assert_eq!(unescape(r"/a\9é"), r"/a\9é");
    }
}
