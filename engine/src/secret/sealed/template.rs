//! Templates of values: Go's text/template with Sprig's functions.

use seatrial_template::{Error, Functions};
use serde_json::Value;

/// What stands in the place of what may be a value, or come of one.
const COVER: &str = "<redacted>";

/// How messages begin that say nothing beyond the template itself, types and limits. Behind every other beginning something that
/// came of a value may stand.
const OF_THE_TEMPLATE: [&str; 14] = [
    "more than ",
    "exceeded maximum template depth (",
    "template ",
    "undefined variable: ",
    "nil is not a command",
    "nil pointer evaluating ",
    "can't give argument to non-function ",
    "can't evaluate field ",
    "can't handle ",
    "wrong number of args for ",
    "cannot assign nil to ",
    "invalid value; expected ",
    "expected ",
    "wrong type for value; expected ",
];

/// Renders the template of one key over the opened values.
///
/// # Errors
/// What Go says, without what a value may have come into: a template can say one with `fail`, whatever it was turned into before,
/// functions repeat their arguments, and so does `range`.
pub fn render(key: &str, text: &str, values: &Value) -> Result<String, String> {
    seatrial_template::render(key, text, values, Functions::Sprig).map_err(|error| match error {
        // It knows the template alone.
        Error::Parse { .. } => error.to_string(),
        Error::Run { name, line, column, template, context, message } => {
            let message = covered(&context, message);
            Error::Run { name, line, column, template, context, message }.to_string()
        }
    })
}

/// A message without what may have come of a value.
fn covered(context: &str, message: String) -> String {
    if OF_THE_TEMPLATE.iter().any(|begin| message.starts_with(begin)) {
        return message;
    }
    if let Some((name, _)) = message.strip_prefix("error calling ").and_then(|rest| rest.split_once(": ")) {
        // `fail` takes one argument: where a literal follows it, it is that one.
        let is_literal = context.strip_prefix("fail ").is_some_and(|given| given.starts_with(['"', '`']));
        let is_told = name == "fail" && is_literal;
        return if is_told { message } else { format!("error calling {name}: {COVER}") };
    }
    if message.starts_with("range can't iterate over ") {
        return format!("range can't iterate over {COVER}");
    }
    COVER.to_owned()
}

#[cfg(test)]
mod tests {
    use super::render;
    use rstest::rstest;
    use serde_json::json;

    /// As the real controller rendered them.
    #[test]
    fn templates_are_gos() {
        let values = json!({"k": "bar"});
        let render = |text: &str| render("conf", text, &values);
        assert_eq!(render("v={{ .k }} {{ .k | upper }} {{ .nope }}").unwrap(), "v=bar BAR <no value>");
        assert_eq!(render("v={{ .k ").unwrap_err(), "template: conf:1: unclosed action");
        let failed = "template: conf:1:5: executing \"conf\" at <fail \"x\">: error calling fail: x";
        assert_eq!(render("v={{ fail \"x\" }}").unwrap_err(), failed);
    }

    /// The real controller shows what is covered here.
    #[rstest]
    #[case("{{ fail .k }}", "error calling fail: <redacted>")]
    #[case("{{ fail (.k | b64enc) }}", "error calling fail: <redacted>")]
    #[case("{{ .k | upper | fail }}", "error calling fail: <redacted>")]
    #[case("{{ fail (printf \"%s\" .k) }}", "error calling fail: <redacted>")]
    #[case("{{ fail (index (splitList \"-\" .k) 0) }}", "error calling fail: <redacted>")]
    #[case("{{ range .k }}{{ end }}", "range can't iterate over <redacted>")]
    #[case("{{ range (.k | upper) }}{{ end }}", "range can't iterate over <redacted>")]
    #[case("{{ range $i, $x := (len .k) }}{{ end }}", "<redacted>")]
    #[case("{{ index . .k .k }}", "error calling index: <redacted>")]
    #[case("{{ .k.x }}", "can't evaluate field x in type interface {}")]
    #[case("{{ upper .k .k }}", "wrong number of args for upper: want 1 got 2")]
    #[case("{{ template \"t\" .k }}", "template \"t\" not defined")]
    fn no_error_tells_a_value_or_what_came_of_one(#[case] text: &str, #[case] message: &str) {
        let told = render("conf", text, &json!({"k": "hunter-two"})).unwrap_err();
        assert_eq!(told.split_once(">: ").map(|(_, message)| message), Some(message), "{told}");
        for shown in ["hunter", "HUNTER", "aHVudGVyLXR3bw=="] {
            assert!(!told.contains(shown), "{told}");
        }
    }
}
