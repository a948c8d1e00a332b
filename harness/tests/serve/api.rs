//! The API server over HTTPS.

use crate::client::{Client, Tls};
use crate::world::{World, serve};
use base64::Engine as _;
use http_body_util::BodyExt as _;
use rstest::rstest;
use serde_json::{Value, json};

const WHO_AM_I: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn pair(world: &World) -> (String, String) {
    let decode = |field| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(world.user(field)).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    (decode("client-certificate-data"), decode("client-key-data"))
}

async fn who(client: &Client) -> Value {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let client = client.clone().with("content-type", "application/json");
    let answer = client.send("POST", WHO_AM_I, review.to_string()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["status"]["userInfo"].clone()
}

#[rstest]
#[case::http_1("http/1.1")]
#[case::http_2("h2")]
fn the_certificate_and_the_token_of_the_kubeconfig_are_the_administrator(#[case] protocol: &'static str) {
    serve(false, async |world| {
        let by_certificate = world.api(Tls { pair: Some(pair(&world)), protocol });
        let bearer = format!("Bearer {}", world.user("token"));
        let by_token = world.api(Tls { pair: None, protocol }).with("authorization", &bearer);
        for client in [by_certificate, by_token] {
            let user = who(&client).await;
            assert_eq!(user["username"], "admin", "{user}");
            assert!(user["groups"].as_array().unwrap().contains(&"system:masters".into()), "{user}");
        }
    });
}

#[test]
fn an_administrator_can_act_as_somebody_else() {
    serve(false, async |world| {
        let client = world.api(Tls { pair: Some(pair(&world)), protocol: "h2" });
        let client = client.with("impersonate-user", "jane").with("impersonate-group", "developers");
        let user = who(&client).await;
        assert_eq!(user["username"], "jane");
        assert!(user["groups"].as_array().unwrap().contains(&"developers".into()), "{user}");
    });
}

#[rstest]
#[case::nobody("", "/api")]
#[case::wrong_token("Bearer 00", "/api")]
#[case::token_as_password("Basic YWRtaW46eA==", "/api")]
#[case::health("", "/readyz")]
#[case::unknown_path("", "/nothing")]
fn strangers_get_401_as_a_status(#[case] authorization: &str, #[case] path: &str) {
    serve(false, async |world| {
        let client = world.api(Tls { pair: None, protocol: "h2" }).with("authorization", authorization);
        let answer = client.get(path).await;
        assert_eq!(answer.status, 401);
        let status = answer.json();
        assert_eq!(status["kind"], "Status");
        assert_eq!((&status["reason"], &status["code"]), (&"Unauthorized".into(), &401.into()));
    });
}

#[test]
fn a_certificate_of_another_authority_is_a_stranger_s() {
    serve(false, async |world| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:masters");
        params.distinguished_name.push(rcgen::DnType::CommonName, "admin");
        let certificate = params.self_signed(&key).unwrap();
        let pair = Some((certificate.pem(), key.serialize_pem()));
        let answer = world.api(Tls { pair, protocol: "http/1.1" }).get("/api").await;
        assert_eq!(answer.status, 401);
    });
}

#[rstest]
#[case::http_1("http/1.1")]
#[case::http_2("h2")]
fn watches_stream_each_change_and_end_when_they_are_asked_to(#[case] protocol: &'static str) {
    serve(false, async |world| {
        let client = world.api(Tls { pair: Some(pair(&world)), protocol });
        let mut watch =
            client.open("GET", &format!("{CONFIG_MAPS}?watch=true&timeoutSeconds=2"), "").await.into_body();
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "seen"}});
        let writer = client.clone().with("content-type", "application/json");
        let created = writer.send("POST", CONFIG_MAPS, object.to_string()).await;
        assert_eq!(created.status, 201);
        let mut text = String::new();
        while !text.contains("\"name\":\"seen\"") {
            let data = watch.frame().await.expect("the watch ends too early").unwrap().into_data().unwrap();
            text.push_str(std::str::from_utf8(&data).unwrap());
        }
        while watch.frame().await.is_some() {}
    });
}

#[test]
fn head_has_the_length_and_no_body_and_large_lists_are_compressed() {
    serve(false, async |world| {
        let client = world.api(Tls { pair: Some(pair(&world)), protocol: "http/1.1" });
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "large"},
            "data": {"text": "seatrial ".repeat(20_000)}});
        let writer = client.clone().with("content-type", "application/json");
        assert_eq!(writer.send("POST", CONFIG_MAPS, object.to_string()).await.status, 201);
        let plain = client.get(CONFIG_MAPS).await;
        assert!(plain.body.len() > 128 * 1024, "{}", plain.body.len());
        let head = client.send("HEAD", CONFIG_MAPS, "").await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), plain.body.len().to_string());
        let packed = client.clone().with("accept-encoding", "gzip").get(CONFIG_MAPS).await;
        assert_eq!(packed.header("content-encoding"), "gzip");
        assert!(packed.body.len() < plain.body.len() / 4);
    });
}
