//! `seatrial seal` and the real kubeseal, each against `seatrial up`, where kubeseal and kubectl are installed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

#[path = "support/up.rs"]
mod up;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use up::until;

fn oracle(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ORACLES_DIR").map(PathBuf::from);
    let folder =
        folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/seatrial-oracles")))?;
    let found = [folder.join("bin").join(name), folder.join(name)].into_iter().find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: no {name} in {} (see ORACLES_DIR)", folder.display());
    }
    found
}

fn seatrial() -> PathBuf {
    env!("CARGO_BIN_EXE_seatrial").into()
}

/// A running `seatrial up`.
struct Up(up::Up);

impl Up {
    fn start() -> Up {
        Up(up::Up::start(tempfile::tempdir().unwrap(), &[]))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Output {
        self.0.command(program).args(arguments).output().unwrap()
    }

    /// As [`Up::run`], with a file as standard input.
    fn feed(&self, program: &Path, arguments: &[&str], file: &str) -> Output {
        let input = std::fs::File::open(self.path(file)).unwrap();
        self.0.command(program).args(arguments).stdin(input).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Both programs do everything; what one makes the other takes, and they end alike.
#[test]
fn kubeseal_and_ours_do_the_same() {
    let (Some(kubeseal), Some(kubectl)) = (oracle("kubeseal"), oracle("kubectl")) else { return };
    let up = Up::start();
    let manifest =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sealed-secrets/controller.yaml");
    let created = up.run(&kubectl, &["--context", "beta", "create", "-f", manifest.to_str().unwrap()]);
    assert!(created.status.success(), "{}", text(&created.stderr));
    until("the controller", || {
        let logs = ["--context", "beta", "-n", "kube-system", "logs", "deploy/sealed-secrets-controller"];
        text(&up.run(&kubectl, &logs).stdout).contains("HTTP server serving")
    });
    let ours = seatrial();
    let programs: [(&Path, &[&str]); 2] = [(&kubeseal, &[]), (&ours, &["seal"])];
    let run = |(program, first): (&Path, &[&str]), arguments: &[&str], file: Option<&str>| {
        let all: Vec<&str> = first.iter().chain(&["--context", "beta"]).chain(arguments).copied().collect();
        // The controller takes three requests to verify at once, and two a second.
        std::thread::sleep(Duration::from_millis(550));
        match file {
            Some(file) => up.feed(program, &all, file),
            None => up.run(program, &all),
        }
    };
    let certificates = programs.map(|program| run(program, &["--fetch-cert"], None));
    assert!(certificates.iter().all(|output| output.status.success()), "{}", text(&certificates[1].stderr));
    assert_eq!(text(&certificates[0].stdout), text(&certificates[1].stdout));
    for program in programs {
        let written = run(program, &["--fetch-cert", "-w", "cert.pem"], None);
        assert!(written.status.success() && written.stdout.is_empty(), "{}", text(&written.stderr));
        assert_eq!(std::fs::read(up.path("cert.pem")).unwrap(), certificates[0].stdout);
    }
    let backup = [
        "--context",
        "beta",
        "-n",
        "kube-system",
        "get",
        "secret",
        "-o",
        "yaml",
        "-l",
        "sealedsecrets.bitnami.com/sealed-secrets-key",
    ];
    std::fs::write(up.path("backup.yaml"), up.run(&kubectl, &backup).stdout).unwrap();
    std::fs::write(
        up.path("secret.yaml"),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {l: v}}\ndata: {k: YmFy}\nstringData: {t: text}\n",
    )
    .unwrap();
    std::fs::write(up.path("value"), "raw value").unwrap();
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        let sealed = programs
            .map(|program| run(program, &["--scope", scope, "-f", "secret.yaml", "-o", "yaml"], None));
        let shapes = sealed.each_ref().map(|output| {
            assert!(output.status.success(), "{scope}: {}", text(&output.stderr));
            let lines = text(&output.stdout);
            // Ciphertexts differ each time.
            lines
                .lines()
                .map(|line| {
                    line.chars().take(50).collect::<String>().split(": Ag").next().unwrap().to_owned() + "\n"
                })
                .collect::<String>()
        });
        assert_eq!(shapes[0], shapes[1], "{scope}");
        for (number, output) in sealed.iter().enumerate() {
            std::fs::write(up.path("sealed.yaml"), &output.stdout).unwrap();
            let renamed = text(&output.stdout).replace("name: a\n", "name: other\n");
            std::fs::write(up.path("renamed.yaml"), renamed).unwrap();
            for program in programs {
                let seen = run(program, &["--validate"], Some("sealed.yaml"));
                assert!(seen.status.success(), "{scope}, sealed by {number}: {}", text(&seen.stderr));
                let seen = run(program, &["--validate"], Some("renamed.yaml"));
                assert_eq!(seen.status.success(), scope != "strict", "{scope}, sealed by {number}");
                if scope == "strict" {
                    assert_eq!(text(&seen.stderr), "error: unable to decrypt sealed secret: other\n");
                }
                let again = run(program, &["--re-encrypt", "-o", "yaml"], Some("sealed.yaml"));
                assert!(again.status.success(), "{scope}: {}", text(&again.stderr));
                std::fs::write(up.path("again.yaml"), &again.stdout).unwrap();
                // A file is encrypted anew in place.
                std::fs::write(up.path("place.yaml"), &output.stdout).unwrap();
                let placed = run(program, &["--re-encrypt", "-f", "place.yaml"], None);
                assert!(placed.status.success() && placed.stdout.is_empty(), "{}", text(&placed.stderr));
                let placed = std::fs::read(up.path("place.yaml")).unwrap();
                assert!(placed.starts_with(b"---\n") && placed != output.stdout, "{scope}");
                let opened = programs.map(|program| {
                    let flags = ["--recovery-unseal", "--recovery-private-key", "backup.yaml", "-o", "yaml"];
                    let opened = run(program, &flags, Some("again.yaml"));
                    assert!(opened.status.success(), "{scope}: {}", text(&opened.stderr));
                    text(&opened.stdout)
                });
                assert_eq!(opened[0], opened[1], "{scope}");
                assert!(opened[0].contains("k: YmFy\n  t: dGV4dA==\n"), "{}", opened[0]);
            }
        }
    }
    for program in programs {
        let raw = run(program, &["--raw", "--name", "raw", "--from-file", "value"], None);
        assert!(raw.status.success(), "{}", text(&raw.stderr));
        let object = format!(
            "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {{name: raw, namespace: default}}\nspec: {{encryptedData: {{v: {}}}}}\n",
            text(&raw.stdout).trim()
        );
        std::fs::write(up.path("raw.yaml"), object).unwrap();
        for other in programs {
            let seen = run(other, &["--validate"], Some("raw.yaml"));
            assert!(seen.status.success(), "{}", text(&seen.stderr));
        }
    }
    let moved = std::fs::read_to_string(up.path("raw.yaml")).unwrap().replace("name: raw,", "name: moved,");
    std::fs::write(up.path("moved.yaml"), moved).unwrap();
    // What cannot be done: alike in words. kubeseal's exit status is always 1.
    for (arguments, file, expected) in [
        (&["--controller-name", "nobody", "--fetch-cert"][..], None, 1),
        (&["--re-encrypt"], Some("moved.yaml"), 1),
        (&["--cert", "nope.pem", "-f", "secret.yaml"], None, 2),
        (&["--cert", "secret.yaml", "-f", "secret.yaml"], None, 2),
        (&["--cert", "cert.pem", "-f", "secret.yaml", "-o", "xml"], None, 2),
        (&["--cert", "cert.pem", "--raw"], Some("value"), 2),
        (
            &[
                "--cert",
                "cert.pem",
                "--raw",
                "--name",
                "a",
                "--from-file",
                "a=value",
                "--from-file",
                "b=value",
            ],
            None,
            2,
        ),
        (&["--cert", "cert.pem", "--merge-into", "nope.yaml"], Some("secret.yaml"), 2),
        (&["--recovery-unseal", "--recovery-private-key", "nope"], Some("raw.yaml"), 2),
    ] {
        let ended = programs.map(|program| run(program, arguments, file));
        let words = ended.each_ref().map(|output| text(&output.stderr));
        assert_eq!(words[0], words[1], "{arguments:?}");
        let codes = ended.each_ref().map(|output| output.status.code());
        assert_eq!(codes, [Some(1), Some(expected)], "{arguments:?}");
    }
    let created = up.feed(&kubectl, &["--context", "beta", "create", "-f", "-"], "raw.yaml");
    assert!(created.status.success(), "{}", text(&created.stderr));
    until("the Secret", || {
        let get = ["--context", "beta", "get", "secret", "raw", "-o", "jsonpath={.data.v}"];
        text(&up.run(&kubectl, &get).stdout) == "cmF3IHZhbHVl"
    });
}

/// A certificate of the first public test key.
fn certificate() -> String {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keys/sealing.pem");
    let read = seatrial_seal::PrivateKey::from_pem(&std::fs::read(fixture).unwrap()).unwrap();
    let lasts = Duration::from_secs(100 * 365 * 86_400);
    let validity = seatrial_seal::Validity { from: jiff::Timestamp::UNIX_EPOCH, lasts };
    seatrial_seal::Certificate::self_signed(&read, validity, "", [1; 16]).unwrap().pem().to_owned()
}

/// Exit statuses of the check of a repository: what was not looked at is no success.
#[test]
fn the_check_of_a_repository_fails_where_it_looked_at_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let key = root.join("fixtures/keys/sealing.pem");
    let key = key.to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cluster = folder.path().join("clusters/beta");
    std::fs::create_dir_all(&cluster).unwrap();
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n";
    std::fs::write(cluster.join("config.yaml"), config).unwrap();
    let repository = folder.path().to_str().unwrap();
    let (here, elsewhere) = (format!("beta={key}"), format!("nobody={key}"));
    let nofile = format!("beta={repository}/nofile");
    std::fs::write(folder.path().join("cert.pem"), certificate()).unwrap();
    let no_key = format!("beta={repository}/cert.pem");
    for (flags, expected) in [
        (&["--cluster-key", &here][..], 1),
        (&["--cluster-key", &here, "--allow-unknown"], 0),
        (&["--recovery-private-key", key], 1),
        (&["--cluster-key", &elsewhere], 2),
        (&["--recovery-private-key", key, "--only", "nobody"], 2),
        (&["--cluster-key", &nofile], 2),
        (&["--cluster-key", &no_key], 2),
        (&["--cluster-key", &here, "--validate"], 2),
        (&["--cluster-key", &here, "-w", "x"], 2),
        (&["--cluster-key", &here, "--scope", "strict"], 2),
        (&[], 2),
    ] {
        let arguments = ["seal", "--validate-repo", repository];
        let ended = Command::new(seatrial()).args(arguments).args(flags).output().unwrap();
        let said = text(&ended.stdout) + &text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(expected), "{flags:?}: {said}");
    }
}

