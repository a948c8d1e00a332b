//! Exchanges over HTTP, played against the simulated server and compared with the answers of a real kube-apiserver v1.36.3.
//!
//! `data/exchanges.txt` has the requests, `data/exchanges.jsonl` what the real server answered, normalised. Each section
//! (`== name`) has a namespace of its own, written NS; names of cluster-wide objects begin with it.
//!
//! `SEATRIAL_DIFFERENTIAL=1` plays them on a real server as well and compares; with `SEATRIAL_RECORD=1` its answers are
//! written down.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod http_client;
#[allow(dead_code, reason = "each test program uses a part of it")]
mod kube;

use std::collections::BTreeMap;

use http_client::Server;
use seatrial_time::{Simulation, simulate};
use serde_json::{Value, json};

const REQUESTS: &str = include_str!("data/exchanges.txt");
const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/exchanges.jsonl");
const FIDELITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fidelity.md");
const KNOWN: &str = include_str!("data/exchanges_known.txt");

#[derive(Debug)]
struct Exchange {
    name: String,
    section: usize,
    method: String,
    path: String,
    media: String,
    accept: String,
    /// As whom it is sent: a user, then groups. Nobody: as the administrator.
    acting: Vec<String>,
    body: String,
}

impl Exchange {
    /// Its headers, but for the type of its body.
    fn headers(&self) -> Vec<(&'static str, &str)> {
        let names = std::iter::once("impersonate-user").chain(std::iter::repeat("impersonate-group"));
        let acting = names.zip(self.acting.iter().map(String::as_str));
        [("accept", self.accept.as_str()), ("user-agent", "tester/1")].into_iter().chain(acting).collect()
    }
}

fn exchanges() -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    let (mut section, mut section_name, mut number) = (0, String::new(), 0);
    for block in REQUESTS.split("\n\n").map(str::trim).filter(|b| !b.is_empty()) {
        let mut lines: Vec<&str> = block.lines().filter(|l| !l.starts_with('#')).collect();
        if let Some(name) = lines.first().and_then(|l| l.strip_prefix("== ")) {
            (section, section_name, number) = (section + 1, name.to_owned(), 0);
            lines.remove(0);
        }
        let Some(head) = lines.first().copied() else { continue };
        number += 1;
        let mut option = |name: &str| {
            let found = lines.get(1).and_then(|line| line.strip_prefix(name));
            if found.is_some() {
                lines.remove(1);
            }
            found
        };
        let (accept, acting) = (option("> accept: "), option("> as: "));
        let mut words = head.split_whitespace();
        all.push(Exchange {
            name: format!("{section_name} {number}: {head}"),
            section,
            method: words.next().unwrap().to_owned(),
            path: words.next().unwrap().to_owned(),
            media: match words.next().unwrap_or("") {
                "" => "application/json",
                "merge" => "application/merge-patch+json",
                "json" => "application/json-patch+json",
                "strategic" => "application/strategic-merge-patch+json",
                "apply" => "application/apply-patch+yaml",
                other => other,
            }
            .to_owned(),
            accept: accept.unwrap_or("application/json").to_owned(),
            acting: acting.into_iter().flat_map(str::split_whitespace).map(str::to_owned).collect(),
            body: lines[1..].join("\n"),
        });
    }
    all
}

