//! Complaints in the words of go-yaml, which people know from kustomize and Flux.

/// The parser's message as go-yaml says it; unknown ones stay as they are. `rest`: the source from the error on.
pub(super) fn of_go(message: &str, rest: &str) -> String {
    let said = match message.split_once(", ") {
        Some((context, complaint)) if context.starts_with("while ") => complaint,
        _ => message,
    };
    let known = match said {
        _ if said.contains(" bracket ") && is_empty_bracket(rest) => "did not find expected node content",
        "simple key expected ':'" => "could not find expected ':'",
        "unclosed quote" => "found unexpected end of stream",
        "unclosed bracket '['" | "mismatched bracket '[' closed by '}'" => "did not find expected ',' or ']'",
        "unclosed bracket '{'" | "mismatched bracket '{' closed by ']'" => "did not find expected ',' or '}'",
        "misplaced bracket" => "did not find expected node content",
        "found a tab" => "found a tab character that violates indentation",
        "the handle wasn't declared" => "found undefined tag handle",
        "found unknown anchor" => return unknown_anchor(rest),
        _ if said.starts_with("unexpected character: ")
            || said.starts_with("tabs disallowed within this context") =>
        {
            "found character that cannot start any token"
        }
        _ if said.starts_with("invalid trailing content after") => "did not find expected key",
        other => other,
    };
    known.to_owned()
}

/// Whether nothing stands behind an opening bracket but the end of the text, or what closes another one.
fn is_empty_bracket(rest: &str) -> bool {
    let Some(mut inside) = rest.strip_prefix(['[', '{']) else { return false };
    loop {
        inside = inside.trim_start();
        match inside.strip_prefix('#') {
            Some(comment) => inside = comment.split_once('\n').map_or("", |(_, next)| next),
            None => return inside.is_empty() || inside.starts_with([']', '}']),
        }
    }
}

fn unknown_anchor(rest: &str) -> String {
    let name = rest.strip_prefix('*').unwrap_or_default();
    let end = name.find([' ', '\t', '\r', '\n', ',', '[', ']', '{', '}']).unwrap_or(name.len());
    format!("unknown anchor '{}' referenced", &name[..end])
}
