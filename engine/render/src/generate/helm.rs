//! Helm charts of a kustomization file: refused, in kustomize's words for a build without `--enable-helm`.

use crate::error::{Result, fail};
use crate::kustomization::Kustomization;
use serde_json::{Map, Value};

/// What the entries of `helmChartInflationGenerator` call the fields of `helmCharts`.
const OLD_NAMES: [(&str, &str); 4] =
    [("chartName", "name"), ("chartRepoUrl", "repo"), ("chartVersion", "version"), ("values", "valuesFile")];

/// Refuses the first chart.
pub(super) fn refuse(content: &Kustomization) -> Result<()> {
    let old = content.helm_chart_inflation_generator.iter();
    let Some(chart) = content.helm_charts.iter().chain(old).next() else { return Ok(()) };
    let mut config: Map<String, Value> = Map::new();
    for (name, value) in chart.as_object().into_iter().flatten() {
        let renamed = OLD_NAMES.iter().find(|(old, _)| old == name).map_or(name.as_str(), |(_, new)| new);
        config.insert(renamed.to_owned(), value.clone());
    }
    if let Some(globals) = &content.helm_globals {
        for (name, value) in [("chartHome", &globals.chart_home), ("configHome", &globals.config_home)] {
            config.insert(name.to_owned(), value.as_str().into());
        }
    }
    config.retain(|_, value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    });
    let config = seatrial_yaml::emit_json(&Value::Object(config)).unwrap_or_default();
    fail(format!(
        "trouble configuring builtin HelmChartInflationGenerator with config: `\n{config}`: must specify --enable-helm"
    ))
}
