//! Makes the module `i18n` of `locales/`: a function a text. A text that one language lacks, or has too many of, ends the
//! build.

use std::{env, error::Error, fs, path::PathBuf};

use leptos_i18n_codegen::gen_code;
use leptos_i18n_parser::parse_locales::{
    options::{Config, ParseOptions},
    parse_locales,
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=locales");
    let mut config = Config::new("en")?.add_locale("nl")?;
    config.options = ParseOptions::default().interpolate_display(true);
    // A folder a language, in it a file for each page: `locales/en/people.json`.
    for file in fs::read_dir("locales/en")? {
        let path = file?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        config = config.add_namespace(name.unwrap_or_default())?;
    }
    let texts = parse_locales(None, config)?;
    let mut wrong = Vec::new();
    for warning in texts.diag.warnings().iter() {
        wrong.push(warning.to_string());
    }
    for error in texts.diag.errors().iter() {
        wrong.push(error.to_string());
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n").into());
    }
    let allowed = "#![allow(warnings)]".parse()?;
    let code = gen_code(&texts, None, false, Some(&allowed), false)?;
    let file = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?).join("i18n.rs");
    fs::write(file, code.to_string())?;
    Ok(())
}