/// Replaces what differs from run to run.
fn normalise(value: &mut Value, namespace: &str) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match key.as_str() {
                    "uid"
                    | "creationTimestamp"
                    | "deletionTimestamp"
                    | "time"
                    | "lastTransitionTime"
                    | "startTime"
                    | "lastPhaseTransitionTime"
                    | "batch.kubernetes.io/controller-uid"
                    | "controller-uid"
                        if value.is_string() =>
                    {
                        *value = format!("<{key}>").into();
                    }
                    "resourceVersion" | "continue" if value.as_str().is_some_and(|v| !v.is_empty()) => {
                        *value = format!("<{key}>").into()
                    }
                    "clusterIP" if value.as_str().is_some_and(|v| v.starts_with("10.")) => {
                        *value = "<address>".into()
                    }
                    "clusterIPs" if value[0].as_str().is_some_and(|v| v.starts_with("10.")) => {
                        *value = json!(["<address>"])
                    }
                    "nodePort" | "healthCheckNodePort" if value.is_u64() => *value = "<port>".into(),
                    "storageVersionHash" => *value = Value::Null,
                    "serverAddress" => *value = "<address>".into(),
                    "cells" => {
                        without_ages(value);
                        normalise(value, namespace);
                    }
                    "token" if value.is_string() => *value = "<token>".into(),
                    "expirationTimestamp" => *value = "<time>".into(),
                    _ => normalise(value, namespace),
                }
            }
            map.retain(|key, value| key != "storageVersionHash" || !value.is_null());
            // Their order is that of their times, which differ from run to run.
            if let Some(Value::Array(managers)) = map.get_mut("managedFields") {
                managers.sort_by_key(|m| format!("{} {} {}", m["manager"], m["operation"], m["subresource"]));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|v| normalise(v, namespace)),
        Value::String(text) => {
            *text = text.replace(namespace, "NS");
            *text = without_uids(text);
            if let Some((head, _)) = text.split_once("Too large resource version: ") {
                *text = format!("{head}Too large resource version: <resourceVersion>");
            }
            for (before, after, name) in [
                (r#"\"resourceVersion\":\""#, r#"\""#, "<resourceVersion>"),
                ("ResourceVersion in record (", ")", "<resourceVersion>"),
                (r#"\"creationTimestamp\":\""#, r#"\""#, "<creationTimestamp>"),
                (r#"\"time\":\""#, r#"\""#, "<time>"),
            ] {
                *text = replace_between(text, before, after, name);
            }
        }
        _ => {}
    }
    sort_causes(value);
}

/// Replaces ages in the cells of a table, the times of those that show no age, and what is made by chance.
fn without_ages(cells: &mut Value) {
    for cell in cells.as_array_mut().into_iter().flatten() {
        let Some(text) = cell.as_str() else { continue };
        let unit = |c: char| matches!(c, 's' | 'm' | 'h' | 'd' | 'y');
        let age = text.starts_with(|c: char| c.is_ascii_digit())
            && text.ends_with(unit)
            && text.chars().all(|c| c.is_ascii_digit() || unit(c));
        let time = text.len() == 20 && text.ends_with('Z') && text.starts_with("20");
        if age || time {
            *cell = "<age>".into();
        } else if let Some((count, _)) = text.split_once(" (").filter(|(_, ago)| ago.ends_with(" ago)")) {
            *cell = format!("{count} (<age> ago)").into();
        } else if let Some((labels, _)) = text.split_once("controller-uid=") {
            *cell = format!("{labels}controller-uid=<uid>").into();
        }
    }
}

/// Replaces what stands between `before` and the next `after`, wherever that is, by `name`.
fn replace_between(text: &str, before: &str, after: &str, name: &str) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(before);
        match part.find(after) {
            Some(end) => {
                out.push_str(name);
                out.push_str(&part[end..]);
            }
            None => out.push_str(part),
        }
    }
    out
}

/// What is wrong with a custom resource comes in the order of a Go map, which differs from run to run.
fn sort_causes(status: &mut Value) {
    let custom = status["details"]["group"].as_str().is_some_and(|g| g.ends_with(".example.com"));
    let Some(causes) = status["details"]["causes"].as_array().filter(|_| custom).cloned() else { return };
    let told = |causes: &[Value]| {
        let each = causes.iter().map(|c| {
            format!("{}: {}", c["field"].as_str().unwrap_or(""), c["message"].as_str().unwrap_or(""))
        });
        format!("[{}]", each.collect::<Vec<_>>().join(", "))
    };
    let mut sorted = causes.clone();
    sorted.sort_by_key(|c| format!("{} {}", c["field"], c["message"]));
    if let Some(message) = status["message"].as_str() {
        status["message"] = message.replace(&told(&causes), &told(&sorted)).into();
    }
    status["details"]["causes"] = sorted.into();
}

