//! The delegated permissions of the calls that this app makes, each list as in the table "Permissions" of the
//! call's page in Graph's documentation: one is enough, the least privileged stands first and is asked for. A new list
//! has its place in [`asked_for`] too.

use crate::tokens::AnyOf;

/// The permissions that this app asks for where they are missing: the least of each list.
pub fn asked_for() -> impl Iterator<Item = &'static str> {
    [
        ME,
        PEOPLE,
        PHOTO,
        RELEVANT,
        REVOKE,
        MANAGER,
        REPORTS,
        GROUPS,
        ORGANIZATION,
    ]
    .into_iter()
    .filter_map(|any| any.first().copied())
}

/// <https://learn.microsoft.com/graph/api/user-get>, for oneself.
pub const ME: AnyOf<'_> = &[
    "User.Read",
    "User.ReadWrite",
    "User.ReadBasic.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

/// <https://learn.microsoft.com/graph/api/user-list>.
pub const PEOPLE: AnyOf<'_> = &[
    "User.ReadBasic.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

/// <https://learn.microsoft.com/graph/api/profilephoto-get>. One's own photo needs less than others'; Graph
/// itself refuses the rest.
pub const PHOTO: AnyOf<'_> = &[
    "User.Read",
    "User.ReadWrite",
    "ProfilePhoto.Read.All",
    "ProfilePhoto.ReadWrite.All",
    "User.ReadBasic.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

/// <https://learn.microsoft.com/graph/api/user-list-people>, for oneself.
pub const RELEVANT: AnyOf<'_> = &["People.Read", "People.Read.All"];

/// <https://learn.microsoft.com/graph/api/user-revokesigninsessions> (R76).
pub const REVOKE: AnyOf<'_> = &[
    "User.RevokeSessions.All",
    "User.ReadWrite",
    "User.ReadWrite.All",
    "Directory.ReadWrite.All",
];

/// <https://learn.microsoft.com/graph/api/user-list-manager>.
pub const MANAGER: AnyOf<'_> = &[
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

/// <https://learn.microsoft.com/graph/api/user-list-directreports>.
pub const REPORTS: AnyOf<'_> = PEOPLE;

/// <https://learn.microsoft.com/graph/api/user-list-memberof>. Less is enough for the ids of groups; these give names too.
pub const GROUPS: AnyOf<'_> = &[
    "GroupMember.Read.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

/// <https://learn.microsoft.com/graph/api/organization-list>.
pub const ORGANIZATION: AnyOf<'_> = &[
    "User.Read",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
