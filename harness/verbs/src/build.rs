//! `build kustomization`: the objects that local files make.

use crate::kustomization::input::{Files, Input, Shown, is_other_kustomization};
use crate::wait::DEADLINE;
use crate::{Env, Global, Screen, Session, VerbError};
use clap::Subcommand;
use serde_json::Value;
use std::path::Path;

/// Build the objects of a Flux resource from local files.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Args {
    /// Of which.
    #[command(subcommand)]
    pub what: What,
    #[command(flatten)]
    global: Global,
}

/// What is built.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Print the objects of a Kustomization as YAML.
    #[command(visible_alias = "ks")]
    Kustomization(Kustomization),
}

/// Which Kustomization, of which files.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Kustomization {
    /// Its name.
    name: Option<String>,
    /// Ask no cluster: the Kustomization comes from --kustomization-file, and substituteFrom is left out.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dry_run: Option<String>,
    #[command(flatten)]
    files: Files,
}

/// Prints the objects.
///
/// # Errors
/// See [`VerbError`].
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    let What::Kustomization(wanted) = &args.what;
    args.global.check()?;
    let input = wanted.files.read(wanted.name.as_deref())?;
    let dry_run = crate::flags::switch("--dry-run", wanted.dry_run.as_deref())?;
    if dry_run && input.file.is_none() {
        return Err(VerbError::usage("dry-run mode requires a kustomization file"));
    }
    let work = async {
        let (session, kustomization) = if dry_run {
            input.check_folder(Shown::Absolute)?;
            (None, input.in_file(&args.global.namespace()?)?.unwrap_or_default())
        } else {
            let session = Session::open(env, &args.global).await?;
            input.check_folder(Shown::Absolute)?;
            let kustomization = input.kustomization(&session, false).await?;
            (Some(session), kustomization)
        };
        objects(&input, kustomization, session.as_ref()).await
    };
    let timeout = args.global.timeout()?;
    let built = env.clock.timeout(timeout, work).await;
    let built = built.unwrap_or_else(|_| Err(VerbError::failed(DEADLINE)))?;
    let mut text = String::new();
    for object in &built {
        let yaml = seatrial_yaml::emit_json(object).map_err(|error| VerbError::Failed(error.to_string()))?;
        text.push_str(&yaml);
        text.push_str("---\n");
    }
    screen.print(&text);
    Ok(())
}

/// The objects of a Kustomization, each followed in its turn by those of the Kustomizations among them.
async fn objects(
    input: &Input,
    kustomization: Value,
    session: Option<&Session>,
) -> Result<Vec<Value>, VerbError> {
    let mut out = Vec::new();
    // The next one to be built is the last one here.
    let mut todo = vec![(kustomization, input.folder.clone())];
    let mut depth = 0;
    while let Some((own, folder)) = todo.pop() {
        let built = input.objects(&own, Path::new(&folder), session).await?;
        if input.recursive {
            depth += 1;
            if depth > MAX {
                return Err(VerbError::Failed(format!("more than {MAX} Kustomizations are built")));
            }
            for object in built.iter().rev().filter(|object| is_other_kustomization(object, &own)) {
                todo.push((object.clone(), input.source_folder(object)?));
            }
        }
        out.extend(built);
    }
    Ok(out)
}

/// More Kustomizations than any repository has: they build each other.
const MAX: usize = 10_000;
