//! Templates of values: Go's text/template with Sprig's functions.

use seatrial_template::Functions;
use serde_json::Value;

/// What stands in the place of what may be a value.
const COVER: &str = "<redacted, since it shows a value>";

/// Renders the template of one key over the opened values.
///
/// # Errors
/// What Go says, without what shows a value: a template can say one with `fail`, and functions repeat their arguments.
pub fn render(key: &str, text: &str, values: &Value) -> Result<String, String> {
    seatrial_template::render(key, text, values, Functions::Sprig).map_err(|error| {
        let message = error.to_string();
        let calling = "error calling ";
        let told = message.find(calling).map(|at| at + calling.len());
        let told = told.and_then(|at| Some(at + message[at..].find(": ")? + 2));
        // Before it stand places in the template, which is no secret.
        let from = told.unwrap_or(0);
        let all = values.as_object().into_iter().flat_map(|values| values.values()).filter_map(Value::as_str);
        let shows = all.filter(|value| !value.is_empty()).any(|value| {
            let quoted = Value::from(value).to_string();
            message[from..].contains(value) || message[from..].contains(quoted.trim_matches('"'))
        });
        if shows && told.is_some() { format!("{}{COVER}", &message[..from]) } else { message }
    })
}

#[cfg(test)]
mod tests {
    use super::render;
    use serde_json::json;

    /// As the real controller rendered them, but for the last, which it shows.
    #[test]
    fn templates_are_gos_and_never_tell_a_value() {
        let values = json!({"k": "bar"});
        let render = |text: &str| render("conf", text, &values);
        assert_eq!(render("v={{ .k }} {{ .k | upper }} {{ .nope }}").unwrap(), "v=bar BAR <no value>");
        assert_eq!(render("v={{ .k ").unwrap_err(), "template: conf:1: unclosed action");
        let failed = "template: conf:1:5: executing \"conf\" at <fail \"x\">: error calling fail: x";
        assert_eq!(render("v={{ fail \"x\" }}").unwrap_err(), failed);
        let covered = render("v={{ fail .k }}").unwrap_err();
        assert!(covered.ends_with("error calling fail: <redacted, since it shows a value>"), "{covered}");
    }
}
