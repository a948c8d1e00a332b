//! A preview as Markdown, for a comment on a pull request.

use super::diff;
use super::model::{Changed, ClusterPreview, Preview};
use super::text::{by, cascade, held_up, outcome, presence, remarks, revision, since, summary};
use std::fmt::{self, Write};

/// Diffs are left out where they would make the whole longer than this, in bytes: forges take comments of 65,536
/// characters.
const LIMIT: usize = 50_000;

/// The whole preview, as GitHub's dialect of Markdown. With `full`, new objects are shown whole.
pub fn markdown(preview: &Preview, full: bool) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write(&mut out, preview, full);
    out
}

fn write(out: &mut String, preview: &Preview, full: bool) -> fmt::Result {
    writeln!(out, "## What this changes: {}\n", code(&preview.repository))?;
    writeln!(out, "Branch {} from {}", code(&preview.branch), escaped(&revision(&preview.base)))?;
    writeln!(out, "to {}.\n", escaped(&revision(&preview.head)))?;
    for note in &preview.notes {
        writeln!(out, "> {}\n", escaped(note))?;
    }
    writeln!(out, "| cluster | added | changed | pruned | left behind | new problems |")?;
    writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
    for cluster in &preview.clusters {
        let introduced = cluster.problems.iter().filter(|problem| problem.introduced).count();
        let counts = [
            cluster.added.len(),
            cluster.changed.len(),
            cluster.pruned.len(),
            cluster.kept.len(),
            introduced,
        ];
        let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
        let mark = if introduced > 0 { "❌ " } else { "" };
        writeln!(out, "| {mark}{} | {} |", escaped(&cluster.name), counts.join(" | "))?;
    }
    for cluster in preview.clusters.iter().filter(|c| c.differs() || !c.problems.is_empty()) {
        self::cluster(out, cluster, full)?;
    }
    Ok(())
}

fn cluster(out: &mut String, cluster: &ClusterPreview, full: bool) -> fmt::Result {
    writeln!(out, "\n### {}: {}\n", escaped(&cluster.name), summary(cluster))?;
    for note in presence(cluster) {
        writeln!(out, "- {note}")?;
    }
    problems(out, cluster)?;
    for gate in &cluster.services {
        let word = if gate.enabled { "on" } else { "off" };
        writeln!(
            out,
            "- service {} is switched **{word}** ({})",
            code(&gate.service),
            code(&format!("config/{}", gate.environment))
        )?;
    }
    for added in &cluster.added {
        writeln!(
            out,
            "- ➕ {} ({}){}",
            code(&added.object.to_string()),
            by(&added.by),
            held_up(added.applied)
        )?;
        if full {
            let lines: Vec<String> =
                diff::yaml(&added.manifest).lines().map(|line| format!("+{line}")).collect();
            block(out, "the object", &lines)?;
        }
    }
    for changed in &cluster.changed {
        self::changed(out, changed)?;
    }
    for (depth, pruned) in cascade(&cluster.pruned) {
        let by = match &pruned.by {
            Some(by) if depth == 0 => format!(" ({})", self::by(by)),
            _ => String::new(),
        };
        let (lead, held_up) = ("  ".repeat(depth), held_up(pruned.applied));
        writeln!(out, "{lead}- ➖ {}{by}{held_up}", code(&pruned.object.to_string()))?;
    }
    if !cluster.workloads_pruned.is_empty() {
        let kinds: Vec<String> =
            cluster.workloads_pruned.iter().map(|(kind, n)| format!("{kind} ×{n}")).collect();
        writeln!(out, "- and with them {}", kinds.join(", "))?;
    }
    for kept in &cluster.kept {
        let object = code(&kept.object.to_string());
        writeln!(out, "- ⚠️ {object} stays, and nobody manages it any more: {}", escaped(&kept.why))?;
    }
    for hint in &cluster.hints {
        writeln!(out, "- hint: {}", escaped(hint))?;
    }
    order(out, cluster)
}

