//! `trace`: from an object to the Kustomization that applied it, and to the source of that.

mod find;
mod tell;

use crate::wait::DEADLINE;
use crate::{Env, Global, Screen, Session, VerbError};
use serde_json::Value;

/// Print how objects are managed by Flux, and from which source and revision they come.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Args {
    /// RESOURCE NAME..., or RESOURCE/NAME...; with --kind and --api-version, NAME.
    #[arg(value_name = "OBJECT")]
    objects: Vec<String>,
    /// The kind of the object, such as Deployment.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// The API version of the object, such as apps/v1.
    #[arg(long, value_name = "VERSION")]
    api_version: Option<String>,
    #[command(flatten)]
    global: Global,
}

/// Prints where the objects come from. What is not managed by Flux is told, and is no failure.
///
/// # Errors
/// See [`VerbError`]: an object does not exist.
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    let session = Session::open(env, &args.global).await?;
    let work = async {
        let objects = objects(args, &session).await?;
        let mut told = Vec::new();
        for object in &objects {
            told.push(tell::trace(&session, object).await?);
        }
        Ok(told)
    };
    let told = env.clock.timeout(args.global.timeout()?, work).await;
    let told: Vec<Result<String, String>> = told.unwrap_or_else(|_| Err(VerbError::failed(DEADLINE)))?;
    let mut first = true;
    for one in told {
        match one {
            Ok(text) => {
                screen.print(&if first { text } else { format!("---\n{text}") });
                first = false;
            }
            Err(why) => screen.say(&format!("{why}\n")),
        }
    }
    Ok(())
}

async fn objects(args: &Args, session: &Session) -> Result<Vec<Value>, VerbError> {
    let empty = |text: &Option<String>| text.as_deref().unwrap_or_default().to_owned();
    let (kind, api_version) = (empty(&args.kind), empty(&args.api_version));
    if kind.is_empty() && api_version.is_empty() {
        return find::by_resource(session, &args.objects).await;
    }
    let Some(name) = args.objects.first() else { return Err(VerbError::usage("object name is required")) };
    if kind.is_empty() {
        return Err(VerbError::usage("object kind is required (--kind)"));
    }
    if api_version.is_empty() {
        return Err(VerbError::usage("object apiVersion is required (--api-version)"));
    }
    find::by_kind(session, &kind, &api_version, name).await.map(|object| vec![object])
}
