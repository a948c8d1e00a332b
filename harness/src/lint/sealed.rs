//! `sealed-…`: SealedSecrets that kustomize breaks, and those that do not open.

use super::context::{Context, who};
use super::finding::{Finding, Lint, Place};
use super::places::{Step, placed};
use super::rule::Rule;
use crate::offline::{Builds, Placed};
use crate::sealed::{Origins, TrapKind, Verdict, check_object, traps, unknown_variable};

pub(super) fn check(context: &Context<'_>, cluster: &Builds, found: &mut Lint) {
    let name = &cluster.cluster.name;
    for trap in traps(context.fleet, cluster) {
        let (rule, help) = match trap.kind {
            TrapKind::GeneratorName => (
                Rule::SealedGeneratorName,
                "give the generator the SealedSecret's name, and seal its values namespace-wide or cluster-wide: the name gets a hash",
            ),
            TrapKind::NameReference => (
                Rule::SealedNameReference,
                "add a file to `configurations` with nameReference: kind Secret, fieldSpecs kind SealedSecret, paths metadata/name and \
                 spec/template/metadata/name",
            ),
            TrapKind::Output => (
                Rule::SealedGeneratorOutput,
                "give the generator options.annotations `config.kubernetes.io/local-config: \"true\"`",
            ),
        };
        let at = generator(context, &trap.file, &trap.generator);
        found.findings.push(Finding::error(rule, trap.message).at(Some(at)).help(help).on(name));
    }
    let openers = &context.options.openers;
    let is_asked = !openers.clusters.is_empty() || openers.others.is_some();
    let has_sealed = cluster.objects().any(|(_, placed)| placed.object["kind"] == "SealedSecret");
    if is_asked && has_sealed && openers.of(name).is_none() {
        found.notes.push(format!(
            "{name}: SealedSecrets are not opened: neither a private key nor the certificate of its controller is given"
        ));
    }
    let origins = Origins::of(context.fleet);
    for (build, placed) in cluster.objects().filter(|(_, placed)| placed.object["kind"] == "SealedSecret") {
        if let Some(variable) = unknown_variable(build, &placed.object) {
            if is_asked {
                let who = who(&placed.object);
                found
                    .notes
                    .push(format!("{name}: {who} is not opened: the variable {variable} is not known here"));
            }
            continue;
        }
        let opener = context.options.openers.of(name);
        let checked = opener.and_then(|opener| check_object(&placed.object, opener));
        let verdict = checked.as_ref().map(|(_, verdict, _)| *verdict);
        let opens = verdict == Some(Verdict::Opens);
        if let Some(renamed) = origins.renamed(&placed.object, &placed.file).filter(|_| !opens) {
            let message = format!("{} cannot open: {}", who(&placed.object), renamed.message);
            let at = context.places.of(&renamed.file, &placed.object, "metadata.name");
            found.findings.push(Finding::error(Rule::SealedName, message).at(at).on(name));
        } else if let Some((object, verdict, message)) = checked {
            let finding = match verdict {
                Verdict::Broken => Finding::error(Rule::SealedKeys, format!("{object}: {message}")),
                Verdict::Unknown => Finding::warning(Rule::SealedKeys, format!("{object}: {message}")),
                Verdict::Opens | Verdict::Plausible => continue,
            };
            found.findings.push(finding.at(values(context, placed)).on(name));
        }
    }
}

/// Where the sealed values of an object stand.
fn values(context: &Context<'_>, placed: &Placed) -> Option<Place> {
    context.places.field(placed, "spec.encryptedData")
}

/// Where the name of a secret generator stands.
fn generator(context: &Context<'_>, file: &str, name: &str) -> Place {
    let documents = context.places.documents(file);
    let list = documents.first().and_then(|root| root.get("secretGenerator"));
    let named = list.and_then(|list| list.items().iter().find(|item| item.str_at(&["name"]) == Some(name)));
    match named {
        Some(item) => {
            let key = item.entries().iter().find(|(key, _)| key.as_str() == Some("name"));
            placed(file, Some(key.map_or(item.pos, |(key, _)| key.pos)))
        }
        None => context.places.in_file(file, &[Step::Key("secretGenerator".to_owned())]),
    }
}
