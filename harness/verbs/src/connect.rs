//! From a kubeconfig file and flags to a client.

use crate::flags::DEFAULT_NAMESPACE;
use crate::{Global, VerbError};
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedAuthInfo, NamedCluster,
    NamedContext,
};
use kube::{Client, Config};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

/// A cluster that can be asked.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// Its URL, for messages.
    pub(crate) server: String,
    pub(crate) namespace: String,
}

/// How long the server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);
const REMEDY: &str =
    "give one with --kubeconfig FILE, set KUBECONFIG, or start clusters with `seatrial up`, which writes one";
/// How the cluster and user of flags are called where no kubeconfig file names them.
const FLAGS: &str = "flags";

pub(crate) async fn connect(global: &Global) -> Result<Connection, VerbError> {
    let mut file = read(global)?;
    let context = context(global, &mut file)?;
    let namespace = namespace(global, &context)?;
    override_cluster(global, &context, &mut file)?;
    override_user(global, &context, &mut file)?;
    let options = KubeConfigOptions {
        context: Some(context.name.clone()),
        cluster: global.cluster.clone(),
        user: global.user.clone(),
    };
    let config = Config::from_custom_kubeconfig(file, &options).await;
    let mut config = config.map_err(|error| VerbError::Missing(error.to_string()))?;
    config.connect_timeout = Some(CONNECT);
    // A watch may be silent for long: what is waited for has a limit of its own.
    config.read_timeout = None;
    let server = config.cluster_url.to_string();
    let server = server.trim_end_matches('/').to_owned();
    let client = client(config).map_err(|error| VerbError::Missing(error.to_string()))?;
    Ok(Connection { client, server, namespace })
}

/// The one provider of cryptography of the process; another part may have installed it already.
pub(crate) fn install_provider() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
}

pub(crate) fn client(config: Config) -> kube::Result<Client> {
    install_provider();
    Client::try_from(config)
}

