//! The delegated permissions of the calls that this app makes, each list as in the table "Permissions" of the
//! call's page in Graph's documentation: one is enough, the least privileged stands first and is asked for.

use crate::tokens::AnyOf;

/// The table. Whatever stands in it may be asked for: there is no second list to keep in step.
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = [$($scope:literal),+ $(,)?];)+) => {
        $($(#[$doc])* pub const $name: AnyOf<'_> = &[$($scope),+];)+

        /// The permissions that this app asks for where they are missing: the least of each list.
        pub fn asked_for() -> impl Iterator<Item = &'static str> {
            [$($name),+].into_iter().map(|any| any[0])
        }
    };
}

permissions! {
    /// <https://learn.microsoft.com/graph/api/user-get>, for oneself.
    ME = [
        "User.Read",
        "User.ReadWrite",
        "User.ReadBasic.All",
        "User.Read.All",
        "User.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ];

    /// <https://learn.microsoft.com/graph/api/user-list>.
    PEOPLE = [
        "User.ReadBasic.All",
        "User.Read.All",
        "User.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ];

    /// <https://learn.microsoft.com/graph/api/profilephoto-get>. One's own photo needs less than others'; Graph
    /// itself refuses the rest.
    PHOTO = [
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

    /// <https://learn.microsoft.com/graph/api/user-revokesigninsessions> (R76).
    REVOKE = [
        "User.RevokeSessions.All",
        "User.ReadWrite",
        "User.ReadWrite.All",
        "Directory.ReadWrite.All",
    ];

    /// <https://learn.microsoft.com/graph/api/user-list-people>, for oneself.
    RELEVANT = ["People.Read", "People.Read.All"];

    /// <https://learn.microsoft.com/graph/api/user-list-manager>.
    MANAGER = [
        "User.Read.All",
        "User.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ];

    /// <https://learn.microsoft.com/graph/api/user-list-directreports>.
    REPORTS = [
        "User.ReadBasic.All",
        "User.Read.All",
        "User.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ];

    /// <https://learn.microsoft.com/graph/api/user-list-memberof>. Less is enough for the ids of groups; these give names too.
    GROUPS = [
        "GroupMember.Read.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ];

    /// <https://learn.microsoft.com/graph/api/organization-list>.
    ORGANIZATION = [
        "User.Read",
        "Organization.Read.All",
        "Organization.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ];
}
