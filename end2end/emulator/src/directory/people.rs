//! Everybody in a tenant, in the order of their display names, and the ways to find them.

use std::collections::HashMap;
use std::sync::OnceLock;

use uuid::Uuid;

use super::person::Person;
use super::words::{ascii, tokens};

/// The people of one tenant. A person's position here is what pages, indexes and managers refer to.
#[derive(Debug)]
pub struct People {
    list: Vec<Person>,
    by_oid: HashMap<Uuid, u32>,
    by_username: Vec<u32>,
    guests: Vec<u32>,
    words: OnceLock<Vec<(Box<str>, Vec<u32>)>>,
    by_manager: OnceLock<Vec<(u32, u32)>>,
    by_creation: OnceLock<Vec<u32>>,
}

impl People {
    /// Sorts them. Managers are positions in `people`.
    pub(super) fn new(mut people: Vec<Person>) -> Self {
        let mut order = numbers(people.len());
        order.sort_by_cached_key(|&at| sort_key(&people[index(at)].display_name));
        let mut place = vec![0; people.len()];
        for (new, &old) in (0..).zip(&order) {
            place[index(old)] = new;
        }
        for person in &mut people {
            person.manager = person.manager.map(|old| place[index(old)]);
        }
        let mut slots: Vec<Option<Person>> = people.into_iter().map(Some).collect();
        let list: Vec<Person> = order
            .iter()
            .filter_map(|&old| slots[index(old)].take())
            .collect();
        let mut by_username = numbers(list.len());
        by_username.sort_by_cached_key(|&at| list[index(at)].username.to_ascii_lowercase());
        Self {
            by_oid: (0..)
                .zip(&list)
                .map(|(at, person)| (person.oid, at))
                .collect(),
            by_username,
            guests: (0..)
                .zip(&list)
                .filter(|(_, person)| person.guest)
                .map(|(at, _)| at)
                .collect(),
            list,
            words: OnceLock::new(),
            by_manager: OnceLock::new(),
            by_creation: OnceLock::new(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The person at a position.
    pub fn get(&self, at: u32) -> Option<&Person> {
        self.list.get(index(at))
    }

    /// The person with this object id, user principal name or, for guests, mail address.
    pub fn find(&self, key: &str) -> Option<&Person> {
        self.get(self.position(key)?)
    }

    /// Where the person is whom [`People::find`] finds.
    pub fn position(&self, key: &str) -> Option<u32> {
        if let Ok(oid) = Uuid::try_parse(key) {
            return self.by_oid.get(&oid).copied();
        }
        let key = key.to_ascii_lowercase();
        let found = (self.by_username)
            .binary_search_by(|&at| self.list[index(at)].username.to_ascii_lowercase().cmp(&key));
        if let Ok(rank) = found {
            return Some(self.by_username[rank]);
        }
        (self.guests.iter().copied())
            .find(|&at| self.list[index(at)].mail().eq_ignore_ascii_case(&key))
    }

    /// Everybody, by position.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Person)> {
        (0..).zip(&self.list)
    }

    /// Positions in the order of user principal names.
    pub fn by_username(&self) -> &[u32] {
        &self.by_username
    }

    /// Positions from the oldest account to the newest.
    pub fn by_creation(&self) -> &[u32] {
        self.by_creation.get_or_init(|| {
            let mut order = numbers(self.list.len());
            order.sort_by_cached_key(|&at| self.list[index(at)].created());
            order
        })
    }

    /// Positions of those whose user principal name starts so, whatever the case.
    pub fn with_username_prefix(&self, prefix: &str) -> &[u32] {
        let prefix = prefix.to_ascii_lowercase();
        let name = |at: u32| self.list[index(at)].username.to_ascii_lowercase();
        let start = self.by_username.partition_point(|&at| name(at) < prefix);
        let rest = &self.by_username[start..];
        &rest[..rest.partition_point(|&at| name(at).starts_with(&prefix))]
    }

    /// Positions among which all are whose display name starts so, where the order of the list tells: for plain
    /// letters and spaces.
    pub fn with_name_prefix(&self, prefix: &str) -> Option<std::ops::Range<u32>> {
        let plain = |c: char| c.is_ascii_alphabetic() || c == ' ';
        if prefix.is_empty() || !prefix.chars().all(plain) {
            return None;
        }
        let prefix = sort_key(prefix);
        let key = |person: &Person| sort_key(&person.display_name);
        let start = self.list.partition_point(|person| key(person) < prefix);
        let length = self.list[start..].partition_point(|person| key(person).starts_with(&prefix));
        let place = |at: usize| u32::try_from(at).ok();
        Some(place(start)?..place(start + length)?)
    }

    /// Positions of those in whose display name a word starts so; `prefix` is lower case. A position may come twice.
    pub fn with_word_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = u32> + 'a {
        let words = self.words();
        let start = words.partition_point(|(word, _)| &**word < prefix);
        (words[start..].iter())
            .take_while(move |(word, _)| word.starts_with(prefix))
            .flat_map(|(_, places)| places.iter().copied())
    }

    /// Positions of those who report to the person at `manager`.
    pub fn reports_of(&self, manager: u32) -> impl Iterator<Item = u32> {
        let pairs = self.by_manager.get_or_init(|| {
            let mut pairs: Vec<(u32, u32)> = (self.iter())
                .filter_map(|(at, person)| Some((person.manager?, at)))
                .collect();
            pairs.sort_unstable();
            pairs
        });
        let start = pairs.partition_point(|&(of, _)| of < manager);
        (pairs[start..].iter())
            .take_while(move |&&(of, _)| of == manager)
            .map(|&(_, at)| at)
    }

    /// Makes the indexes that are otherwise made by the first who needs them.
    pub fn prepare(&self) {
        self.words();
        self.reports_of(0).for_each(drop);
    }

    /// Positions of the guests: those whose mail address is not their user principal name.
    pub fn guests(&self) -> &[u32] {
        &self.guests
    }

    fn words(&self) -> &[(Box<str>, Vec<u32>)] {
        self.words.get_or_init(|| {
            let mut places: HashMap<String, Vec<u32>> = HashMap::new();
            for (at, person) in self.iter() {
                for word in tokens(&person.display_name) {
                    let places = places.entry(word).or_default();
                    if places.last() != Some(&at) {
                        places.push(at);
                    }
                }
            }
            let mut words: Vec<(Box<str>, Vec<u32>)> = places
                .into_iter()
                .map(|(word, places)| (word.into(), places))
                .collect();
            words.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            words
        })
    }
}

/// Names in the order of a telephone book: marks on letters and punctuation don't count, other scripts come last.
fn sort_key(name: &str) -> String {
    let word = |word: &str| {
        let latin = ascii(word);
        if latin.is_empty() {
            word.to_lowercase()
        } else {
            latin
        }
    };
    name.split_whitespace()
        .map(word)
        .collect::<Vec<_>>()
        .join(" ")
}

fn numbers(count: usize) -> Vec<u32> {
    (0..u32::try_from(count).unwrap_or(u32::MAX)).collect()
}

fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
