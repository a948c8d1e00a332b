//! What a label can be. Pure.

const NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
    character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
    start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const PREFIX: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
    start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
/// The longest name, and the longest value.
const LONGEST: usize = 63;
/// The longest prefix.
const LONGEST_PREFIX: usize = 253;

/// What is wrong with a label, in flux's words; `None` where nothing is.
pub(super) fn problem(key: &str, value: &str) -> Option<String> {
    let told = |what: &str, text: &str, why: Vec<String>| {
        (!why.is_empty()).then(|| format!("invalid label{what} '{text}': [{}]", why.join(" ")))
    };
    told("", key, key_problems(key)).or_else(|| told(" value", value, value_problems(value)))
}

fn key_problems(key: &str) -> Vec<String> {
    let mut why = Vec::new();
    let name = match key.split('/').collect::<Vec<_>>()[..] {
        [name] => name,
        [prefix, name] => {
            let mut tell = |problem: &str| why.push(format!("prefix part {problem}"));
            if prefix.is_empty() {
                tell("must be non-empty");
            } else {
                if prefix.len() > LONGEST_PREFIX {
                    tell("must be no more than 253 bytes");
                }
                if !prefix.split('.').all(is_dns_label) {
                    tell(PREFIX);
                }
            }
            name
        }
        _ => {
            let rest = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key {NAME} {rest}")];
        }
    };
    if name.is_empty() {
        why.push("name part must be non-empty".to_owned());
    } else if name.len() > LONGEST {
        why.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_word(name) {
        why.push(format!("name part {NAME}"));
    }
    why
}

fn value_problems(value: &str) -> Vec<String> {
    let mut why = Vec::new();
    if value.len() > LONGEST {
        why.push("must be no more than 63 bytes".to_owned());
    }
    if !value.is_empty() && !is_word(value) {
        why.push(VALUE.to_owned());
    }
    why
}

fn is_word(text: &str) -> bool {
    let end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    end(bytes.first()) && end(bytes.last()) && bytes.iter().all(inner)
}

fn is_dns_label(text: &str) -> bool {
    let good = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(good)
        && bytes.last().is_some_and(good)
        && bytes.iter().all(|byte| good(byte) || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    // As flux 2.9 says it.
    #[rstest]
    #[case::plain("a_b.c-d", "E_1.2", None)]
    #[case::with_a_prefix("example.com/a", "b", None)]
    #[case::no_value("a", "", None)]
    #[case::a_blank_in_the_value(
        "a",
        "b c",
        Some("invalid label value 'b c': [a valid label must be an empty")
    )]
    #[case::a_blank_in_the_key("a b", "b c", Some("invalid label 'a b': [name part must consist of"))]
    #[case::no_key("", "b", Some("invalid label '': [name part must be non-empty name part must consist of"))]
    #[case::no_name(
        "a/",
        "b",
        Some("invalid label 'a/': [name part must be non-empty name part must consist")
    )]
    #[case::no_prefix("/a", "b", Some("invalid label '/a': [prefix part must be non-empty]"))]
    #[case::two_prefixes("x/y/z", "1", Some("invalid label 'x/y/z': [a valid label key must consist of"))]
    #[case::a_prefix_in_capitals(
        "UP.x/a",
        "b",
        Some("invalid label 'UP.x/a': [prefix part a lowercase RFC 1123")
    )]
    #[case::a_dash_in_front("a", "-b", Some("invalid label value '-b': [a valid label must be"))]
    fn labels_are_checked_as_flux_checks_them(
        #[case] key: &str,
        #[case] value: &str,
        #[case] says: Option<&str>,
    ) {
        let found = problem(key, value);
        assert_eq!(found.is_some(), says.is_some(), "{found:?}");
        assert!(found.unwrap_or_default().starts_with(says.unwrap_or_default()));
    }

    #[test]
    fn long_labels_are_refused() {
        let long = "b".repeat(64);
        assert_eq!(
            problem(&long, "x"),
            Some(format!("invalid label '{long}': [name part must be no more than 63 bytes]"))
        );
        assert_eq!(
            problem("a", &long),
            Some(format!("invalid label value '{long}': [must be no more than 63 bytes]"))
        );
    }
}