/// What needs no cluster: both programs write files alike, names follow the file that is merged into.
#[test]
fn kubeseal_and_ours_write_files_alike() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(kubeseal) = oracle("kubeseal") else { return };
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keys/sealing.pem");
    let keys = std::fs::read_to_string(fixture).unwrap();
    let end = "-----END RSA PRIVATE KEY-----\n";
    let key = keys.split_inclusive(end).next().unwrap();
    let read = seatrial_seal::PrivateKey::from_pem(key.as_bytes()).unwrap();
    let lasts = Duration::from_secs(100 * 365 * 86_400);
    let validity = seatrial_seal::Validity { from: jiff::Timestamp::UNIX_EPOCH, lasts };
    let certificate = seatrial_seal::Certificate::self_signed(&read, validity, "", [1; 16]).unwrap();
    let secret = |name: &str, key: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: web}}\nstringData: {{{key}: text}}\n"
        )
    };
    let opened = [(kubeseal.clone(), None), (seatrial(), Some("seal"))].map(|(program, first)| {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, content) in [
            ("key.pem", key),
            ("cert.pem", certificate.pem()),
            ("a.yaml", &secret("a", "k")),
            ("b.yaml", &secret("b", "other")),
            ("value", "text"),
            ("old", "old"),
        ] {
            std::fs::write(path(name), content).unwrap();
        }
        let run = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command.args(first).args(arguments).current_dir(folder.path()).stdin(Stdio::null());
            command.env("KUBECONFIG", path("nobody")).output().unwrap()
        };
        let good = |arguments: &[&str]| {
            let ended = run(arguments);
            assert!(ended.status.success(), "{program:?} {arguments:?}: {}", text(&ended.stderr));
            assert!(ended.stdout.is_empty(), "{program:?} {arguments:?}: {}", text(&ended.stdout));
        };
        let mode = |name: &str| std::fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
        good(&["--cert", "cert.pem", "-f", "a.yaml", "-w", "sealed.yaml"]);
        good(&["--cert", "cert.pem", "-f", "a.yaml", "-w", "old"]);
        let raw =
            ["--raw", "--cert", "cert.pem", "--name", "a", "--namespace", "web", "--from-file", "value"];
        good(&[&raw[..], &["-w", "raw"]].concat());
        assert!(std::fs::read_to_string(path("raw")).unwrap().starts_with("Ag"));
        let modes = ["sealed.yaml", "old", "raw"].map(mode);
        // Merging leaves the mode as it is, and takes the name of the file.
        std::fs::set_permissions(path("sealed.yaml"), std::fs::Permissions::from_mode(0o664)).unwrap();
        good(&["--cert", "cert.pem", "-f", "b.yaml", "--merge-into", "sealed.yaml", "-o", "yaml"]);
        let merged = mode("sealed.yaml");
        good(&[
            "--recovery-unseal",
            "--recovery-private-key",
            "key.pem",
            "-f",
            "sealed.yaml",
            "-w",
            "secret.yaml",
        ]);
        let refused = run(&["--cert", "cert.pem", "-f", "a.yaml", "--from-file", "value"]);
        let words = text(&refused.stderr);
        assert!(!refused.status.success());
        (modes, merged, mode("secret.yaml"), std::fs::read_to_string(path("secret.yaml")).unwrap(), words)
    });
    assert_eq!(opened[0], opened[1]);
    assert!(opened[1].3.contains("other: dGV4dA=="), "{opened:?}");
    assert_eq!((opened[1].0, opened[1].1, opened[1].2), ([0o600; 3], 0o664, 0o600));
}

