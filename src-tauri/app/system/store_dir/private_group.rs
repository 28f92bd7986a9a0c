//! Whether a group is one user's own: many systems give each user a group of the same name and let new directories be
//! written by it, so that `~/.local/share` may have the mode 775 and still be private.

use std::fs;

/// Tells whether nobody but `user` is in the group, as far as the files of the system say. One that they do not know may
/// have any members.
pub(super) fn is_private(group: u32, user: u32) -> bool {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    has_only(&read("/etc/passwd"), &read("/etc/group"), group, user)
}

/// The same for the texts of passwd(5) and group(5).
fn has_only(passwd: &str, groups: &str, group: u32, user: u32) -> bool {
    let mut name = None;
    for line in passwd.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [login, _, id, first_group, ..] = fields[..] else {
            continue;
        };
        if id.parse() == Ok(user) {
            name = Some(login);
        } else if first_group.parse() == Ok(group) {
            return false;
        }
    }
    let members = groups.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, id, members] = fields[..] else {
            return None;
        };
        (id.parse() == Ok(group)).then_some(members)
    });
    members.is_some_and(|members| {
        let mut members = members.split(',').filter(|member| !member.is_empty());
        members.all(|member| Some(member) == name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/:/bin/sh\ncy:x:1002:100::/:/bin/sh\n";
    const GROUPS: &str =
        "root:x:0:\nusers:x:100:\nann:x:1000:\nbob:x:1001:ann\nteam:x:50:ann,bob\nown:x:51:ann\n";

    #[test]
    fn a_group_is_private_if_it_has_no_other_member() {
        let is_anns = |group| has_only(PASSWD, GROUPS, group, 1000);
        assert!(is_anns(1000));
        assert!(is_anns(51));
        assert!(!is_anns(50), "bob is in it");
        assert!(!is_anns(1001), "it is bob's first group");
        assert!(!is_anns(100), "it is cy's first group");
        assert!(!is_anns(7), "nobody knows who is in it");
    }
}
