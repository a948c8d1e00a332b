//! Against the real kubeseal, where it is installed: what either side seals the other opens.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use seatrial_seal::secret::{data, open, reseal, seal, unseal};
use seatrial_seal::{Certificate, Keyring, PrivateKey, Scope, Validity, print};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn kubeseal() -> Option<PathBuf> {
    let folder = std::env::var_os("ORACLES_DIR")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/seatrial-oracles")))?;
    let found =
        [folder.join("bin/kubeseal"), folder.join("kubeseal")].into_iter().find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: no kubeseal in {} (see ORACLES_DIR)", folder.display());
    }
    found
}

/// A small generator: the same secrets each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> usize {
        (self.roll() % limit) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.roll() as u8).collect()
    }
}

/// Secrets of all sizes from nothing to 1 MiB, with binary and Unicode values and keys of every alphabet that JSON has.
fn secrets(count: usize) -> Vec<Value> {
    let mut dice = Dice(0x5ea7_51a1);
    let words = ["", "key", "with.dots-and_lines", "ключ", "鍵", "🔑", "a b", "\"q\"", "<&>", "tls.key"];
    (0..count)
        .map(|number| {
            let mut values = serde_json::Map::new();
            for _ in 0..=dice.below(3) {
                let size = match number {
                    7 => 1 << 20,
                    _ => [0, 1, 31, 32, 33, 255, 4096, 70_000][dice.below(8)],
                };
                let key = format!("{}{}", words[dice.below(words.len() as u64)], dice.below(100));
                values.insert(key, base64(&dice.bytes(size)).into());
            }
            let mut text = serde_json::Map::new();
            if dice.below(2) == 0 {
                text.insert(
                    format!("text{number}"),
                    ["größe", "multi\nline\n", "true", "0x1F", ""][dice.below(5)].into(),
                );
            }
            let mut annotations = serde_json::Map::new();
            let scope = [Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide][dice.below(3)];
            scope.annotate(&mut annotations);
            json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": format!("s{number}"),
                    "namespace": (["default", "web"][dice.below(2)]),
                    "annotations": annotations,
                    "labels": {"number": number.to_string()},
                },
                "type": (["Opaque", "example.com/other"][dice.below(2)]),
                "data": values,
                "stringData": text,
            })
        })
        .collect()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn run(program: &Path, folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("KUBECONFIG", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn documents(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("---\n{object}\n")).collect()
}

fn parsed(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    serde_json::Deserializer::from_str(&text.replace("\n---\n", "\n"))
        .into_iter::<Value>()
        .map(|value| value.unwrap())
        .collect()
}

struct World {
    folder: tempfile::TempDir,
    keys: Keyring,
    certificate: Certificate,
}

fn world() -> World {
    let key = PrivateKey::generate(2048).unwrap();
    let century = std::time::Duration::from_secs(100 * 366 * 86_400);
    let validity = Validity { from: jiff::Timestamp::UNIX_EPOCH, lasts: century };
    let certificate = Certificate::self_signed(&key, validity, "", [7; 16]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), key.to_pem().unwrap()).unwrap();
    World { folder, keys: [key].into_iter().collect(), certificate }
}

fn no_templates(_: &str, _: &str, _: &Value) -> Result<String, String> {
    unreachable!("nothing has a template")
}

#[test]
fn what_kubeseal_seals_is_opened_and_looks_like_ours() {
    let Some(program) = kubeseal() else { return };
    let world = world();
    let secrets = secrets(200);
    let output = run(&program, world.folder.path(), &["--cert", "cert.pem"], &documents(&secrets));
    let theirs = parsed(&output);
    assert_eq!(theirs.len(), secrets.len());
    for (secret, theirs) in secrets.iter().zip(&theirs) {
        assert_eq!(open(theirs, &world.keys).unwrap(), data(secret).unwrap());
        let ours = seal(secret, &world.certificate.key, Scope::Strict).unwrap();
        let shape = |sealed: &Value| {
            let mut sealed = sealed.clone();
            for value in sealed["spec"]["encryptedData"].as_object_mut().unwrap().values_mut() {
                *value = Value::from(value.as_str().unwrap().len());
            }
            sealed
        };
        assert_eq!(shape(&ours), shape(theirs));
    }
    // One document is compared as text: the order of the fields, the indentation, what is escaped.
    let one = run(&program, world.folder.path(), &["--cert", "cert.pem"], &secrets[0].to_string());
    let one = String::from_utf8(one.stdout).unwrap();
    assert_eq!(print::json(&serde_json::from_str(&one).unwrap()), one);
}