/// Fields of a foreign input that are not what they should be.
#[test]
fn a_broken_input_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keys/sealing.pem");
    let read = seatrial_seal::PrivateKey::from_pem(&std::fs::read(fixture).unwrap()).unwrap();
    let lasts = Duration::from_secs(100 * 365 * 86_400);
    let validity = seatrial_seal::Validity { from: jiff::Timestamp::UNIX_EPOCH, lasts };
    let certificate = seatrial_seal::Certificate::self_signed(&read, validity, "", [1; 16]).unwrap();
    std::fs::write(path("cert.pem"), certificate.pem()).unwrap();
    let good = "{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: b}, stringData: {k: v}}";
    let sealed = "{apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: a, namespace: b}, spec: SPEC}";
    for (secret, target, expected) in [
        (
            "{apiVersion: v1, kind: Secret, metadata: text, stringData: {k: v}}",
            None,
            "json: cannot unmarshal string into Go struct field Secret.metadata of type v1.ObjectMeta",
        ),
        ("text", None, "the document is no object"),
        (good, Some(sealed.replace("SPEC", "text")), "a field of the SealedSecret is no object"),
        (
            good,
            Some(sealed.replace("SPEC", "{encryptedData: [1]}")),
            "a field of the SealedSecret is no object",
        ),
        (
            good,
            Some(sealed.replace("SPEC", "{template: {metadata: 1}}")),
            "a field of the SealedSecret is no object",
        ),
    ] {
        std::fs::write(path("secret.yaml"), secret).unwrap();
        let mut command = Command::new(seatrial());
        command
            .args(["seal", "--cert", "cert.pem", "--name", "a", "-f", "secret.yaml"])
            .current_dir(folder.path());
        if let Some(target) = target {
            std::fs::write(path("target.yaml"), target).unwrap();
            command.args(["--merge-into", "target.yaml"]);
        }
        let ended = command.output().unwrap();
        let said = text(&ended.stderr);
        assert!(ended.status.code() == Some(2) && said.contains(expected), "{:?}: {said}", ended.status);
    }
}