fn problems(out: &mut String, cluster: &ClusterPreview) -> fmt::Result {
    for problem in &cluster.problems {
        let (object, words) = (code(&problem.object.to_string()), problem.problem.words());
        let lines: Vec<String> = problem.message.lines().map(str::to_owned).collect();
        match problem.introduced {
            true => {
                writeln!(out, "- ❌ {object} **{words}**")?;
                fenced(out, "", &lines)?;
            }
            false => {
                let first = lines.first().map(|line| format!(": {}", escaped(line))).unwrap_or_default();
                writeln!(out, "- {object} {words}{}{first}", since(problem))?;
            }
        }
    }
    for object in &cluster.mended {
        writeln!(out, "- ✅ {} was not ready, and is", code(&object.to_string()))?;
    }
    Ok(())
}

fn changed(out: &mut String, changed: &Changed) -> fmt::Result {
    write!(out, "- {}", code(&changed.object.to_string()))?;
    if let Some(was) = &changed.renamed_from {
        write!(out, ", was {}", code(was))?;
    }
    write!(out, " ({}){}", by(&changed.by), held_up(changed.applied))?;
    for remark in remarks(changed) {
        write!(out, "; **{remark}**")?;
    }
    writeln!(out)?;
    let lines = diff::lines(&changed.before, &changed.after);
    if !lines.is_empty() {
        let words = if lines.len() == 1 { "line" } else { "lines" };
        block(out, &format!("{} {words}", lines.len()), &lines)?;
    }
    Ok(())
}

fn order(out: &mut String, cluster: &ClusterPreview) -> fmt::Result {
    if cluster.order.is_empty() || !cluster.differs() {
        return Ok(());
    }
    writeln!(out, "\n<details><summary>Order of reconciliation</summary>\n")?;
    for (at, step) in cluster.order.iter().enumerate() {
        let name = &step.kustomization;
        let after = match step.after.as_slice() {
            [] => String::new(),
            after => format!(", after {}", after.iter().map(|a| code(a)).collect::<Vec<_>>().join(", ")),
        };
        let name = code(&format!("{}/{}", name.namespace, name.name));
        writeln!(out, "{}. {name}{after}: {}", at + 1, outcome(step))?;
    }
    writeln!(out, "\n</details>")
}

/// A diff that opens on a click, below an item of a list.
fn block(out: &mut String, title: &str, lines: &[String]) -> fmt::Result {
    let length: usize = lines.iter().map(|line| line.len() + 3).sum();
    if out.len() + length > LIMIT {
        return writeln!(out, "  (left out, since the whole would be too long for a comment: {title})");
    }
    writeln!(out, "  <details><summary>{title}</summary>\n")?;
    fenced(out, "diff", lines)?;
    writeln!(out, "\n  </details>")
}

/// A block of code below an item of a list. The fence is longer than any in the text.
fn fenced(out: &mut String, language: &str, lines: &[String]) -> fmt::Result {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    writeln!(out, "  {fence}{language}")?;
    for line in lines {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "  {fence}")
}

/// Text as code within a line.
fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Text without a meaning in Markdown.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~') {
            out.push('\\');
        }
        out.push(if c == '\n' { ' ' } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::plain("a", "`a`")]
    #[case::backtick("a`b", "``a`b``")]
    #[case::backtick_at_the_end("a`", "`` a` ``")]
    fn code_is_fenced_whatever_is_in_it(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(code(text), expected);
    }

    #[test]
    fn a_fence_is_longer_than_what_is_in_it() {
        let mut out = String::new();
        fenced(&mut out, "diff", &["+````".to_owned()]).unwrap();
        assert_eq!(out, "  `````diff\n  +````\n  `````\n");
    }

    #[test]
    fn text_has_no_meaning_in_markdown() {
        assert_eq!(escaped("<b>*a_b*|\n"), "\\<b\\>\\*a\\_b\\*\\| ");
    }

    #[test]
    fn what_is_too_long_for_a_comment_is_left_out() {
        let mut out = "x".repeat(LIMIT);
        block(&mut out, "7 lines", &["+a".to_owned()]).unwrap();
        assert!(out.ends_with("too long for a comment: 7 lines)\n"));
    }
}
