//! `cloakroom explain`: what a refusal of Microsoft's means, from the same table as the page of a failed sign-in.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use app::i18n::Locale;
use leptos_i18n::td_string;
use server::{
    auth::help::{Help, number_in},
    log::escaped,
};

/// Says what a refused sign-in means, who can fix it, and how
#[derive(clap::Args)]
pub struct Explain {
    /// A code (AADSTS50011, 50011), an `error` (access_denied), or Microsoft's whole message
    #[arg(required = true)]
    refusal: Vec<String>,
    /// The language of the answer
    #[arg(long, default_value = "en", value_parser = ["en", "nl"])]
    lang: String,
}

impl Explain {
    /// Prints it. The exit code tells whether it is known: 0, or 1 with the general text.
    pub fn print(&self) -> ExitCode {
        let text = self.refusal.join(" ");
        let number = number_in(&text).or_else(|| text.trim().parse().ok());
        let key = number.map_or_else(
            || text.trim().to_ascii_lowercase(),
            |number| number.to_string(),
        );
        let found = Help::find(&key);
        let help = found.unwrap_or_else(Help::general);
        let lang: Locale = self.lang.parse().unwrap_or_default();

        let name = number.map_or_else(|| escaped(&key), |number| format!("AADSTS{number}"));
        let unknown = match found {
            Some(_) => String::new(),
            None => format!(" {}", td_string!(lang, sign_in.not_in_table)),
        };
        let mut lines = vec![
            format!("{name}{unknown}"),
            help.cause(lang).to_owned(),
            // The table is written for the page, which has ids to give.
            format!("{} {}", help.who.sentence(lang), help.mend(lang))
                .replace("the ids below", "the ids on the page")
                .replace("de nummers hieronder", "de nummers op de pagina"),
        ];
        if let Some(number) = number {
            let more = td_string!(lang, sign_in.more);
            lines.push(format!(
                "{more}: https://login.microsoftonline.com/error?code={number}"
            ));
        }
        // A reader that has gone away is no failure of ours.
        _ = writeln!(io::stdout(), "{}", lines.join("\n"));
        match found {
            Some(_) => ExitCode::SUCCESS,
            None => ExitCode::FAILURE,
        }
    }
}
