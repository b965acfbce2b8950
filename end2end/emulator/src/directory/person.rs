//! One person, as small as a tenant of 100,000 needs it: what can be worked out is worked out when asked.

use time::{Date, Duration, OffsetDateTime, Time};
use uuid::Uuid;

use super::data::{DATA, Office};

/// Somebody in a tenant.
#[derive(Debug)]
pub struct Person {
    /// Object id.
    pub oid: Uuid,
    /// Display name.
    pub display_name: Box<str>,
    /// Given name.
    pub given_name: &'static str,
    /// Surname.
    pub surname: &'static str,
    /// User principal name, lower case except for a guest's `#EXT#`.
    pub username: Box<str>,
    /// Job title.
    pub job: Option<&'static str>,
    /// The organisation, for its own people.
    pub company: Option<&'static str>,
    /// Preferred language.
    pub language: Option<&'static str>,
    /// Position of the manager among the tenant's people.
    pub manager: Option<u32>,
    /// Whether there is a photo.
    pub photo: bool,
    /// A guest of the tenant.
    pub guest: bool,
    /// A persona's position in the data file.
    pub persona: Option<u16>,
    pub(super) department: Option<u8>,
    pub(super) office: Option<u8>,
    /// Where everything else about the person comes from.
    pub(super) seed: u64,
}

impl Person {
    /// Where the person's mail goes; a guest's goes to their own organisation.
    pub fn mail(&self) -> &str {
        match self.persona {
            Some(persona) if self.guest => &DATA.persona[usize::from(persona)].username,
            _ => &self.username,
        }
    }

    /// Name of the department.
    pub fn department(&self) -> Option<&'static str> {
        let department = &DATA.department[usize::from(self.department?)];
        Some(&department.name)
    }

    /// Where the person works.
    pub fn office(&self) -> Option<&'static Office> {
        Some(&DATA.office[usize::from(self.office?)])
    }

    /// Floor and room, such as "London 3/214".
    pub fn office_location(&self) -> Option<String> {
        let office = self.office()?;
        let room = self.random("room");
        Some(format!(
            "{} {}/{:03}",
            office.city,
            1 + room % 6,
            1 + room / 6 % 240
        ))
    }

    /// The desk's telephone number.
    pub fn business_phone(&self) -> Option<String> {
        let has_one = self.random("has phone") % 10 < 7;
        (has_one).then_some(())?;
        Some(digits(&self.office()?.phone, self.random("phone")))
    }

    /// The mobile telephone number.
    pub fn mobile_phone(&self) -> Option<String> {
        let has_one = self.random("has mobile") % 10 < 6;
        (has_one).then_some(())?;
        Some(digits(&self.office()?.mobile, self.random("mobile")))
    }

    /// Whether the account may sign in. Some have left.
    pub fn enabled(&self) -> bool {
        self.persona.is_some() || !self.random("enabled").is_multiple_of(40)
    }

    /// The number on the badge, six digits.
    pub fn employee_id(&self) -> String {
        format!("{:06}", 100_000 + self.random("employee") % 900_000)
    }

    /// When the account was made: in office hours on some day of 2016 to 2025.
    pub fn created(&self) -> OffsetDateTime {
        let random = self.random("created");
        let start = Date::from_ordinal_date(2016, 1).unwrap_or(Date::MIN);
        let day = i64::try_from(random % 3600).unwrap_or(0);
        let second = i64::try_from(random / 3600 % 32_400).unwrap_or(0);
        (start + Duration::days(day))
            .with_time(Time::MIDNIGHT)
            .assume_utc()
            + Duration::hours(8)
            + Duration::seconds(second)
    }

    /// A number that depends on the person and on `what` alone.
    pub fn random(&self, what: &str) -> u64 {
        let salt = what.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3) // FNV-1a
        });
        mix(self.seed ^ salt)
    }
}

/// splitmix64: small, quick, the same on every machine and in every release of every library.
pub fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A GUID of version 4, made from a number.
pub fn guid(seed: u64) -> Uuid {
    let value = (u128::from(mix(seed)) << 64) | u128::from(mix(seed ^ 0xa5a5_5a5a));
    uuid::Builder::from_random_bytes(value.to_be_bytes()).into_uuid()
}

fn digits(pattern: &str, mut random: u64) -> String {
    let digit = |c| {
        if c != '#' {
            return c;
        }
        let digit = char::from_digit((random % 10) as u32, 10).unwrap_or('0');
        random /= 10;
        digit
    };
    pattern.chars().map(digit).collect()
}
