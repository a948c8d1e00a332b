//! The string formats that the real server checks; it ignores all others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::Regex;

const KNOWN: [&str; 21] = [
    "int32",
    "int64",
    "date-time",
    "date",
    "duration",
    "uri",
    "byte",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "email",
    "hostname",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "bsonobjectid",
    "password",
    "float",
    "double",
];

/// Whether a format means anything.
pub(super) fn is_known(format: &str) -> bool {
    KNOWN.contains(&format)
}

/// Whether a text is of a format.
pub(super) fn is_valid(format: &str, text: &str) -> bool {
    match format {
        "date-time" => is_date_time(text),
        "date" => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        "duration" => is_duration(text),
        "uri" => text.starts_with('/') || URI.as_ref().is_some_and(|r| r.is_match(text)),
        "byte" => is_base64(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => is_cidr(text),
        "mac" => is_mac(text),
        "email" => is_email(text),
        "hostname" => is_hostname(text),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => is_uuid(text, format),
        "bsonobjectid" => text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit()),
        _ => true,
    }
}

static URI: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f]*$").ok());
static DATE_TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})$").ok()
});
static DURATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let unit = "ns|nano|nanos|nanosecond|nanoseconds|us|µs|micro|micros|microsecond|microseconds|ms|milli|millis|\
                millisecond|milliseconds|s|sec|secs|second|seconds|m|min|mins|minute|minutes|h|hr|hour|hours|d|day|\
                days|w|wk|week|weeks";
    Regex::new(&format!(r"^\s*[+-]?(\d+(\.\d*)?\s*({unit})\s*)+$")).ok()
});

fn is_date_time(text: &str) -> bool {
    DATE_TIME.as_ref().is_some_and(|r| r.is_match(text))
        && text.get(..10).is_some_and(|d| d.parse::<jiff::civil::Date>().is_ok())
}

fn is_duration(text: &str) -> bool {
    text == "0" || DURATION.as_ref().is_some_and(|r| r.is_match(text))
}

fn is_base64(text: &str) -> bool {
    let bytes: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let body = bytes.iter().position(|b| *b == b'=').unwrap_or(bytes.len());
    let (body, padding) = bytes.split_at(body);
    !bytes.is_empty()
        && bytes.len().is_multiple_of(4)
        && padding.len() <= 2
        && padding.iter().all(|b| *b == b'=')
        && body.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

pub(super) fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    match (address.parse::<IpAddr>(), bits.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(bits)) => bits <= 32,
        (Ok(IpAddr::V6(_)), Ok(bits)) => bits <= 128,
        _ => false,
    }
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    matches!(parts.len(), 6 | 8 | 20)
        && parts.iter().all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_email(text: &str) -> bool {
    match text.rsplit_once('@') {
        Some((local, domain)) => !local.is_empty() && !domain.is_empty() && !text.contains([' ', '\t', '\n']),
        None => false,
    }
}

fn is_hostname(text: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text.len() <= 255 && text.split('.').all(label)
}

fn is_uuid(text: &str, format: &str) -> bool {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let version = match format {
        "uuid" => true,
        versioned => digits.get(12..13) == versioned.get(4..5),
    };
    digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()) && version
}

/// An address of either version, without a zone, and not an IPv4 address in the form of IPv6.
pub(super) fn is_ip(text: &str) -> bool {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => address.to_ipv4_mapped().is_none(),
        Ok(IpAddr::V4(_)) => true,
        Err(_) => false,
    }
}

/// An absolute URL, or an absolute path, as Go reads a request's target.
pub(super) fn is_absolute_url(text: &str) -> bool {
    is_valid("uri", text)
}

/// A resource quantity (`100m`, `1Gi`, `-1.5`, `1e3`).
pub(super) fn is_quantity(text: &str) -> bool {
    QUANTITY.as_ref().is_some_and(|r| r.is_match(text))
}

static QUANTITY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[+-]?(\d+\.?\d*|\.\d+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?\d+))?$").ok());