/// The answers that were recorded, normalised as those that are compared with them.
fn recorded() -> Answers {
    let text = std::fs::read_to_string(RECORDED).unwrap_or_default();
    let mut answers: Answers = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    answers.iter_mut().for_each(|(_, value)| normalise(value, "NS"));
    answers
}

/// Replaces uids in a message.
fn without_uids(text: &str) -> String {
    let uid = |w: &str| {
        w.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') && w.bytes().filter(|b| *b == b'-').count() == 4
    };
    let (mut out, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        match rest.get(..36).filter(|w| uid(w)) {
            Some(_) => {
                out.push_str("<uid>");
                rest = &rest[36..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

fn fill(text: &str, namespace: &str, seen: &BTreeMap<String, String>) -> String {
    let mut text = text.replace("NS", namespace);
    for (name, value) in seen {
        text = text.replace(&format!("${name}"), value);
    }
    text
}

type Answers = Vec<(u16, Value)>;

/// The request that creates an object.
fn creates(path: String, body: &Value) -> Exchange {
    Exchange {
        name: String::new(),
        section: 0,
        method: "POST".to_owned(),
        path,
        media: "application/json".to_owned(),
        accept: "application/json".to_owned(),
        acting: Vec::new(),
        body: body.to_string(),
    }
}

/// Plays all exchanges through `send`; `settle` waits until the server has done what it does by itself.
async fn play<F: Future<Output = (u16, Value)>>(
    prefix: &str,
    mut send: impl FnMut(Exchange) -> F,
    mut settle: impl AsyncFnMut(),
) -> Answers {
    let mut answers = Vec::new();
    let mut current = 0;
    let mut seen = BTreeMap::new();
    for exchange in exchanges() {
        let namespace = format!("{prefix}{}", exchange.section);
        if exchange.section != current {
            current = exchange.section;
            seen.clear();
            let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            send(creates("/api/v1/namespaces".to_owned(), &body)).await;
            let body = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
            let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
            send(creates(path, &body)).await;
        }
        let fill = |text: &String| fill(text, &namespace, &seen);
        let (path, body) = (fill(&exchange.path), fill(&exchange.body));
        let acting = exchange.acting.iter().map(fill).collect();
        // The real server's authorizer learns of roles and bindings a moment later.
        let pauses = if path.contains("/rbac.authorization.k8s.io/") { 10 } else { 1 };
        let (code, mut value) = send(Exchange { path, body, acting, ..exchange }).await;
        for (name, pointer) in [
            ("UID", "/metadata/uid"),
            ("VERSION", "/metadata/resourceVersion"),
            ("CONTINUE", "/metadata/continue"),
        ] {
            if let Some(text) = value.pointer(pointer).and_then(Value::as_str) {
                seen.insert(name.to_owned(), text.to_owned());
            }
        }
        normalise(&mut value, &namespace);
        answers.push((code, value));
        for _ in 0..pauses {
            settle().await;
        }
    }
    answers
}

/// A body as JSON, the events of a watch as a list, anything else as text.
fn parse(text: &str) -> Value {
    let events = || text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
    match serde_json::from_str(text) {
        Ok(value) => value,
        Err(_) => events().map_or_else(|_| Value::String(text.to_owned()), Value::Array),
    }
}

/// A body together with the warnings that came with it.
fn with_warnings(mut body: Value, warnings: Vec<String>) -> Value {
    match &mut body {
        _ if warnings.is_empty() => {}
        Value::Object(map) => {
            map.insert("<warnings>".to_owned(), warnings.into());
        }
        other => *other = json!({"<body>": other, "<warnings>": warnings}),
    }
    body
}

/// The answers of the simulated server; with `hands_over` to requests that carry their values.
fn simulated(hands_over: bool) -> Answers {
    simulate(Simulation::default(), |clock| async move {
        let mut server = Server::start(clock.clone());
        server.hands_over = hands_over;
        let send = |exchange: Exchange| {
            let server = server.clone();
            async move {
                let mut headers = exchange.headers();
                headers.push(("content-type", &exchange.media));
                let (method, path) = (&exchange.method, &exchange.path);
                let reply = server.send(method, path, &headers, exchange.body.clone()).await;
                (reply.code, with_warnings(parse(&reply.text), reply.warnings))
            }
        };
        play("sim-", send, async || clock.sleep(std::time::Duration::from_millis(1)).await).await
    })
    .unwrap()
}

fn show(answer: &(u16, Value)) -> String {
    // Keys in order, so that only contents differ.
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let sorted: BTreeMap<&String, Value> = map.iter().map(|(k, v)| (k, sorted(v))).collect();
                serde_json::to_value(sorted).unwrap()
            }
            Value::Array(list) => list.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    format!("{} {}", answer.0, serde_json::to_string_pretty(&sorted(&answer.1)).unwrap())
}

fn difference(want: &str, found: &str) -> String {
    let (want, found): (Vec<&str>, Vec<&str>) = (want.lines().collect(), found.lines().collect());
    let mut out = String::new();
    let (mut i, mut j) = (0, 0);
    while i < want.len() || j < found.len() {
        match (want.get(i), found.get(j)) {
            (Some(a), Some(b)) if a == b => {
                i += 1;
                j += 1;
            }
            (a, b) => {
                let ahead = |list: &[&str], from: usize, line: &str| {
                    list[from.min(list.len())..].iter().position(|l| *l == line)
                };
                let skip_found = a.and_then(|a| ahead(&found, j, a));
                let skip_want = b.and_then(|b| ahead(&want, i, b));
                match (skip_found, skip_want) {
                    (Some(n), m) if m.is_none_or(|m| n <= m) => {
                        found[j..j + n].iter().for_each(|l| out.push_str(&format!("    + {}\n", l.trim())));
                        j += n;
                    }
                    (_, Some(m)) => {
                        want[i..i + m].iter().for_each(|l| out.push_str(&format!("    - {}\n", l.trim())));
                        i += m;
                    }
                    _ => {
                        if let Some(a) = a {
                            out.push_str(&format!("    - {}\n", a.trim()));
                        }
                        if let Some(b) = b {
                            out.push_str(&format!("    + {}\n", b.trim()));
                        }
                        i += 1;
                        j += 1;
                    }
                }
            }
        }
    }
    out
}

/// The page `docs/fidelity.md`: what is equal, different and refused, by section.
fn fidelity(want: &Answers, found: &Answers, notes: &str) -> String {
    let mut rows: BTreeMap<usize, (String, [usize; 4])> = BTreeMap::new();
    let mut details = String::new();
    for ((exchange, want), found) in exchanges().into_iter().zip(want).zip(found) {
        let section = exchange.name.rsplit_once(": ").map_or("", |(s, _)| s);
        let section = section.rsplit_once(' ').map_or(section, |(s, _)| s).to_owned();
        let row = rows.entry(exchange.section).or_insert_with(|| (section, [0; 4]));
        let equal = show(want) == show(found);
        let refused = found.0 == 501;
        let slot = match (equal, refused) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        };
        row.1[slot] += 1;
        row.1[3] += 1;
        if !equal {
            details.push_str(&format!("- `{}`: {}\n", exchange.name, cause(&exchange.name, notes)));
        }
    }
    let total = rows.values().fold([0; 4], |mut sum, (_, row)| {
        sum.iter_mut().zip(row).for_each(|(s, n)| *s += n);
        sum
    });
    let mut out = format!(
        "# Fidelity of the simulated API server\n\n<!-- Written by `SEATRIAL_FIDELITY=1 cargo test -p seatrial-sim --test exchanges`; \
         the test fails when it is out of date. -->\n\n{} requests were played on kube-apiserver v1.36.3 and on the simulated \
         server, and the whole normalised answers compared: {} are equal, {} differ, {} are refused.\n\n\
         | requests about | equal | different | refused | all |\n| --- | ---: | ---: | ---: | ---: |\n",
        total[3], total[0], total[1], total[2]
    );
    for (section, [equal, different, refused, all]) in rows.values() {
        out.push_str(&format!("| {section} | {equal} | {different} | {refused} | {all} |\n"));
    }
    out + "\n## What differs, and why\n" + &details
}

/// Why an exchange differs: the comment above its name in the list of those that are known.
fn cause(name: &str, notes: &str) -> String {
    let mut why = String::new();
    for line in notes.lines() {
        match line.strip_prefix("# ") {
            Some(text) => text.clone_into(&mut why),
            None if !line.is_empty() && name.starts_with(line) => return why,
            None => {}
        }
    }
    "not listed".to_owned()
}

/// Compares two sets of answers; differences that are known by name are only counted.
fn compare(want: &Answers, found: &Answers, known: &[&str]) {
    let names: Vec<String> = exchanges().into_iter().map(|e| e.name).collect();
    assert_eq!(want.len(), names.len(), "record the answers anew: SEATRIAL_DIFFERENTIAL=1 SEATRIAL_RECORD=1");
    let (mut wrong, mut expected) = (String::new(), 0);
    let mut surprising = Vec::new();
    for ((name, want), found) in names.iter().zip(want).zip(found) {
        let (a, b) = (show(want), show(found));
        let is_known = known.iter().any(|k| name.starts_with(k));
        match (a == b, is_known) {
            (true, true) => surprising.push(name),
            (true, false) => {}
            (false, true) => expected += 1,
            (false, false) if want.0 != found.0 => {
                let told = |a: &(u16, Value)| format!("{} {}", a.0, a.1["message"]);
                wrong.push_str(&format!("{name}\n    - {}\n    + {}\n", told(want), told(found)));
            }
            (false, false) => wrong.push_str(&format!("{name}\n{}", difference(&a, &b))),
        }
    }
    println!("{} exchanges, {expected} known differences", names.len());
    assert!(wrong.is_empty(), "- real, + found\n{wrong}");
    assert!(surprising.is_empty(), "no longer different: {surprising:#?}");
}

fn known() -> Vec<&'static str> {
    KNOWN.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect()
}

#[test]
fn the_simulated_server_answers_as_the_real_one_was_recorded() {
    let (recorded, simulated) = (recorded(), simulated(false));
    compare(&recorded, &simulated, &known());
    let page = fidelity(&recorded, &simulated, KNOWN);
    if std::env::var_os("SEATRIAL_FIDELITY").is_some() {
        std::fs::write(FIDELITY, &page).unwrap();
    }
    let written = std::fs::read_to_string(FIDELITY).unwrap_or_default();
    assert!(written == page, "docs/fidelity.md is out of date: run this test with SEATRIAL_FIDELITY=1");
}

#[test]
fn requests_that_carry_their_values_are_answered_as_their_texts_are() {
    compare(&simulated(false), &simulated(true), &[]);
}

#[test]
fn the_real_server_still_answers_as_recorded() {
    let Some(kube) = kube::Kube::start() else { return };
    let unique = std::process::id();
    let answers = simulate(Simulation::default(), |_| async move {
        let send = |e: Exchange| {
            let (code, warnings, text) = kube.send(&e.method, &e.path, &e.media, &e.headers(), &e.body);
            let answer = (code, with_warnings(parse(&text), warnings));
            async move { answer }
        };
        play(&format!("r{unique}-"), send, async || {
            std::process::Command::new("sleep").arg("0.05").status().unwrap();
        })
        .await
    })
    .unwrap();
    if std::env::var_os("SEATRIAL_RECORD").is_some() {
        let lines: Vec<String> = answers.iter().map(|a| serde_json::to_string(a).unwrap() + "\n").collect();
        std::fs::write(RECORDED, lines.concat()).unwrap();
        return;
    }
    compare(&recorded(), &answers, &[]);
}
