//! What a kubeconfig looks like during a run, and after it.

use super::*;
use rstest::rstest;
use tempfile::TempDir;

const OTHER: &str = "# mine
apiVersion: v1
kind: Config
current-context: minikube
clusters:
- {name: minikube, cluster: {server: 'https://192.168.49.2:8443'}}
contexts:
- {name: minikube, context: {cluster: minikube, user: minikube}}
users:
- {name: minikube, user: {token: theirs}}
";

fn access(name: &str) -> Access {
    Access {
        cluster: name.to_owned(),
        server: format!("https://127.0.0.1:1/{name}"),
        ca: "CA".to_owned(),
        certificate: "CERTIFICATE".to_owned(),
        key: "KEY".to_owned(),
        token: "TOKEN".to_owned(),
    }
}

async fn write(target: KubeconfigTarget) -> Result<Kubeconfig, KubeconfigError> {
    Kubeconfig::write(&Clock::wall(), &target, &[access("beta"), access("production")]).await
}

fn folder(content: Option<&str>) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    if let Some(content) = content {
        fs::write(&path, content).unwrap();
    }
    (dir, path)
}

fn read(path: &Path) -> Value {
    parse(&fs::read(path).unwrap()).unwrap()
}

fn names(config: &Value, list: &str) -> Vec<String> {
    let entries = config[list].as_array().unwrap();
    entries.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

/// All files of the folder.
fn listed(dir: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_new_file_is_private_complete_and_gone_in_the_end() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, path) = folder(None);
    let kubeconfig = write(KubeconfigTarget::New(path.clone())).await.unwrap();
    let config = read(&path);
    assert_eq!(names(&config, "contexts"), ["beta", "production"]);
    assert_eq!(config["current-context"], "beta");
    assert_eq!(config["users"][0]["user"]["client-key-data"], base64("KEY"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(kubeconfig);
    assert!(listed(&dir).is_empty());
}

#[tokio::test]
async fn a_file_that_is_there_is_not_touched_unless_asked() {
    let (dir, path) = folder(Some(OTHER));
    let error = write(KubeconfigTarget::New(path.clone())).await.unwrap_err();
    assert!(error.to_string().contains("--merge-kubeconfig"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), OTHER);
    assert_eq!(listed(&dir), ["config"]);
}

#[tokio::test]
async fn a_merge_keeps_the_current_context_and_is_taken_back_to_the_byte() {
    let (dir, path) = folder(Some(OTHER));
    let kubeconfig = write(KubeconfigTarget::Merge(path.clone())).await.unwrap();
    let config = read(&path);
    assert_eq!(names(&config, "contexts"), ["minikube", "beta", "production"]);
    assert_eq!(config["current-context"], "minikube");
    drop(kubeconfig);
    assert_eq!(fs::read_to_string(&path).unwrap(), OTHER);
    assert_eq!(listed(&dir), ["config"]);
}

#[tokio::test]
async fn what_others_changed_meanwhile_stays() {
    let (_dir, path) = folder(Some(OTHER));
    let kubeconfig = write(KubeconfigTarget::Merge(path.clone())).await.unwrap();
    let mut config = read(&path);
    config["current-context"] = "production".into();
    config["users"][0]["user"]["token"] = "new".into();
    let kept = json!({"name": "kept", "cluster": {"server": "https://elsewhere"}});
    config["clusters"].as_array_mut().unwrap().push(kept);
    fs::write(&path, emit(&config).unwrap()).unwrap();
    drop(kubeconfig);
    let config = read(&path);
    assert_eq!(names(&config, "clusters"), ["minikube", "kept"]);
    assert_eq!(names(&config, "users"), ["minikube"]);
    assert_eq!(names(&config, "contexts"), ["minikube"]);
    assert_eq!(config["users"][0]["user"]["token"], "new");
    assert_eq!(config["current-context"], "minikube");
}

#[tokio::test]
async fn an_entry_that_somebody_else_put_under_our_name_stays() {
    let (_dir, path) = folder(None);
    let kubeconfig = write(KubeconfigTarget::New(path.clone())).await.unwrap();
    let mut config = read(&path);
    config["clusters"][0]["cluster"]["server"] = "https://elsewhere".into();
    fs::write(&path, emit(&config).unwrap()).unwrap();
    drop(kubeconfig);
    let config = read(&path);
    assert_eq!(names(&config, "clusters"), ["beta"]);
    assert_eq!(names(&config, "contexts"), ["beta"]);
}

#[tokio::test]
async fn a_changed_file_of_ours_is_removed_when_nothing_else_is_in_it() {
    let (dir, path) = folder(None);
    let kubeconfig = write(KubeconfigTarget::New(path.clone())).await.unwrap();
    let mut config = read(&path);
    config["contexts"][0]["context"]["namespace"] = "flux-system".into();
    fs::write(&path, emit(&config).unwrap()).unwrap();
    drop(kubeconfig);
    assert!(listed(&dir).is_empty());
}

#[rstest]
#[case::no_yaml("a: [", "no YAML")]
#[case::another_kind("apiVersion: v1\nkind: Pod\n", "no kubeconfig")]
#[case::no_lists("clusters: {}\n", "no kubeconfig")]
#[case::taken(&OTHER.replace("minikube", "beta"), "has an entry \"beta\" under clusters already")]
#[tokio::test]
async fn what_cannot_be_merged_is_refused_and_left_alone(#[case] content: &str, #[case] says: &str) {
    let (dir, path) = folder(Some(content));
    let error = write(KubeconfigTarget::Merge(path.clone())).await.unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), content);
    assert_eq!(listed(&dir), ["config"]);
}

#[tokio::test]
async fn a_merge_follows_a_link_and_keeps_the_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, path) = folder(Some(OTHER));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let kubeconfig = write(KubeconfigTarget::Merge(link.clone())).await.unwrap();
    assert!(link.is_symlink());
    assert_eq!(names(&read(&path), "users"), ["minikube", "beta", "production"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    drop(kubeconfig);
}
