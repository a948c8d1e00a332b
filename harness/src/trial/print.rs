//! A trial as text for people.

use super::objects::{FluxObject, ObjectName};
use super::steady::Ending;
use super::{Behind, ClusterTrial, Trial};
use crate::bootstrap::NAMESPACE;
use crate::report::Paint;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// So many names of one kind are listed before the rest is counted.
const NAMES_PER_KIND: usize = 6;

/// How a trial is printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Print {
    /// Whether what is ready and what is not is coloured.
    pub paint: Paint,
    /// List every object that was applied.
    pub all: bool,
}

impl Print {
    /// The whole trial.
    pub fn trial(self, trial: &Trial) -> String {
        let mut out = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut out, trial);
        out
    }

    fn write(self, out: &mut String, trial: &Trial) -> fmt::Result {
        writeln!(out, "{} at {}", trial.repository, trial.revision)?;
        for note in &trial.notes {
            writeln!(out, "note: {note}")?;
        }
        for cluster in &trial.clusters {
            writeln!(out)?;
            self.cluster(out, cluster)?;
        }
        Ok(())
    }

    fn cluster(self, out: &mut String, cluster: &ClusterTrial) -> fmt::Result {
        let ending = match cluster.ending {
            Ending::Steady => self.paint.green("steady"),
            Ending::Stuck => self.paint.red("stuck"),
            Ending::Restless => self.paint.red("never at rest"),
        };
        let (name, path) = (self.paint.bold(&cluster.name), &cluster.path);
        writeln!(out, "{name} (bootstrapped at {path}): {ending} after {} of virtual time", cluster.took)?;
        let roots: Vec<&FluxObject> = cluster.objects.iter().filter(|o| !has_parent(o, cluster)).collect();
        self.branch(out, cluster, &roots, "  ")?;
        self.applied(out, cluster)?;
        if !cluster.problems.is_empty() {
            writeln!(out, "  not ready, and why:")?;
            for problem in &cluster.problems {
                writeln!(out, "    {} {}: {}", self.paint.red("✗"), problem.object, indent(&problem.why))?;
            }
        }
        if !cluster.behind.is_empty() {
            writeln!(out, "  not reached yet:")?;
            for Behind { object, kinds, unsupported } in &cluster.behind {
                let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{kind} ×{n}")).collect();
                write!(out, "    {object} would apply {}", kinds.join(", "))?;
                match unsupported.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                    [] => writeln!(out)?,
                    kinds => {
                        let kinds = kinds.join(", ");
                        writeln!(out, "; {}", self.paint.red(&format!("not supported yet: {kinds}")))?;
                    }
                }
            }
        }
        for hint in &cluster.hints {
            writeln!(out, "  hint: {hint}")?;
        }
        Ok(())
    }

    fn branch(
        self,
        out: &mut String,
        cluster: &ClusterTrial,
        level: &[&FluxObject],
        lead: &str,
    ) -> fmt::Result {
        for (i, object) in level.iter().enumerate() {
            let last = i + 1 == level.len();
            writeln!(out, "{lead}{} {}", if last { "└─" } else { "├─" }, self.line(object))?;
            let children: Vec<&FluxObject> =
                cluster.objects.iter().filter(|o| o.owner.as_ref() == Some(&object.name)).collect();
            self.branch(out, cluster, &children, &format!("{lead}{}  ", if last { " " } else { "│" }))?;
        }
        Ok(())
    }

    fn line(self, object: &FluxObject) -> String {
        let ready = &object.ready;
        let state = match ready.status.as_deref() {
            _ if object.suspended => "suspended".to_owned(),
            Some("True") => format!("{} {}", self.paint.green("✔"), first_line(&ready.message)),
            // The message follows among the problems.
            Some("False") => format!("{} {}", self.paint.red("✗"), ready.reason),
            Some(_) => format!("◎ {}", ready.reason),
            None => "–".to_owned(),
        };
        let after = match object.depends_on.as_slice() {
            [] => String::new(),
            on => format!(" (after {})", on.join(", ")),
        };
        format!("{}{after} {state}", object.name)
    }

    fn applied(self, out: &mut String, cluster: &ClusterTrial) -> fmt::Result {
        for by in cluster.objects.iter().filter(|o| !o.inventory.is_empty()) {
            let count = by.inventory.len();
            let objects = if count == 1 { "object" } else { "objects" };
            let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for object in &by.inventory {
                kinds.entry(&object.kind).or_default().push(short(object));
            }
            if by.name.name == NAMESPACE && !self.all {
                // Mostly Flux itself: enough to count.
                let kinds: Vec<String> =
                    kinds.iter().map(|(kind, n)| format!("{kind} ×{}", n.len())).collect();
                writeln!(out, "  applied by {}: {count} {objects}: {}", by.name, kinds.join(", "))?;
                continue;
            }
            writeln!(out, "  applied by {}: {count} {objects}", by.name)?;
            let width = kinds.keys().map(|k| k.len()).max().unwrap_or(0);
            for (kind, names) in kinds {
                let shown = if self.all { names.len() } else { NAMES_PER_KIND.min(names.len()) };
                write!(out, "    {kind:width$}  {}", names[..shown].join(", "))?;
                match names.len() - shown {
                    0 => writeln!(out)?,
                    more => writeln!(out, ", … and {more} more (--all)")?,
                }
            }
        }
        Ok(())
    }
}

/// Whether the object hangs under another one of the tree. (Two Kustomizations that apply each other are both roots.)
fn has_parent(object: &FluxObject, cluster: &ClusterTrial) -> bool {
    let mut above = object.owner.as_ref();
    let mut steps = 0;
    while let Some(parent) = above.and_then(|name| cluster.objects.iter().find(|o| o.name == *name)) {
        steps += 1;
        if parent.name == object.name || steps > cluster.objects.len() {
            return false;
        }
        above = parent.owner.as_ref();
    }
    steps > 0
}

fn short(object: &ObjectName) -> String {
    match object.namespace.as_str() {
        "" => object.name.clone(),
        namespace => format!("{namespace}/{}", object.name),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn indent(text: &str) -> String {
    text.trim_end().replace('\n', "\n        ")
}
