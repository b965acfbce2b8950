//! Words of names: as an address spells them, and as Graph's `$search` cuts them.

/// `Małgorzata` as an address spells it: `malgorzata`.
pub fn ascii(word: &str) -> String {
    word.chars()
        .filter_map(letter)
        .collect::<String>()
        .to_ascii_lowercase()
}

/// The Latin letters that `people.toml` uses, without their marks; others and punctuation go.
fn letter(c: char) -> Option<char> {
    Some(match c {
        c if c.is_ascii_alphanumeric() => c,
        'á' | 'à' | 'â' | 'ã' | 'ä' | 'å' | 'ą' | 'ă' | 'ạ' | 'ả' | 'ấ' | 'ầ' | 'Á' | 'À' | 'Å'
        | 'Ä' | 'Ă' | 'ặ' => 'a',
        'ç' | 'ć' | 'č' | 'Ç' | 'Ć' | 'Č' => 'c',
        'đ' | 'Đ' | 'ð' => 'd',
        'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ễ' | 'ế' | 'ệ' | 'É' | 'È' => 'e',
        'ğ' | 'Ğ' => 'g',
        'í' | 'ì' | 'î' | 'ï' | 'ı' | 'ĩ' | 'Í' | 'İ' | 'Î' | 'ị' => 'i',
        'ł' | 'Ł' => 'l',
        'ń' | 'ñ' | 'ň' | 'Ń' | 'Ñ' => 'n',
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' | 'ø' | 'ơ' | 'ồ' | 'ọ' | 'Ó' | 'Ö' | 'Ø' => 'o',
        'ř' | 'Ř' => 'r',
        'ś' | 'š' | 'ş' | 'ș' | 'ß' | 'Ś' | 'Š' | 'Ş' | 'Ș' => 's',
        'ț' | 'ţ' | 'Ț' => 't',
        'ú' | 'ù' | 'û' | 'ü' | 'ư' | 'ũ' | 'ů' | 'Ú' | 'Ü' | 'ứ' => 'u',
        'ý' | 'ỳ' | 'Ý' => 'y',
        'ż' | 'ź' | 'ž' | 'Ż' | 'Ź' | 'Ž' => 'z',
        _ => return None,
    })
}

/// What `$search` sees in a text: words by spaces, digits, symbols and a change from lower to upper case; symbols
/// by themselves; and what symbols alone keep apart once more as one word (Graph docs, "Using $search on directory
/// object collections").
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for chunk in text.split_whitespace() {
        let whole = tokens.len();
        let mut word = String::new();
        let mut last = Kind::Symbol;
        for c in chunk.chars() {
            let kind = Kind::of(c);
            let new = kind != last && !matches!((last, kind), (Kind::Upper, Kind::Lower))
                || kind == Kind::Symbol;
            if new && !word.is_empty() {
                tokens.push(std::mem::take(&mut word));
            }
            word.extend(c.to_lowercase());
            last = kind;
        }
        if !word.is_empty() {
            tokens.push(word);
        }
        let parts = &tokens[whole..];
        let is_symbol = |token: &String| token.chars().all(|c| Kind::of(c) == Kind::Symbol);
        if parts.len() > 1 && parts.iter().any(is_symbol) {
            let joined: String = parts
                .iter()
                .filter(|part| !is_symbol(part))
                .map(String::as_str)
                .collect();
            if !joined.is_empty() {
                tokens.push(joined);
            }
        }
    }
    tokens
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Lower,
    Upper,
    Digit,
    Symbol,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            c if c.is_numeric() => Self::Digit,
            c if c.is_uppercase() => Self::Upper,
            // Letters without case, and the marks that belong to them, count as lower case.
            c if c.is_alphabetic()
                || ('\u{0300}'..='\u{036f}').contains(&c)
                || ('\u{064b}'..='\u{065f}').contains(&c) =>
            {
                Self::Lower
            }
            _ => Self::Symbol,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_as_the_documentation_says() {
        assert_eq!(tokens("hello world"), ["hello", "world"]);
        assert_eq!(tokens("HelloWorld"), ["hello", "world"]);
        assert_eq!(tokens("HELLOworld"), ["helloworld"]);
        assert_eq!(tokens("hello.world"), ["hello", ".", "world", "helloworld"]);
        assert_eq!(tokens("hello123world"), ["hello", "123", "world"]);
        assert_eq!(
            tokens("李四(David Li)"),
            ["李四", "(", "david", "李四david", "li", ")", "li"]
        );
    }

    #[test]
    fn every_name_in_the_data_file_has_an_ascii_spelling() {
        for culture in &super::super::DATA.culture {
            for word in culture.given.iter().chain(&culture.surname) {
                let letters = word.chars().filter(|c| c.is_alphabetic()).count();
                assert_eq!(ascii(word).len(), letters, "{word}");
            }
        }
    }
}
