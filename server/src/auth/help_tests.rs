//! The table of refusals, and what is read out of Microsoft's descriptions.

use app::i18n::Locale;

use super::*;

/// The codes of web sign-in that every deployment meets.
const ASKED_FOR: [u32; 53] = [
    50011, 50020, 50034, 50053, 50055, 50057, 50058, 50059, 50074, 50076, 50079, 50105, 50126,
    50128, 50140, 50158, 50173, 50194, 51004, 53000, 53001, 53003, 53004, 54005, 65001, 65004,
    65005, 70000, 70001, 70008, 70011, 70016, 70043, 70044, 75011, 90002, 90014, 90019, 90072,
    90094, 90095, 160_021, 500_011, 500_113, 500_121, 530_032, 700_016, 700_027, 7_000_215,
    7_000_218, 7_000_222, 900_561, 9_002_325,
];

#[test]
fn the_table_has_every_code_that_sign_in_commonly_meets() {
    let table = parse().unwrap();
    let missing: Vec<_> = ASKED_FOR
        .iter()
        .filter(|code| !table.contains_key(&code.to_string()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let numbers = table.keys().filter(|key| key.parse::<u32>().is_ok());
    assert!(numbers.count() >= 100);
    // What is no number is an `error` of OAuth's, or the rest.
    for key in table.keys().filter(|key| key.parse::<u32>().is_err()) {
        assert!(key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    }
}

#[test]
fn a_code_twice_is_a_mistake_in_the_file() {
    let twice = format!(
        "{}\n[50011]\nwho = \"you\"\nen = [\"a.\", \"b.\"]\nnl = [\"a.\", \"b.\"]",
        include_str!("aadsts.toml")
    );
    assert!(toml::from_str::<HashMap<String, Help>>(&twice).is_err());
}

#[test]
fn every_text_is_a_plain_sentence_in_both_languages() {
    for (key, help) in parse().unwrap() {
        for text in help.en.iter().chain(&help.nl) {
            assert!(text.len() > 8 && text.ends_with('.'), "{key}: {text}");
            assert!(
                text.starts_with(char::is_uppercase) && text.trim() == text,
                "{key}: {text}"
            );
            for mark in [
                "{", "}", "<", ">", "`", "TODO", "AADSTS", "..", "  ", "tenant ",
            ] {
                assert!(
                    !text.contains(mark) || help.who == Who::Operator && mark == "tenant ",
                    "{key}: {mark} in {text}"
                );
            }
            assert!(text.chars().count() < 180, "{key}: {text}");
        }
        assert_ne!(help.en, help.nl, "{key} is translated");
    }
}

#[test]
fn what_an_operator_must_mend_is_never_asked_of_the_person() {
    for (key, help) in parse().unwrap() {
        let asks = |text: &str| ["them", "they"].iter().any(|word| text.contains(word));
        if help.who == Who::Operator {
            assert!(
                asks(help.mend(Locale::en)),
                "{key}: {}",
                help.mend(Locale::en)
            );
            assert!(
                help.mend(Locale::nl).to_lowercase().contains("aanbieder"),
                "{key}: {}",
                help.mend(Locale::nl)
            );
        }
    }
}

fn refusal(error: &str, description: &str) -> PlatformError {
    PlatformError {
        error: error.to_owned(),
        error_description: description.to_owned(),
        ..PlatformError::default()
    }
}

#[test]
fn the_number_chooses_then_the_error_then_the_general_text() {
    let cause = |refusal: &PlatformError| Help::of(refusal).cause(Locale::en).to_owned();
    assert_eq!(
        cause(&refusal(
            "access_denied",
            "AADSTS53003: Access has been blocked."
        )),
        Help::find("53003").unwrap().cause(Locale::en)
    );
    assert_eq!(
        cause(&refusal("access_denied", "AADSTS999999999: New.")),
        Help::find("access_denied").unwrap().cause(Locale::en)
    );
    assert_eq!(
        cause(&refusal("brand_new", "")),
        Help::general().cause(Locale::en)
    );
    let listed = PlatformError {
        error_codes: vec![1, 50076],
        ..refusal("invalid_grant", "AADSTS50011: other")
    };
    assert_eq!(number_of(&listed), Some(50076), "the first that is known");
    assert!(Help::general().mend(Locale::en).contains("ids below"));
}

#[test]
fn numbers_are_found_in_any_text_and_nonsense_finds_none() {
    for (text, number) in [
        ("AADSTS50011: The redirect URI…", Some(50011)),
        ("aadsts7000215", Some(7_000_215)),
        ("é AADSTS 50011", None),
        ("AADSTS", None),
        ("AADSTSx AADSTS50011", None),
        ("AADSTS99999999999999999999", None),
        ("AADSTS4294967296", None),
        ("ééAADSTS1é", Some(1)),
        ("", None),
    ] {
        assert_eq!(number_in(text), number, "{text:?}");
    }
}

#[test]
fn ids_and_time_are_read_out_of_a_description_as_microsoft_writes_it() {
    let quoted = Quote {
        says: "AADSTS70011: The scope isn't valid.".to_owned(),
        trace_id: "0000aaaa-11bb-cccc-dd33-eeeeee333333".to_owned(),
        correlation_id: "aaaa0000-bb11-2222-33cc-444444dddddd".to_owned(),
        timestamp: "2016-01-09 02:02:12Z".to_owned(),
    };
    for separator in ["\r\n", " ", "\n"] {
        let description = [
            "AADSTS70011: The scope isn't valid.",
            "Trace ID: 0000aaaa-11bb-cccc-dd33-eeeeee333333",
            "Correlation ID: aaaa0000-bb11-2222-33cc-444444dddddd",
            "Timestamp: 2016-01-09 02:02:12Z",
        ]
        .join(separator);
        assert_eq!(Quote::of(&refusal("invalid_scope", &description)), quoted);
    }
    let told = PlatformError {
        trace_id: "the-member".to_owned(),
        ..refusal("x", "Trace ID: the-text Timestamp: <script>")
    };
    let quote = Quote::of(&told);
    assert_eq!(
        (quote.trace_id.as_str(), quote.timestamp.as_str()),
        ("the-member", "")
    );
    let long = format!("Trace ID: {}", "a".repeat(100));
    assert_eq!(Quote::of(&refusal("x", &long)).trace_id, "");
    for odd in [
        "Trace ID:",
        "é Trace ID: é",
        "Correlation ID:Trace ID:",
        "\u{0}",
    ] {
        _ = Quote::of(&refusal("x", odd));
    }
}
