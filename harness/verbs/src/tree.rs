//! `tree kustomization`: what a Kustomization reconciles, and what the Kustomizations among it do.

use crate::kustomization::input::get;
use crate::wait::DEADLINE;
use crate::{Env, Global, Screen, Session, VerbError};
use clap::Subcommand;
use seatrial_engine::ObjectRef;
use seatrial_engine::local::managed;
use serde_json::{Value, json};
use std::pin::Pin;

/// Print the objects that Flux resources reconcile.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Args {
    /// Of which.
    #[command(subcommand)]
    pub what: What,
    #[command(flatten)]
    global: Global,
}

/// Whose objects are printed.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Print the inventory of a Kustomization.
    #[command(visible_alias = "ks")]
    Kustomization(Kustomization),
    /// Refused: ArtifactGenerators are not shown.
    #[command(hide = true)]
    Artifact {
        /// Whatever else is said.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

/// Which Kustomization, and how it is shown.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Kustomization {
    /// Its name.
    name: Option<String>,
    /// Flux resources alone.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    compact: Option<String>,
    /// The format: json or yaml; anything else is a drawing.
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<String>,
}

/// Prints the tree.
///
/// # Errors
/// See [`VerbError`].
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    let What::Kustomization(wanted) = &args.what else {
        return Err(VerbError::unsupported("tree artifact", "ArtifactGenerators are not shown"));
    };
    let Some(name) = &wanted.name else { return Err(VerbError::usage("kustomization name is required")) };
    let compact = crate::flags::switch("--compact", wanted.compact.as_deref())?;
    let session = Session::open(env, &args.global).await?;
    let work = async {
        let root = get(&session, &session.namespace, name).await?;
        let who = ObjectRef::of(&root);
        let mut above = vec![who.clone()];
        let below = nodes(&session, &root, compact, &mut above).await?;
        Ok(Node { who, below })
    };
    let tree = env.clock.timeout(args.global.timeout()?, work).await;
    let tree = tree.unwrap_or_else(|_| Err(VerbError::failed(DEADLINE)))?;
    match wanted.output.as_deref() {
        Some("json") => screen.print(&format!("{}\n", tree.json(0))),
        Some("yaml") => {
            let text = seatrial_yaml::emit_json(&tree.value());
            let text = text.map_err(|error| VerbError::Failed(error.to_string()))?;
            screen.print(&format!("{text}\n"));
        }
        _ => {
            let mut text = format!("{}\n", tree.who);
            tree.draw("", &mut text);
            screen.print(&format!("{text}\n"));
        }
    }
    Ok(())
}

struct Node {
    who: ObjectRef,
    below: Vec<Node>,
}

type Nodes<'a> = Pin<Box<dyn Future<Output = Result<Vec<Node>, VerbError>> + 'a>>;

/// The objects of a Kustomization; `above` are those on the way to it, and it: none of them is shown again.
fn nodes<'a>(session: &'a Session, of: &'a Value, compact: bool, above: &'a mut Vec<ObjectRef>) -> Nodes<'a> {
    Box::pin(async move {
        let mut out = Vec::new();
        for who in managed(of) {
            let same = |other: &ObjectRef| {
                other.kind == who.kind && other.group == who.group && other.key() == who.key()
            };
            if above.iter().any(same) || compact && !who.group.ends_with("fluxcd.io") {
                continue;
            }
            let mut below = Vec::new();
            if who.kind == "Kustomization" && who.group == "kustomize.toolkit.fluxcd.io" {
                match get(session, &who.namespace, &who.name).await {
                    Ok(found) => {
                        above.push(who.clone());
                        below = nodes(session, &found, compact, above).await?;
                        above.pop();
                    }
                    Err(error) if error.is_not_found() => {}
                    Err(error) => return Err(error.into()),
                }
            }
            out.push(Node { who, below });
        }
        Ok(out)
    })
}

impl Node {
    fn draw(&self, indent: &str, text: &mut String) {
        for (place, node) in self.below.iter().enumerate() {
            let (branch, next) =
                if place + 1 == self.below.len() { ("└── ", "    ") } else { ("├── ", "│   ") };
            text.push_str(&format!("{indent}{branch}{}\n", node.who));
            node.draw(&format!("{indent}{next}"), text);
        }
    }

    fn value(&self) -> Value {
        let who = &self.who;
        let kind = json!({ "Group": who.group, "Kind": who.kind });
        let mut value = json!({
            "resource": { "Namespace": who.namespace, "Name": who.name, "GroupKind": kind },
        });
        if !self.below.is_empty() {
            value["resources"] = self.below.iter().map(Node::value).collect();
        }
        value
    }

    /// JSON with the fields in flux's order.
    fn json(&self, depth: usize) -> String {
        let (pad, text) = ("    ".repeat(depth), |value: &str| Value::from(value).to_string());
        let who = &self.who;
        let mut out = format!(
            "{{\n{pad}  \"resource\": {{\n{pad}    \"Namespace\": {},\n{pad}    \"Name\": {},\n\
             {pad}    \"GroupKind\": {{\n{pad}      \"Group\": {},\n{pad}      \"Kind\": {}\n{pad}    }}\n{pad}  }}",
            text(&who.namespace),
            text(&who.name),
            text(&who.group),
            text(&who.kind)
        );
        if !self.below.is_empty() {
            let items: Vec<String> =
                self.below.iter().map(|node| format!("{pad}    {}", node.json(depth + 1))).collect();
            out.push_str(&format!(",\n{pad}  \"resources\": [\n{}\n{pad}  ]", items.join(",\n")));
        }
        out.push_str(&format!("\n{pad}}}"));
        out
    }
}
