//! Makes a tenant's people: the personas as `people.toml` has them, the rest from its words, always the same.
//!
//! Every department is a tree in which each has at most seven direct reports; its head reports to the director.

use std::collections::HashMap;

use super::data::{Culture, DATA, Persona};
use super::people::People;
use super::person::{Person, guid, mix};
use super::words::ascii;

const REPORTS: usize = 7;

/// Everybody in the tenant with this id and domain.
pub fn people(tid: &str, domain: &str, size: u32) -> People {
    let tenant_seed = tid
        .bytes()
        .fold(0, |seed, byte| mix(seed ^ u64::from(byte)));
    let mut made: Vec<Person> = (DATA.persona.iter().enumerate())
        .filter(|(_, persona)| {
            DATA.tenant_of(persona)
                .map_or(size == 0, |tenant| tenant.id == tid)
        })
        .map(|(index, persona)| named(index, persona, domain))
        .collect();
    let mut usernames = Usernames::new(domain, &made);
    let missing = size.saturating_sub(u32::try_from(made.len()).unwrap_or(u32::MAX));
    for index in 0..missing {
        made.push(somebody(
            mix(tenant_seed ^ u64::from(index)),
            &mut usernames,
        ));
    }
    let company = DATA.tenant.iter().find(|tenant| tenant.id == tid);
    for person in made.iter_mut().filter(|person| !person.guest) {
        person.company = company.map(|tenant| tenant.name.as_str());
    }
    if size > 0 {
        employ(&mut made);
    }
    People::new(made)
}

fn named(index: usize, persona: &'static Persona, domain: &str) -> Person {
    let seed = mix(persona.oid.as_u64_pair().0);
    let username = if persona.guest {
        // How Entra ID names a guest: the own address with "_" for "@", "#EXT#" and the host's domain.
        format!("{}#EXT#@{domain}", persona.username.replace('@', "_"))
    } else {
        persona.username.clone()
    };
    let small = |index: usize| u8::try_from(index).ok();
    Person {
        oid: persona.oid,
        display_name: persona.name.as_str().into(),
        given_name: &persona.given_name,
        surname: &persona.surname,
        username: username.into(),
        job: persona.job.as_deref(),
        language: persona.language.as_deref(),
        company: None,
        manager: None,
        photo: persona.photo && !persona.guest && persona.tenant.is_some(),
        guest: persona.guest,
        persona: u16::try_from(index).ok(),
        department: persona
            .department
            .as_deref()
            .and_then(|name| DATA.department(name))
            .and_then(small),
        office: persona
            .office
            .as_deref()
            .and_then(|city| DATA.office(city))
            .and_then(small),
        seed,
    }
}

fn somebody(seed: u64, usernames: &mut Usernames<'_>) -> Person {
    let mut dice = Dice(seed);
    let culture: &Culture = dice.pick(&DATA.culture);
    let given = dice.word(&culture.given);
    // Some families are of two places.
    let family = if dice.one_in(8) {
        dice.pick(&DATA.culture)
    } else {
        culture
    };
    let surname = dice.word(&family.surname);
    let initial = dice.one_in(9).then(|| char::from(b'A' + dice.below(26)));
    let display_name = initial.map_or_else(
        || format!("{given} {surname}"),
        |i| format!("{given} {i}. {surname}"),
    );
    let department = dice.department();
    Person {
        oid: guid(seed),
        display_name: display_name.into(),
        given_name: given,
        surname,
        username: usernames.take(given, initial, surname),
        job: Some(dice.word(&DATA.department[usize::from(department)].jobs)),
        language: Some(&culture.language),
        company: None,
        manager: None,
        photo: dice.below(100) < 60,
        guest: false,
        persona: None,
        department: Some(department),
        office: Some(dice.below(u8::try_from(DATA.office.len()).unwrap_or(1))),
        seed,
    }
}

