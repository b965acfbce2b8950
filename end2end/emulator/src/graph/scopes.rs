//! Which delegated permissions a call needs: any one of a list, the least privileged first.
//!
//! Each list is the "Permissions" table of that operation's page in the Graph docs.

use crate::state::Access;

use super::error::Refusal;

/// The signed-in user's own profile, and the photo.
pub const PROFILE: &[&str] = &[
    "User.Read",
    "User.ReadWrite",
    "User.ReadBasic.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// Everybody's basic profile.
pub const BASIC_PROFILES: &[&str] = &[
    "User.ReadBasic.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// Everybody's full profile, and managers.
pub const PROFILES: &[&str] = &[
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// Group memberships of the signed-in user.
pub const MEMBER_OF: &[&str] = &[
    "User.Read",
    "User.ReadWrite",
    "GroupMember.Read.All",
    "User.Read.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// Group memberships of others.
pub const MEMBERS_OF: &[&str] = &[
    "GroupMember.Read.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// What groups are called.
pub const GROUPS: &[&str] = &[
    "GroupMember.Read.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// The organisation.
pub const ORGANIZATION: &[&str] = &[
    "User.Read",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// Relevant people.
pub const PEOPLE: &[&str] = &["People.Read", "People.Read.All"];
/// Calendars.
pub const CALENDAR: &[&str] = &[
    "Calendars.ReadBasic",
    "Calendars.Read",
    "Calendars.ReadWrite",
];
/// Mail.
pub const MAIL: &[&str] = &["Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite"];
/// Files.
pub const FILES: &[&str] = &[
    "Files.Read",
    "Files.ReadWrite",
    "Files.Read.All",
    "Files.ReadWrite.All",
];
/// Ending one's own sessions.
pub const REVOKE: &[&str] = &[
    "User.RevokeSessions.All",
    "User.ReadWrite",
    "User.ReadWrite.All",
    "Directory.ReadWrite.All",
];

/// Whether the token has one of these.
pub fn has(access: &Access, any: &[&str]) -> bool {
    (access.scopes.iter()).any(|scope| any.iter().any(|wanted| wanted.eq_ignore_ascii_case(scope)))
}

/// Refuses a token that has none of these, as the directory refuses.
pub fn require(access: &Access, any: &[&str]) -> Result<(), Refusal> {
    if has(access, any) {
        Ok(())
    } else {
        Err(Refusal::denied())
    }
}
