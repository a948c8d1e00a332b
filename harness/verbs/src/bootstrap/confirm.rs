//! Whether Flux is on the cluster already, by another tool.

use crate::{Env, Screen, Session, VerbError};
use std::io::BufRead as _;

const DEFINITION: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gitrepositories.source.toolkit.fluxcd.io";
/// Says by what something was installed; Flux does not set it.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Asks whether an installation by another tool, such as Helm, is to be overridden.
///
/// # Errors
/// It is not, nobody can be asked, or the cluster cannot be.
pub(super) async fn confirmed(session: &Session, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    let Some(found) = session.find(DEFINITION).await? else { return Ok(()) };
    let label = |name: &str| found["metadata"]["labels"][name].as_str().unwrap_or_default();
    let manager = label(MANAGED_BY);
    if matches!(manager, "" | "flux") {
        return Ok(());
    }
    let version = label("app.kubernetes.io/version");
    screen.say(&format!("Flux {version} has been installed on this cluster with {manager}!\n"));
    if env.variables.is_some() {
        let why = format!("the installation is {manager}'s: --force overrides it");
        return Err(VerbError::failed(why));
    }
    screen.say(&format!("? Are you sure you want to override the {manager} installation? [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if read.is_ok_and(|read| read == 0) {
        screen.say("\n");
    }
    match answer.trim() {
        "y" | "Y" => Ok(()),
        _ => Err(VerbError::failed("aborting: --force does not ask")),
    }
}