/// Gives everybody a manager, and those with reports the title that goes with it.
fn employ(people: &mut [Person]) {
    let leads = |person: &Person| {
        person
            .persona
            .is_some_and(|index| DATA.persona[usize::from(index)].leads)
    };
    let is_director = |person: &Person| {
        person
            .persona
            .is_some_and(|index| DATA.persona[usize::from(index)].director)
    };
    let director = people.iter().position(is_director).unwrap_or_else(|| {
        let first = people
            .iter()
            .position(|person| person.persona.is_none())
            .unwrap_or(0);
        people[first].department = None;
        people[first].job = Some("Chief Executive Officer");
        first
    });
    let position = |index: usize| u32::try_from(index).ok();
    for (number, department) in DATA.department.iter().enumerate() {
        let here = |(_, person): &(usize, &Person)| {
            person.department.is_some_and(|d| usize::from(d) == number)
        };
        let members = || people.iter().enumerate().filter(here);
        let ordinary = |(_, person): &(usize, &Person)| person.persona.is_none();
        let index = |(index, _): (usize, &Person)| index;
        // The head first, then the personas who lead, then the rest; what is left are personas who lead nobody.
        let mut tree: Vec<usize> = members().filter(ordinary).map(index).collect();
        let leading: Vec<usize> = members()
            .filter(|(_, person)| leads(person))
            .map(index)
            .collect();
        let after_head = tree.len().min(1);
        tree.splice(after_head..after_head, leading.iter().copied());
        let others: Vec<usize> = members()
            .filter(|(_, person)| person.persona.is_some() && !leads(person))
            .map(index)
            .collect();
        for (place, &index) in tree.iter().enumerate() {
            let person = &mut people[index];
            person.manager = position(if place == 0 {
                director
            } else {
                tree[(place - 1) / REPORTS]
            });
            if place == 0 {
                person.job = Some(&department.head);
            } else if place * REPORTS + 1 < tree.len() && person.persona.is_none() {
                person.job = Some(&department.lead);
            }
        }
        for index in others {
            let named = people[index]
                .persona
                .and_then(|persona| DATA.persona[usize::from(persona)].reports_to.as_deref());
            let manager =
                named.and_then(|name| people.iter().position(|person| &*person.username == name));
            people[index].manager = position(manager.or(tree.first().copied()).unwrap_or(director));
        }
    }
}

/// Hands out user principal names, each once.
struct Usernames<'a> {
    domain: &'a str,
    taken: HashMap<Box<str>, u32>,
}

impl<'a> Usernames<'a> {
    fn new(domain: &'a str, people: &[Person]) -> Self {
        let local = |person: &Person| person.username.split('@').next().unwrap_or_default().into();
        Self {
            domain,
            taken: people.iter().map(|person| (local(person), 1)).collect(),
        }
    }

    fn take(&mut self, given: &str, initial: Option<char>, surname: &str) -> Box<str> {
        let mut local = ascii(given);
        local.push('.');
        if let Some(initial) = initial {
            local.push(initial.to_ascii_lowercase());
            local.push('.');
        }
        local.push_str(&ascii(surname));
        let domain = self.domain;
        if let Some(times) = self.taken.get_mut(local.as_str()) {
            *times += 1;
            return format!("{local}{times}@{domain}").into();
        }
        let username = format!("{local}@{domain}").into();
        self.taken.insert(local.into(), 1);
        username
    }
}

/// Choices that follow from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    fn below(&mut self, limit: u8) -> u8 {
        u8::try_from(self.roll() % u64::from(limit.max(1))).unwrap_or(0)
    }

    fn one_in(&mut self, n: u8) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let count = u64::try_from(choices.len()).unwrap_or(1);
        &choices[usize::try_from(self.roll() % count).unwrap_or(0)]
    }

    fn word<'a>(&mut self, words: &'a [String]) -> &'a str {
        let word: &String = self.pick(words);
        word
    }

    fn department(&mut self) -> u8 {
        let mut share = u32::from(self.below(100));
        for (number, department) in (0..).zip(&DATA.department) {
            if share < department.share {
                return number;
            }
            share -= department.share;
        }
        0
    }
}
