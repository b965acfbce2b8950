//! A person's photo over their initials.

use leptos::prelude::*;

use crate::links;

/// A person's photo. Where there is none the server answers with nothing; an image that did not load and has an empty
/// `alt` draws nothing, so the initials below it show, without any script.
#[component]
pub fn Avatar<'a>(
    /// Graph's object id.
    id: &'a str,
    /// Display name.
    name: &'a str,
    /// Pixels to ask for; the style sheet decides how large it is shown.
    #[prop(default = 48)]
    size: u32,
    /// Whether it is below the fold, perhaps.
    #[prop(default = "lazy")]
    loading: &'static str,
) -> impl IntoView + use<> {
    view! {
        <span class=format!("avatar tint-{}", tint(id))>
            <span aria-hidden="true">{initials(name)}</span>
            <img src=links::photo(id, size) alt="" loading=loading width=size height=size/>
        </span>
    }
}

/// The first letters of the first and the last word that has one, upper-cased by the style sheet.
fn initials(name: &str) -> String {
    // What is in parentheses says something about a person ("Guest"); it does not name them.
    let name = name.split('(').next().unwrap_or(name);
    let mut letters = name
        .split_whitespace()
        .filter_map(|word| word.chars().find(|c| !c.is_ascii_punctuation()));
    letters
        .next()
        .into_iter()
        .chain(letters.next_back())
        .collect()
}

/// One of six tints, always the same for a person.
fn tint(id: &str) -> u32 {
    id.bytes().map(u32::from).sum::<u32>() % 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        for (name, expected) in [
            ("Adele Vance", "AV"),
            ("Ludwig van der Berg", "LB"),
            ("Madonna", "M"),
            ("Joni (Guest)", "J"),
            ("\"Bob\" O'Neill", "BO"),
            ("Åsa Öberg", "ÅÖ"),
            ("王 小明", "王小"),
            ("", ""),
            ("  ", ""),
            ("(external)", ""),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn a_person_keeps_their_tint() {
        assert_eq!(tint("a-1"), tint("a-1"));
        assert!((0..100).all(|n| tint(&format!("{n}")) < 6));
    }
}
