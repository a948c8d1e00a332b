//! Keys: where new ones come from, and those of one instance.

use super::MANAGER;
use super::flags::Flags;
use super::instance::Log;
use crate::cluster::Cluster;
use jiff::Timestamp;
use seatrial_seal::{ACTIVE, Certificate, KEY_LABEL, Keyring, PrivateKey, SealError, Validity, secret};
use seatrial_time::Clock;
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where new keys come from. An RSA key of 4096 bits takes seconds to make.
pub trait KeySource: Send + Sync {
    /// A key that nobody was given before.
    fn key(&self, bits: usize) -> Pin<Box<dyn Future<Output = Result<PrivateKey, SealError>> + Send + '_>>;
}

/// Makes every key, on a thread of tokio's pool: what else runs goes on meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub struct GeneratedKeys;

impl KeySource for GeneratedKeys {
    fn key(&self, bits: usize) -> Pin<Box<dyn Future<Output = Result<PrivateKey, SealError>> + Send + '_>> {
        Box::pin(async move {
            let made = tokio::task::spawn_blocking(move || PrivateKey::generate(bits)).await;
            made.unwrap_or(Err(SealError::Key("the thread that made it has ended")))
        })
    }
}

/// The keys of one instance. Cheap to clone; clones share.
#[derive(Clone, Default)]
pub(super) struct Keys(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    ring: Keyring,
    /// The certificate of the newest active key, and when the key was made.
    newest: Option<(Certificate, Timestamp)>,
}

impl Keys {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All private keys, the newest first.
    pub(super) fn ring(&self) -> Keyring {
        self.lock().ring.clone()
    }

    /// What is sealed with now.
    pub(super) fn certificate(&self) -> Option<Certificate> {
        self.lock().newest.as_ref().map(|(certificate, _)| certificate.clone())
    }

    /// When the newest active key was made.
    pub(super) fn made(&self) -> Option<Timestamp> {
        self.lock().newest.as_ref().map(|(_, made)| *made)
    }

    fn add(&self, key: PrivateKey, certificate: Certificate, made: Timestamp, active: bool) {
        let mut known = self.lock();
        known.ring.add(Arc::new(key));
        if active && known.newest.as_ref().is_none_or(|(_, newest)| *newest <= made) {
            known.newest = Some((certificate, made));
        }
    }

    /// Reads the keys of a namespace, the oldest first. Secrets that cannot be read are told in the log and passed over.
    pub(super) async fn read(&self, cluster: &Cluster, namespace: &str, log: &Log) -> Result<(), String> {
        log.info("Searching for existing private keys", &[]);
        let path =
            format!("/api/v1/namespaces/{namespace}/secrets?labelSelector={}", KEY_LABEL.replace('/', "%2F"));
        let list = cluster.read(&path).await.map_err(|error| error.to_string())?;
        let mut found: Vec<Value> = list["items"].as_array().cloned().unwrap_or_default();
        let text =
            |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        found.sort_by_key(|secret| (text(secret, "creationTimestamp"), text(secret, "name")));
        for mut object in found {
            object["kind"] = "Secret".into();
            let name = text(&object, "name");
            match parse(&object) {
                Ok((key, certificate, made)) => {
                    log.info("registered private key", &[("secretname", &name)]);
                    self.add(key, certificate, made, secret::is_active_key(&object));
                }
                Err(error) => {
                    log.error("Error reading key", &[("secret", &name), ("error", &error.to_string())]);
                }
            }
        }
        Ok(())
    }

    /// Makes a key, writes it to the cluster, and uses it from then on.
    pub(super) async fn renew(
        &self,
        (cluster, clock): (&Cluster, &Clock),
        (source, flags): (&dyn KeySource, &Flags),
        (namespace, log): (&str, &Log),
    ) -> Result<(), String> {
        let told = |error: SealError| error.to_string();
        let key = source.key(flags.bits).await.map_err(told)?;
        let now = clock.now();
        let validity = Validity { from: now, lasts: flags.ttl };
        let mut serial = [0; 16];
        let mut rng = clock.rng(&format!("sealed secrets/{namespace}/{}", now.as_nanosecond()));
        rng.fill(&mut serial);
        let certificate =
            Certificate::self_signed(&key, validity, &flags.common_name, serial).map_err(told)?;
        let mut labels = flags.key_labels.clone();
        labels.insert(KEY_LABEL.to_owned(), ACTIVE.to_owned());
        let mut metadata = json!({ "namespace": namespace, "generateName": flags.prefix, "labels": labels });
        if !flags.key_annotations.is_empty() {
            metadata["annotations"] = json!(flags.key_annotations);
        }
        let object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "type": "kubernetes.io/tls",
            "data": { "tls.crt": base64(certificate.pem()), "tls.key": base64(&key.to_pem().map_err(told)?) },
        });
        let answer = cluster.create(Arc::new(object), MANAGER).await.map_err(|error| error.to_string())?;
        let written = answer.value().map_err(|error| error.to_string())?;
        let name = written["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        log.info("New key written", &[("namespace", namespace), ("name", &name)]);
        log.info("Certificate generated", &[("certificate", certificate.pem())]);
        self.add(key, certificate, now, true);
        Ok(())
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn parse(object: &Value) -> Result<(PrivateKey, Certificate, Timestamp), SealError> {
    let data = secret::data(object)?;
    let part =
        |name: &str| data.get(name).ok_or_else(|| SealError::Object(format!("the Secret has no {name}")));
    let key = PrivateKey::from_pem(part("tls.key")?)?;
    let certificate = Certificate::from_pem(part("tls.crt")?)?;
    // A backup that is restored has another time of creation; the certificate keeps its own.
    let made = certificate.not_before;
    Ok((key, certificate, made))
}
