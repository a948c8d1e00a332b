//! The registry over HTTP and HTTPS.

use crate::client::{Answer, Client, Tls};
use crate::world::serve;
use rstest::rstest;
use seatrial_harness::registry::Digest;
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn code(answer: &Answer) -> String {
    answer.json()["errors"][0]["code"].as_str().unwrap().to_owned()
}

/// Pushes a blob in one request.
async fn blob(client: &Client, name: &str, data: &[u8]) -> Digest {
    let digest = Digest::of(data);
    let path = format!("/v2/{name}/blobs/uploads/?digest={}", digest.as_str().replace(':', "%3A"));
    let answer = client.send("POST", &path, data.to_vec()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("docker-content-digest"), digest.as_str());
    digest
}

fn image(config: &Digest, size: usize, more: Value) -> String {
    let kind = "application/vnd.oci.image.config.v1+json";
    let mut manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
        "config": {"mediaType": kind, "digest": config.as_str(), "size": size}});
    for (key, value) in more.as_object().unwrap() {
        manifest[key] = value.clone();
    }
    manifest.to_string()
}

async fn put(client: &Client, name: &str, tag: &str, manifest: &str) -> Answer {
    let client = client.clone().with("content-type", MANIFEST);
    client.send("PUT", &format!("/v2/{name}/manifests/{tag}"), manifest.to_owned()).await
}

#[test]
fn what_is_pushed_is_pulled_listed_and_deleted() {
    serve(false, async |world| {
        let client = world.registry();
        let config = blob(&client, "btoll/debug", b"{}").await;
        let manifest = image(&config, 2, json!({}));
        for tag in ["1.0.0", "1.0.1", "latest"] {
            assert_eq!(put(&client, "btoll/debug", tag, &manifest).await.status, 201);
        }
        let digest = Digest::of(manifest.as_bytes());
        let pulled = client.get("/v2/btoll/debug/manifests/1.0.1").await;
        assert_eq!(pulled.body, manifest);
        assert_eq!(pulled.header("docker-content-digest"), digest.as_str());
        assert_eq!(pulled.header("content-type"), MANIFEST);
        let head = client.send("HEAD", &format!("/v2/btoll/debug/manifests/{digest}"), "").await;
        assert_eq!((head.status, head.header("content-length")), (200, manifest.len().to_string().as_str()));
        // The same repository by the name that it has elsewhere.
        assert_eq!(client.get("/v2/docker.io/btoll/debug/manifests/1.0.1").await.body, manifest);
        assert_eq!(client.get("/v2/btoll/debug/manifests/1.0.1?ns=docker.io").await.body, manifest);

        let page = client.get("/v2/btoll/debug/tags/list?n=2").await;
        assert_eq!(page.json(), json!({"name": "btoll/debug", "tags": ["1.0.0", "1.0.1"]}));
        assert_eq!(page.header("link"), "</v2/btoll/debug/tags/list?last=1.0.1&n=2>; rel=\"next\"");
        let rest = client.get("/v2/btoll/debug/tags/list?last=1.0.1&n=2").await;
        assert_eq!((rest.json()["tags"].clone(), rest.header("link")), (json!(["latest"]), ""));
        let catalog = client.get("/v2/_catalog").await.json();
        assert_eq!(catalog, json!({"repositories": ["btoll/debug"]}));

        assert_eq!(client.send("DELETE", "/v2/btoll/debug/manifests/latest", "").await.status, 202);
        assert_eq!(client.get("/v2/btoll/debug/manifests/latest").await.status, 404);
        assert_eq!(
            client.send("DELETE", &format!("/v2/btoll/debug/manifests/{digest}"), "").await.status,
            202
        );
        let tags = client.get("/v2/btoll/debug/tags/list").await.json();
        assert_eq!(tags["tags"], json!([]));
    });
}