/// The kubeconfig; empty where there is none and `--server` says enough.
fn read(global: &Global) -> Result<Kubeconfig, VerbError> {
    let read = match &global.kubeconfig {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    match read {
        Ok(file) => Ok(file),
        Err(KubeconfigError::ReadConfig(error, path)) => {
            if global.server.is_some() && global.kubeconfig.is_none() {
                return Ok(Kubeconfig::default());
            }
            Err(VerbError::Missing(format!("no kubeconfig file {}: {error}; {REMEDY}", path.display())))
        }
        Err(error) => Err(VerbError::Missing(format!("no usable kubeconfig file: {error}; {REMEDY}"))),
    }
}

/// The context that is used; one is made of `--server` or `--cluster` where the file has no current one.
fn context(global: &Global, file: &mut Kubeconfig) -> Result<NamedContext, VerbError> {
    let wanted =
        global.context.clone().or_else(|| file.current_context.clone().filter(|name| !name.is_empty()));
    if let Some(name) = wanted {
        let found = file.contexts.iter().find(|known| known.name == name).cloned();
        return found.ok_or_else(|| {
            let known: Vec<&str> = file.contexts.iter().map(|known| known.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            VerbError::Missing(format!("context {name:?} does not exist in the kubeconfig: it has {known}"))
        });
    }
    if global.server.is_none() && global.cluster.is_none() {
        return Err(VerbError::Missing(
            "the kubeconfig has no current context; choose one with --context".to_owned(),
        ));
    }
    let cluster = global.cluster.clone().unwrap_or_else(|| FLAGS.to_owned());
    let context = Context { cluster, user: global.user.clone(), ..Context::default() };
    let named = NamedContext { name: FLAGS.to_owned(), context: Some(context), ..NamedContext::default() };
    file.contexts.push(named.clone());
    Ok(named)
}

fn namespace(global: &Global, context: &NamedContext) -> Result<String, VerbError> {
    if let Some(given) = global.given_namespace()? {
        return Ok(given);
    }
    if global.ns_follows_kube_context()? {
        let said = context.context.as_ref().and_then(|context| context.namespace.clone());
        return Ok(said.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned()));
    }
    Ok(DEFAULT_NAMESPACE.to_owned())
}

fn override_cluster(global: &Global, context: &NamedContext, file: &mut Kubeconfig) -> Result<(), VerbError> {
    let of_context = context.context.as_ref().map(|context| context.cluster.clone()).unwrap_or_default();
    let name = global.cluster.clone().unwrap_or(of_context);
    if !file.clusters.iter().any(|known| known.name == name) && global.server.is_some() {
        let cluster = Some(Cluster::default());
        file.clusters.push(NamedCluster { name: name.clone(), cluster, ..NamedCluster::default() });
    }
    let Some(known) = file.clusters.iter_mut().find(|known| known.name == name) else {
        return Err(VerbError::Missing(format!("cluster {name:?} does not exist in the kubeconfig")));
    };
    let cluster = known.cluster.get_or_insert_default();
    if let Some(server) = &global.server {
        cluster.server = Some(server.clone());
    }
    if let Some(path) = &global.certificate_authority {
        cluster.certificate_authority = Some(text("--certificate-authority", path)?);
        cluster.certificate_authority_data = None;
    }
    if global.tls_server_name.is_some() {
        cluster.tls_server_name.clone_from(&global.tls_server_name);
    }
    if global.insecure_skip_tls_verify.is_some() {
        cluster.insecure_skip_tls_verify = Some(global.insecure_skip_tls_verify()?);
    }
    if global.disable_compression.is_some() {
        cluster.disable_compression = Some(global.disable_compression()?);
    }
    Ok(())
}

fn override_user(global: &Global, context: &NamedContext, file: &mut Kubeconfig) -> Result<(), VerbError> {
    let of_context = context.context.as_ref().and_then(|context| context.user.clone());
    let name = global.user.clone().or(of_context).unwrap_or_else(|| FLAGS.to_owned());
    if let Some(user) = &global.user
        && !file.auth_infos.iter().any(|known| known.name == *user)
    {
        return Err(VerbError::Missing(format!("auth info {user:?} does not exist")));
    }
    if !file.auth_infos.iter().any(|known| known.name == name) {
        let auth_info = Some(AuthInfo::default());
        file.auth_infos.push(NamedAuthInfo { name: name.clone(), auth_info, ..NamedAuthInfo::default() });
        for known in file.contexts.iter_mut().filter(|known| known.name == context.name) {
            known.context.get_or_insert_default().user = Some(name.clone());
        }
    }
    let Some(known) = file.auth_infos.iter_mut().find(|known| known.name == name) else {
        return Ok(());
    };
    let user = known.auth_info.get_or_insert_default();
    if let Some(path) = &global.client_certificate {
        user.client_certificate = Some(text("--client-certificate", path)?);
        user.client_certificate_data = None;
    }
    if let Some(path) = &global.client_key {
        user.client_key = Some(text("--client-key", path)?);
        user.client_key_data = None;
    }
    if let Some(crate::Hidden(token)) = &global.token {
        user.token = Some(token.clone().into());
        user.token_file = None;
    }
    impersonate(global, user)
}

fn impersonate(global: &Global, user: &mut AuthInfo) -> Result<(), VerbError> {
    if global.as_user.is_some() {
        user.impersonate.clone_from(&global.as_user);
    }
    if global.as_uid.is_some() {
        user.impersonate_uid.clone_from(&global.as_uid);
    }
    if !global.as_group.is_empty() {
        user.impersonate_groups = Some(global.as_group.clone());
    }
    for extra in &global.as_user_extra {
        let Some((key, value)) = extra.split_once('=') else {
            return Err(VerbError::usage(format!("--as-user-extra takes KEY=VALUE, and not {extra:?}")));
        };
        let extras = user.impersonate_user_extra.get_or_insert_default();
        extras.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    Ok(())
}

fn text(flag: &str, path: &Path) -> Result<String, VerbError> {
    let path: PathBuf = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.to_str()
        .map(ToOwned::to_owned)
        .ok_or_else(|| VerbError::usage(format!("{flag}: the path is no UTF-8")))
}
