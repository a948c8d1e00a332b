use super::*;
use rstest::rstest;
use seatrial_time::Clock;
use std::process::Command;

/// What OpenSSH's ssh-keygen makes: the private and the public half; none, and a line, where it is not there.
fn made(args: &[&str]) -> Option<(String, String)> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let ran = Command::new("ssh-keygen").args(["-q", "-C", "comment", "-f"]).arg(&path).args(args).output();
    let Ok(output) = ran else {
        eprintln!("skipped: there is no ssh-keygen (Debian: apt install openssh-client)");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    Some((read(&path), read(&path.with_extension("pub"))))
}

#[rstest]
#[case::ed25519(&["-t", "ed25519", "-N", ""])]
#[case::with_a_passphrase(&["-t", "ed25519", "-N", "secret"])]
#[case::p256(&["-t", "ecdsa", "-b", "256", "-N", ""])]
#[case::p384_in_pkcs8(&["-t", "ecdsa", "-b", "384", "-N", "", "-m", "PKCS8"])]
#[case::p384_in_sec1(&["-t", "ecdsa", "-b", "384", "-N", "", "-m", "PEM"])]
#[case::p521(&["-t", "ecdsa", "-b", "521", "-N", ""])]
fn the_halves_of_openssh_belong_together(#[case] args: &[&str]) {
    let Some((private, public)) = made(args) else { return };
    let public = PublicKey::parse(&public).unwrap();
    assert_eq!(PrivateKey::parse(&private).unwrap().public(), &public);
}

#[rstest]
#[case::openssh(&["-t", "rsa", "-b", "2048", "-N", ""])]
#[case::pkcs1(&["-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"])]
#[case::pkcs8(&["-t", "rsa", "-b", "2048", "-N", "", "-m", "PKCS8"])]
fn rsa_keys_are_refused_by_name(#[case] args: &[&str]) {
    let Some((private, public)) = made(args) else { return };
    let refused = KeyError::Unsupported { algorithm: "ssh-rsa".to_owned() };
    assert_eq!(PublicKey::parse(&public), Err(refused.clone()));
    assert_eq!(PrivateKey::parse(&private), Err(refused));
}

#[rstest]
#[case::p256(KeyAlgorithm::EcdsaP256, "ecdsa-sha2-nistp256")]
#[case::p384(KeyAlgorithm::EcdsaP384, "ecdsa-sha2-nistp384")]
#[case::p521(KeyAlgorithm::EcdsaP521, "ecdsa-sha2-nistp521")]
#[case::ed25519(KeyAlgorithm::Ed25519, "ssh-ed25519")]
fn keys_that_are_made_here_are_the_same_each_time_and_can_be_read(
    #[case] algorithm: KeyAlgorithm,
    #[case] name: &str,
) {
    let make = |seed| {
        seatrial_time::simulate(seatrial_time::Simulation::seeded(seed), |clock: Clock| async move {
            PrivateKey::generate(algorithm, &mut clock.rng("key")).unwrap()
        })
        .unwrap()
    };
    let (one, again, other) = (make(1), make(1), make(2));
    assert!(one == again && one != other);
    assert_eq!(one.public().algorithm(), name);
    assert_eq!(PrivateKey::parse(one.reveal()).unwrap().public(), one.public());
    assert_eq!(PublicKey::parse(&format!("{} comment\n", one.public())).unwrap(), *one.public());
    assert!(!format!("{one:?}").contains("PRIVATE KEY"), "{one:?}");
    // OpenSSH reads Ed25519 in its own form alone.
    if algorithm != KeyAlgorithm::Ed25519 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, one.reveal()).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        if let Ok(output) = Command::new("ssh-keygen").arg("-y").arg("-f").arg(&path).output() {
            assert_eq!(
                String::from_utf8_lossy(&output.stdout).trim(),
                one.public().to_string(),
                "{output:?}"
            );
        }
    }
}

#[rstest]
#[case::empty("")]
#[case::no_base64("ssh-ed25519 !!!")]
#[case::another_name("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIBfHo1MU0p5E6XEtwkejPcz04TUS6HCcFW++M8a+gA7l")]
#[case::cut_short("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfHo1MU0p5E6XEtwkejPcz04TUS6HCcFW++M8a+")]
#[case::two_lines("ssh-ed25519\nAAAAC3NzaC1lZDI1NTE5AAAAIBfHo1MU0p5E6XEtwkejPcz04TUS6HCcFW++M8a+gA7l")]
fn what_is_no_public_key_is_refused(#[case] text: &str) {
    assert_eq!(PublicKey::parse(text), Err(KeyError::NotAPublicKey));
}

#[test]
fn a_fingerprint_is_openssh_s() {
    let key = PublicKey::parse(
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfHo1MU0p5E6XEtwkejPcz04TUS6HCcFW++M8a+gA7l me",
    );
    assert_eq!(key.unwrap().fingerprint(), "SHA256:tXrG1NESIK/bxYu11RvuPbzGDM70CM+vaHrvEUgC6kk");
}