#[test]
fn a_blob_is_pushed_in_pieces_and_pulled_in_parts() {
    serve(false, async |world| {
        let client = world.registry();
        let begun = client.send("POST", "/v2/a/b/blobs/uploads/", "").await;
        assert_eq!((begun.status, begun.header("range")), (202, "0-0"));
        let at = begun.header("location").to_owned();
        let first = client.send("PATCH", &at, "0123456789").await;
        assert_eq!((first.status, first.header("range")), (202, "0-9"));
        let gap = client.clone().with("content-range", "12-13").send("PATCH", &at, "ab").await;
        assert_eq!((gap.status, gap.header("range")), (416, "0-9"));
        let second = client.clone().with("content-range", "10-13").send("PATCH", &at, "abcd").await;
        assert_eq!((second.status, second.header("range")), (202, "0-13"));
        assert_eq!(client.get(&at).await.header("range"), "0-13");
        let wrong = Digest::of(b"0123456789abcd");
        let digest = Digest::of(b"0123456789abcdef");
        let done = client.send("PUT", &format!("{at}?digest={digest}"), "ef").await;
        assert_eq!((done.status, done.header("location")), (201, format!("/v2/a/b/blobs/{digest}").as_str()));
        assert_eq!(client.get(&at).await.status, 404, "an upload that is over");

        let path = format!("/v2/a/b/blobs/{digest}");
        assert_eq!(client.get(&path).await.body, "0123456789abcdef");
        let part = client.clone().with("range", "bytes=10-").get(&path).await;
        assert_eq!((part.status, part.header("content-range")), (206, "bytes 10-15/16"));
        assert_eq!(part.body, "abcdef");
        assert_eq!(client.clone().with("range", "bytes=16-").get(&path).await.status, 416);
        assert_eq!(client.send("HEAD", &path, "").await.header("content-length"), "16");
        assert_eq!(code(&client.get(&format!("/v2/a/b/blobs/{wrong}")).await), "BLOB_UNKNOWN");

        // Another repository has it only once it is mounted.
        assert_eq!(client.get(&format!("/v2/c/blobs/{digest}")).await.status, 404);
        let mounted = client.send("POST", &format!("/v2/c/blobs/uploads/?mount={digest}&from=a/b"), "").await;
        assert_eq!(mounted.status, 201);
        assert_eq!(client.send("DELETE", &path, "").await.status, 202);
        assert_eq!(client.get(&format!("/v2/c/blobs/{digest}")).await.body, "0123456789abcdef");
        let elsewhere = client.send("POST", &format!("/v2/d/blobs/uploads/?mount={digest}&from=x"), "").await;
        assert_eq!(elsewhere.status, 202, "an upload begins where there is nothing to mount");
        assert_eq!(client.send("DELETE", elsewhere.header("location"), "").await.status, 204);
    });
}

#[test]
fn content_has_digests_of_two_algorithms() {
    serve(false, async |world| {
        let client = world.registry();
        let like = Digest::parse(&format!("sha512:{}", "0".repeat(128))).unwrap();
        let digest = like.same_of(b"{}");
        let path = format!("/v2/a/blobs/uploads/?digest={digest}");
        assert_eq!(client.send("POST", &path, "{}").await.status, 201);
        assert_eq!(code(&client.send("POST", &path, "[]").await), "DIGEST_INVALID");
        assert_eq!(client.get(&format!("/v2/a/blobs/{digest}")).await.body, "{}");
        let manifest = image(&digest, 2, json!({}));
        let wanted = like.same_of(manifest.as_bytes());
        let put = client.clone().with("content-type", MANIFEST);
        let path = format!("/v2/a/manifests/{wanted}?tag=1&tag=2");
        let answer = put.send("PUT", &path, manifest.clone()).await;
        assert_eq!((answer.status, answer.header("docker-content-digest")), (201, wanted.as_str()));
        let tags: Vec<&str> =
            answer.headers.get_all("oci-tag").iter().map(|tag| tag.to_str().unwrap()).collect();
        assert_eq!(tags, ["1", "2"]);
        let by_tag = client.get("/v2/a/manifests/2").await;
        assert_eq!(
            (by_tag.header("docker-content-digest"), by_tag.body.as_ref()),
            (wanted.as_str(), manifest.as_bytes())
        );
        let of_a_tag = put.send("PUT", "/v2/a/manifests/3?tag=4", manifest.clone()).await;
        assert_eq!(code(&of_a_tag), "MANIFEST_INVALID");
        let no_tag = put.send("PUT", &format!("/v2/a/manifests/{wanted}?tag=.x"), manifest).await;
        assert_eq!(code(&no_tag), "MANIFEST_INVALID");
        assert_eq!(client.get("/v2/a/tags/list").await.json()["tags"], json!(["1", "2"]));
    });
}

#[test]
fn referrers_are_found_by_subject_and_type() {
    serve(false, async |world| {
        let client = world.registry();
        let config = blob(&client, "a", b"{}").await;
        let subject = image(&config, 2, json!({}));
        put(&client, "a", "1", &subject).await;
        let digest = Digest::of(subject.as_bytes());
        let refers = json!({"digest": digest.as_str(), "size": subject.len(), "mediaType": MANIFEST});
        for kind in ["example/signature", "example/sbom"] {
            let more = json!({"subject": refers, "artifactType": kind, "annotations": {"a": "b"}});
            let answer = put(&client, "a", kind.rsplit('/').next().unwrap(), &image(&config, 2, more)).await;
            assert_eq!((answer.status, answer.header("oci-subject")), (201, digest.as_str()));
        }
        let all = client.get(&format!("/v2/a/referrers/{digest}")).await;
        assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 2);
        let path = format!("/v2/a/referrers/{digest}?artifactType=example/sbom");
        let some = client.get(&path).await;
        assert_eq!(some.header("oci-filters-applied"), "artifactType");
        let found = &some.json()["manifests"];
        assert_eq!((found.as_array().unwrap().len(), &found[0]["annotations"]), (1, &json!({"a": "b"})));
        let nothing = client.get(&format!("/v2/none/referrers/{digest}")).await;
        assert_eq!((nothing.status, nothing.json()["manifests"].clone()), (200, json!([])));
    });
}