/// Scalars that are no text, and fields of another type.
#[test]
fn kubeseal_and_ours_read_scalars_alike() {
    let Some(kubeseal) = oracle("kubeseal") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keys/sealing.pem");
    std::fs::write(path("cert.pem"), certificate()).unwrap();
    let run = |(program, first): (&Path, &[&str]), arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(first).args(arguments).current_dir(folder.path()).stdin(Stdio::null());
        command.env("KUBECONFIG", path("nobody")).output().unwrap()
    };
    let own = seatrial();
    let [theirs, ours]: [(&Path, &[&str]); 2] = [(&kubeseal, &[]), (&own, &["seal"])];
    for fields in [
        "metadata: {name: a, namespace: b, annotations: {x: y, z: ~, n: NO}, labels: {v: 1, f: 1.50, o: 017}}\nstringData: {k: v}",
        "metadata: {name: 5, namespace: no}\nstringData: {k: v}",
        "metadata: {name: a, namespace: b}\nstringData: {pin: 12345678, on: on, f: 1e3}\ntype: on\nimmutable: yes",
        "metadata: {name: a, namespace: b}\nimmutable: \"true\"\nstringData: {k: v}",
        "metadata: {name: a, namespace: b}\nstringData: PLANTED",
        "metadata: {name: a, namespace: b}\nstringData: {k: [PLANTED]}",
        "metadata: {name: a, namespace: b}\ndata: {k: 1234}",
        "metadata: {name: a, namespace: b}\ndata: {k: 'PLA!TED'}",
    ] {
        std::fs::write(path("secret.yaml"), format!("apiVersion: v1\nkind: Secret\n{fields}\n")).unwrap();
        let ended = [theirs, ours].map(|program| {
            let sealed = run(program, &["--cert", "cert.pem", "-f", "secret.yaml", "-o", "yaml"]);
            if !sealed.status.success() {
                return (String::new(), text(&sealed.stderr).trim().to_owned());
            }
            std::fs::write(path("sealed.yaml"), &sealed.stdout).unwrap();
            let key = fixture.to_str().unwrap();
            let flags =
                ["--recovery-unseal", "--recovery-private-key", key, "-f", "sealed.yaml", "-o", "yaml"];
            let opened = run(theirs, &flags);
            assert!(opened.status.success(), "{}", text(&opened.stderr));
            (text(&opened.stdout), String::new())
        });
        assert_eq!(ended[0].0, ended[1].0, "{fields}");
        // Ours says the key, too.
        let said = &ended[1].1;
        assert!(said.starts_with(&ended[0].1) && !said.contains("PLA"), "{fields}: {ended:?}");
    }
}

