//! `get`: tables of what is there.

mod filter;
mod listing;
mod watch;

use crate::flags::{SWITCH, switch};
use crate::{ApiError, Env, Global, Screen, Session, Table, VerbError};
use clap::Subcommand;
use filter::{Filter, query};
use listing::{
    ALL, Columns, GIT, IMAGE_POLICIES, IMAGE_REPOSITORIES, IMAGE_UPDATES, IMAGES, KUSTOMIZATIONS, Listing,
    OCI, SOURCES,
};
use serde_json::Value;

/// Print the statuses of Flux resources.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// Those of all namespaces.
    #[arg(short = 'A', long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    all_namespaces: Option<String>,
    /// Only those with these labels.
    #[arg(short, long, global = true, value_name = "SELECTOR")]
    label_selector: Option<String>,
    /// Print no heads.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    no_header: Option<String>,
    /// Only those with a condition of this status: TYPE=STATUS or TYPE!=STATUS.
    #[arg(long, global = true, value_name = "SELECTOR")]
    status_selector: Option<String>,
    /// Go on with what changes.
    #[arg(short, long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    watch: Option<String>,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print all resources.
    All(Names),
    /// Print Kustomizations.
    #[command(visible_aliases = ["ks", "kustomization"])]
    Kustomizations {
        #[command(flatten)]
        names: Names,
        /// Show the source of each.
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
        show_source: Option<String>,
    },
    /// Print sources.
    #[command(subcommand, visible_alias = "source")]
    Sources(Sources),
    /// Print image repositories, policies and automations.
    #[command(subcommand, visible_alias = "image")]
    Images(Images),
}

#[derive(Debug, Subcommand)]
enum Images {
    /// Print all of them.
    All(Names),
    /// Print ImageRepositories.
    Repository(Names),
    /// Print ImagePolicies.
    Policy(Names),
    /// Print ImageUpdateAutomations.
    Update(Names),
}

#[derive(Debug, Subcommand)]
enum Sources {
    /// Print sources of all kinds.
    All(Names),
    /// Print GitRepositories.
    Git(Names),
    /// Print OCIRepositories.
    Oci(Names),
}

#[derive(Debug, clap::Args)]
struct Names {
    /// A name [default: all].
    name: Vec<String>,
}

/// Prints the table or tables.
///
/// # Errors
/// Wrong usage, that there is nothing to print, or what the server refuses.
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    args.global.check()?;
    let mut show_source = false;
    let (listings, names): (&[Listing], &Names) = match &args.what {
        What::All(names) => (ALL, names),
        What::Kustomizations { names, show_source: source } => {
            show_source = switch("--show-source", source.as_deref())?;
            (KUSTOMIZATIONS, names)
        }
        What::Sources(Sources::All(names)) => (SOURCES, names),
        What::Sources(Sources::Git(names)) => (GIT, names),
        What::Sources(Sources::Oci(names)) => (OCI, names),
        What::Images(Images::All(names)) => (IMAGES, names),
        What::Images(Images::Repository(names)) => (IMAGE_REPOSITORIES, names),
        What::Images(Images::Policy(names)) => (IMAGE_POLICIES, names),
        What::Images(Images::Update(names)) => (IMAGE_UPDATES, names),
    };
    let many = listings.len() > 1;
    let all_namespaces = switch("-A, --all-namespaces", args.all_namespaces.as_deref())?;
    let no_header = switch("--no-header", args.no_header.as_deref())?;
    let watch = switch("-w, --watch", args.watch.as_deref())?;
    if watch && many {
        return Err(VerbError::usage("expected a single resource type, but found all"));
    }
    let session = Session::open(env, &args.global).await?;
    let view = View {
        name: names.name.first().filter(|name| !name.is_empty()).map(String::as_str),
        namespace: (!all_namespaces).then(|| session.namespace.clone()),
        labels: args.label_selector.as_deref().filter(|selector| !selector.is_empty()),
        filter: Filter::parse(args.status_selector.as_deref())?,
        no_header,
        columns: Columns { namespace: all_namespaces, kind: many, source: show_source },
    };
    if watch {
        return watch::watch(&session, &listings[0], &view, screen).await;
    }
    let mut failed = false;
    for listing in listings {
        match view.table(&session, listing, many).await {
            Ok(Some(table)) => {
                screen.print(&table.render());
                if many {
                    screen.print("\n");
                }
            }
            Ok(None) => {}
            Err(error @ VerbError::Missing(_)) => return Err(error),
            Err(error) if many => {
                error.tell(screen);
                failed = true;
            }
            Err(error) => return Err(error),
        }
    }
    if failed { Err(VerbError::Told) } else { Ok(()) }
}

/// What is shown of the objects of a kind.
struct View<'a> {
    name: Option<&'a str>,
    /// `None`: all.
    namespace: Option<String>,
    labels: Option<&'a str>,
    filter: Filter,
    no_header: bool,
    columns: Columns,
}

impl View<'_> {
    /// The table; none where one of `many` has nothing to show.
    async fn table(
        &self,
        session: &Session,
        listing: &Listing,
        many: bool,
    ) -> Result<Option<Table>, VerbError> {
        let resource = match session.flux(listing.flux()?).await {
            Ok(resource) => resource,
            // A release without the kind has no objects of it.
            Err(ApiError::NoMatch { .. }) if many => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let path = format!("{}{}", resource.path(self.namespace.as_deref()), query(self.labels));
        let mut objects = session.list(&resource, &path).await?;
        objects.retain(|object| self.is_meant(object));
        if objects.is_empty() {
            let place = self.namespace.as_ref();
            let place = place.map_or("any namespace".to_owned(), |name| format!("{name:?} namespace"));
            return match self.name {
                Some(name) => {
                    Err(VerbError::Failed(format!("{} object '{name}' not found in {place}", listing.kind)))
                }
                None if many => Ok(None),
                None => Err(VerbError::Failed(format!("no {} objects found in {place}", listing.kind))),
            };
        }
        objects.retain(|object| self.filter.takes(object));
        if objects.is_empty() && many {
            return Ok(None);
        }
        let mut table = self.empty_table(listing, !self.no_header);
        for object in &objects {
            table.row(listing.cells(object, self.columns));
        }
        Ok(Some(table))
    }

    fn empty_table(&self, listing: &Listing, heads: bool) -> Table {
        let shown = if heads { listing.heads(self.columns) } else { Vec::new() };
        Table::new(shown)
    }

    fn is_meant(&self, object: &Value) -> bool {
        self.name.is_none_or(|name| object["metadata"]["name"] == name)
    }
}
