//! The arguments of the controller's container. Pure.

use jiff::Timestamp;
use seatrial_api::GoDuration;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the flags say.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flags {
    /// What the names of keys begin with.
    pub(super) prefix: String,
    /// How often a key is made; zero: never again.
    pub(super) renew: Duration,
    /// Keys made before it are renewed at the start.
    pub(super) cutoff: Option<Timestamp>,
    pub(super) bits: usize,
    /// How long certificates are good.
    pub(super) ttl: Duration,
    pub(super) common_name: String,
    pub(super) update_status: bool,
    /// Whether a Secret that is deleted stays so.
    pub(super) skip_recreate: bool,
    pub(super) selector: String,
    /// Requests a second to `/v1/verify`, and how many more at once.
    pub(super) rate: (u64, u64),
    pub(super) key_labels: BTreeMap<String, String>,
    pub(super) key_annotations: BTreeMap<String, String>,
    /// Ports of the two servers.
    pub(super) port: u16,
    pub(super) metrics_port: u16,
}

impl Default for Flags {
    fn default() -> Flags {
        Flags {
            prefix: "sealed-secrets-key".to_owned(),
            renew: Duration::from_secs(30 * 24 * 3600),
            cutoff: None,
            bits: 4096,
            ttl: Duration::from_secs(87_600 * 3600),
            common_name: String::new(),
            update_status: true,
            skip_recreate: false,
            selector: String::new(),
            rate: (2, 2),
            key_labels: BTreeMap::new(),
            key_annotations: BTreeMap::new(),
            port: 8080,
            metrics_port: 8081,
        }
    }
}

impl Flags {
    /// Reads arguments as Go's flag library does: `--flag=value`, `--flag value`, `-flag`.
    ///
    /// # Errors
    /// A whole sentence that names the flag.
    pub(super) fn parse(arguments: &[String]) -> Result<Flags, String> {
        let mut flags = Flags::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let Some(name) = argument.strip_prefix("--") else {
                return Err(format!("the argument {argument:?} is not supported"));
            };
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (name, None),
            };
            let mut text = || {
                let given = value.clone().or_else(|| rest.next().cloned());
                given.ok_or_else(|| format!("flag needs an argument: --{name}"))
            };
            let switch = || match value.as_deref() {
                None | Some("true" | "1" | "t") => Ok(true),
                Some("false" | "0" | "f") => Ok(false),
                Some(other) => Err(format!("invalid argument {other:?} for --{name}")),
            };
            match name {
                "key-prefix" => flags.prefix = text()?,
                "key-renew-period" => flags.renew = duration(name, &text()?)?,
                "key-cutoff-time" => flags.cutoff = cutoff(&text()?)?,
                "key-size" => flags.bits = number(name, &text()?)?,
                "key-ttl" => flags.ttl = duration(name, &text()?)?,
                "my-cn" => flags.common_name = text()?,
                "update-status" => flags.update_status = switch()?,
                "skip-recreate" => flags.skip_recreate = switch()?,
                "label-selector" => flags.selector = text()?,
                "rate-limit" => flags.rate.0 = number(name, &text()?)?,
                "rate-limit-burst" => flags.rate.1 = number(name, &text()?)?,
                "privatekey-labels" => flags.key_labels = pairs(name, &text()?)?,
                "privatekey-annotations" => flags.key_annotations = pairs(name, &text()?)?,
                "listen-addr" => flags.port = port(name, &text()?)?,
                "listen-metrics-addr" => flags.metrics_port = port(name, &text()?)?,
                // Where the log goes; it has one form here.
                "log-info-stdout" => drop(switch()?),
                other => return Err(format!("the flag --{other} is not supported")),
            }
        }
        if !matches!(flags.bits, 2048 | 3072 | 4096 | 8192) {
            return Err(format!(
                "--key-size={} is not supported, only 2048, 3072, 4096 and 8192",
                flags.bits
            ));
        }
        Ok(flags)
    }
}

fn duration(name: &str, text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<GoDuration>();
    parsed.map(GoDuration::to_std).map_err(|error| format!("invalid argument {text:?} for --{name}: {error}"))
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("invalid argument {text:?} for --{name}"))
}

fn port(name: &str, text: &str) -> Result<u16, String> {
    number(name, text.rsplit_once(':').map_or(text, |(_, port)| port))
}

/// RFC 1123 with a zone in digits: `Mon, 02 Jan 2006 15:04:05 -0700`.
fn cutoff(text: &str) -> Result<Option<Timestamp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = jiff::fmt::rfc2822::parse(text);
    read.map(|zoned| Some(zoned.timestamp()))
        .map_err(|_| format!("invalid argument {text:?} for --key-cutoff-time"))
}

fn pairs(name: &str, text: &str) -> Result<BTreeMap<String, String>, String> {
    let pair = |part: &str| {
        let pair = part.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
        pair.ok_or_else(|| format!("invalid argument {text:?} for --{name}: use key=value,…"))
    };
    text.split(',').filter(|part| !part.is_empty()).map(pair).collect()
}