/// What is good before something that is not is printed; the exit status says of which kind the failure was.
#[test]
fn what_fails_says_how() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("cert.pem"), certificate()).unwrap();
    let good = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: v}\n";
    std::fs::write(path("good.yaml"), good).unwrap();
    std::fs::write(path("nameless.yaml"), format!("{good}---\n{}", good.replace("{name: a}", "{}"))).unwrap();
    std::fs::write(path("broken.yaml"), format!("{good}---\nfoo: [\n")).unwrap();
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n\
                      clusters: [{name: x, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: x, user: {}}]\n";
    std::fs::write(path("kubeconfig"), kubeconfig).unwrap();
    for (arguments, kubeconfig, code, count, says) in [
        (&["--cert", "cert.pem", "-f", "good.yaml"][..], "kubeconfig", 0, 1, ""),
        (
            &["--cert", "cert.pem", "-f", "nameless.yaml"],
            "kubeconfig",
            2,
            1,
            "missing metadata.name in input Secret",
        ),
        (&["--cert", "cert.pem", "-f", "broken.yaml"], "kubeconfig", 2, 1, "couldn't get version/kind"),
        (
            &["--cert", "cert.pem", "-f", "good.yaml"],
            "nobody",
            3,
            0,
            "cannot infer the namespace automatically",
        ),
        (&["--fetch-cert"], "nobody", 3, 0, "no kubeconfig file"),
        (&["--fetch-cert"], "kubeconfig", 3, 0, "cannot get sealed secret service: "),
        (
            &["--validate", "-f", "good.yaml"],
            "kubeconfig",
            2,
            0,
            "the input is a Secret, and no SealedSecret",
        ),
        (
            &["--re-encrypt", "-f", "good.yaml"],
            "kubeconfig",
            2,
            0,
            "the input is a Secret, and no SealedSecret",
        ),
        (
            &["--recovery-unseal", "--recovery-private-key", "cert.pem", "-f", "good.yaml"],
            "kubeconfig",
            2,
            0,
            "cert.pem is a certificate, and no private key",
        ),
        (&["--validate-repo", "nowhere", "--cert", "cert.pem"], "kubeconfig", 2, 0, "nowhere"),
    ] {
        let mut command = Command::new(seatrial());
        command.arg("seal").args(arguments).current_dir(folder.path()).stdin(Stdio::null());
        command.env("KUBECONFIG", path(kubeconfig)).env("FLUX_SYSTEM_NAMESPACE", "flux-system");
        let ended = command.output().unwrap();
        let (printed, said) = (text(&ended.stdout), text(&ended.stderr));
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {said}");
        assert_eq!(printed.matches("\"kind\": \"SealedSecret\"").count(), count, "{arguments:?}: {printed}");
        assert!(said.contains(says), "{arguments:?}: {said}");
        // The namespace is the context's, whatever Flux's variable says.
        assert_eq!(
            printed.matches("\"namespace\": \"default\"").count(),
            2 * count,
            "{arguments:?}: {printed}"
        );
    }
}