#[rstest]
#[case::no_repository("GET", "/v2/none/tags/list", "", 404, "NAME_UNKNOWN")]
#[case::bad_name("GET", "/v2/None/tags/list", "", 400, "NAME_INVALID")]
#[case::no_manifest("GET", "/v2/a/manifests/9", "", 404, "MANIFEST_UNKNOWN")]
#[case::no_upload("PATCH", "/v2/a/blobs/uploads/17", "x", 404, "BLOB_UPLOAD_UNKNOWN")]
#[case::another_hash("POST", "/v2/a/blobs/uploads/?digest=sha512:00", "x", 400, "DIGEST_INVALID")]
#[case::no_json("PUT", "/v2/a/manifests/1", "x", 400, "MANIFEST_INVALID")]
#[case::first_version("PUT", "/v2/a/manifests/1", r#"{"schemaVersion": 1}"#, 400, "MANIFEST_INVALID")]
#[case::bad_tag("PUT", "/v2/a/manifests/.x", "{}", 400, "MANIFEST_INVALID")]
#[case::another_method("POST", "/v2/a/tags/list", "", 405, "UNSUPPORTED")]
fn what_cannot_be_done_is_refused(
    #[case] method: &str,
    #[case] path: &str,
    #[case] body: &'static str,
    #[case] status: u16,
    #[case] word: &str,
) {
    serve(false, async |world| {
        let client = world.registry();
        let config = blob(&client, "a", b"{}").await;
        put(&client, "a", "1", &image(&config, 2, json!({}))).await;
        let answer = client.send(method, path, body).await;
        assert_eq!((answer.status, code(&answer).as_str()), (status, word));
    });
}

#[test]
fn a_manifest_needs_its_parts_and_its_digest() {
    serve(false, async |world| {
        let client = world.registry();
        let config = blob(&client, "a", b"{}").await;
        let missing = image(&Digest::of(b"missing"), 7, json!({}));
        assert_eq!(code(&put(&client, "a", "1", &missing).await), "MANIFEST_BLOB_UNKNOWN");
        let wrong_size = image(&config, 3, json!({}));
        assert_eq!(code(&put(&client, "a", "1", &wrong_size).await), "SIZE_INVALID");
        let good = image(&config, 2, json!({}));
        let other = Digest::of(b"other");
        assert_eq!(code(&put(&client, "a", other.as_str(), &good).await), "DIGEST_INVALID");
        assert_eq!(put(&client, "a", Digest::of(good.as_bytes()).as_str(), &good).await.status, 201);
        let wrong = client.send("POST", &format!("/v2/a/blobs/uploads/?digest={other}"), "bytes").await;
        assert_eq!(code(&wrong), "DIGEST_INVALID");
    });
}

#[rstest]
#[case::base("/v2/")]
#[case::catalog("/v2/_catalog")]
#[case::manifest("/v2/a/manifests/1")]
#[case::elsewhere("/")]
fn every_path_asks_for_credentials(#[case] path: &str) {
    serve(false, async |world| {
        let ready = &world.ready().registry;
        let plain = Client::http(&ready.http);
        let tls = Client::https(&ready.https, &world.ready().ca, Tls { pair: None, protocol: "h2" });
        for client in [plain, tls] {
            let answer = client.get(path).await;
            assert_eq!((answer.status, code(&answer).as_str()), (401, "UNAUTHORIZED"));
            assert!(answer.header("www-authenticate").starts_with("Basic "));
        }
    });
}

#[test]
fn http_and_https_are_one_registry() {
    serve(false, async |world| {
        let ready = &world.ready().registry;
        let config = blob(&world.registry(), "a", b"{}").await;
        put(&world.registry(), "a", "1", &image(&config, 2, json!({}))).await;
        let basic = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(format!("anybody:{}", world.token()))
        };
        let tls = Client::https(&ready.https, &world.ready().ca, Tls { pair: None, protocol: "h2" });
        let tls = tls.with("authorization", &format!("Basic {basic}"));
        assert_eq!(tls.get("/v2/").await.status, 200);
        assert_eq!(tls.get("/v2/a/tags/list").await.json()["tags"], json!(["1"]));
    });
}