#[test]
fn what_is_sealed_kubeseal_opens() {
    let Some(program) = kubeseal() else { return };
    let world = world();
    let secrets = secrets(200);
    let sealed: Vec<Value> = secrets
        .iter()
        .map(|secret| {
            let sealed = seal(secret, &world.certificate.key, Scope::Strict).unwrap();
            reseal(&sealed, &world.keys, &world.certificate.key).unwrap()
        })
        .collect();
    // kubeseal opens one object a call: those of one scope become one, under keys of their own.
    let mut groups: BTreeMap<String, (Value, BTreeMap<String, Vec<u8>>)> = BTreeMap::new();
    for (secret, sealed) in secrets.iter().zip(&sealed) {
        let scope = Scope::of(sealed);
        let name = &sealed["metadata"]["name"];
        let who = match scope {
            Scope::Strict => format!("{}/{}", sealed["metadata"]["namespace"], name),
            Scope::NamespaceWide => sealed["metadata"]["namespace"].to_string(),
            Scope::ClusterWide => String::new(),
        };
        let (group, values) = groups.entry(who).or_insert_with(|| {
            let mut group = sealed.clone();
            group["spec"]["encryptedData"] = json!({});
            (group, BTreeMap::new())
        });
        for (key, value) in data(secret).unwrap() {
            let unique = format!("{}-{key}", name.as_str().unwrap());
            group["spec"]["encryptedData"][&unique] = sealed["spec"]["encryptedData"][&key].clone();
            values.insert(unique, value);
        }
    }
    assert!(groups.len() > 40, "{} groups", groups.len());
    let arguments = ["--recovery-unseal", "--recovery-private-key", "key.pem"];
    for (who, (group, values)) in &groups {
        let output = run(&program, world.folder.path(), &arguments, &group.to_string());
        let mut opened = parsed(&output).remove(0);
        assert!(data(&opened).unwrap() == *values, "{who}: other values");
        let mut ours = unseal(group, &world.keys, &no_templates).unwrap();
        ours["metadata"]["creationTimestamp"] = Value::Null;
        // Go writes an empty value as null.
        assert!(data(&ours).unwrap() == *values, "{who}: other values");
        (ours["data"], opened["data"]) = (Value::Null, Value::Null);
        assert_eq!(ours, opened, "{who}");
    }
}

#[test]
fn both_refuse_the_same() {
    let Some(program) = kubeseal() else { return };
    let world = world();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "ns"}, "stringData": {"j": "1", "k": "2"}});
    let sealed = seal(&secret, &world.certificate.key, Scope::Strict).unwrap();
    let changed = |path: &str, value: Value| {
        let mut sealed = sealed.clone();
        *sealed.pointer_mut(path).unwrap() = value;
        sealed
    };
    let arguments = ["--recovery-unseal", "--recovery-private-key", "key.pem"];
    for (case, object) in [
        ("the name", changed("/metadata/name", "b".into())),
        ("the namespace", changed("/metadata/namespace", "b".into())),
        ("the scope", {
            let mut sealed = sealed.clone();
            sealed["metadata"]["annotations"] = json!({"sealedsecrets.bitnami.com/cluster-wide": "true"});
            sealed
        }),
        ("a value", changed("/spec/encryptedData/j", "AAAA".into())),
        ("no Base64", changed("/spec/encryptedData/j", "!!".into())),
    ] {
        let output = run(&program, world.folder.path(), &arguments, &object.to_string());
        assert_eq!(output.status.code(), Some(1), "{case}");
        // Their order of the keys is one of chance.
        let theirs = String::from_utf8(output.stderr).unwrap().replace("(k, j)", "(j, k)");
        let ours = open(&object, &world.keys).unwrap_err();
        assert_eq!(theirs, format!("error: {ours}\n"), "{case}");
    }
}
