//! `seatrial forge`.

use crate::exit_code::Exit;
use crate::output;
use seatrial_harness::forge::declare::{Asking, Declared, create};
use seatrial_harness::forge::secret;
use seatrial_harness::rest::Rest;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Work with a forge: the one of `seatrial up`, GitHub, or GitHub Enterprise.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Create repositories from templates, as a JSON file lists them.
    Create(Create),
}

#[derive(Debug, clap::Args)]
struct Create {
    /// The file: [{"organization": ..., "repositories": [{"name": ..., "owner": ..., "tpl_name": ..., "private": ...}]}].
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// The ready file of a running `seatrial up`: its forge, with its token and its CA.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "ca_file"])]
    ready_file: Option<PathBuf>,
    /// The URL of the API: `https://api.github.com`, `https://HOST/api/v3` [default: `https://api.github.com`].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The token [default: that of the ready file, else of the variable GITHUB_TOKEN].
    #[arg(long, value_name = "TOKEN")]
    token: Option<seatrial_verbs::Hidden>,
    /// Trust the authority of this certificate, too.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Creates what the file lists; one line for each repository.
pub(crate) fn run(args: &Args) -> Exit {
    let What::Create(args) = &args.what;
    match prepare(args) {
        Ok((declared, forge)) => ask(&declared, &forge),
        Err((exit, message)) => {
            eprintln!("error: {message}");
            exit
        }
    }
}

/// Where the forge is, and what is needed to be let in.
struct Found {
    api: String,
    token: String,
    ca: Option<String>,
}

fn prepare(args: &Create) -> Result<(Vec<Declared>, Found), (Exit, String)> {
    let invalid = |message: String| (Exit::Invalid, message);
    let text = read(&args.file)?;
    let declared =
        Declared::parse(&text).map_err(|error| invalid(format!("{}:{error}", args.file.display())))?;
    let given = args.token.clone().map(|token| token.0);
    let environment = || std::env::var("GITHUB_TOKEN").ok().filter(|token| !token.is_empty());
    let found = match &args.ready_file {
        Some(path) => {
            let ready: Value = serde_json::from_str(&read(path)?).map_err(|error| {
                invalid(format!("failed to read the ready file {}: {error}", path.display()))
            })?;
            let field = |value: &Value, name: &str| {
                let text = value.as_str().map(str::to_owned);
                text.ok_or_else(|| {
                    invalid(format!("failed to read the ready file {}: it lacks {name}", path.display()))
                })
            };
            let token = match given {
                Some(token) => token,
                None => read(Path::new(&field(&ready["forge"]["token_file"], "forge.token_file")?))?,
            };
            let ca = read(Path::new(&field(&ready["ca"], "ca")?))?;
            Found { api: field(&ready["forge"]["api"], "forge.api")?, token, ca: Some(ca) }
        }
        None => {
            let lacks = || (Exit::Invalid, "no token: give --token, GITHUB_TOKEN or --ready-file".to_owned());
            let api = args.url.clone().unwrap_or_else(|| "https://api.github.com".to_owned());
            let ca = args.ca_file.as_deref().map(read).transpose()?;
            Found { api, token: given.or_else(environment).ok_or_else(lacks)?, ca }
        }
    };
    Ok((declared, found))
}

fn read(path: &Path) -> Result<String, (Exit, String)> {
    let failed =
        |error: std::io::Error| (Exit::Invalid, format!("failed to read {}: {error}", path.display()));
    std::fs::read_to_string(path).map_err(failed)
}

fn ask(declared: &[Declared], forge: &Found) -> Exit {
    let rest = match Rest::trusting(forge.ca.as_deref()) {
        Ok(rest) => rest,
        Err(message) => {
            eprintln!("error: {message}");
            return Exit::Invalid;
        }
    };
    let token = secret(forge.token.trim());
    let asking = Asking { requests: &rest, api: forge.api.trim_end_matches('/').to_owned(), token };
    let runtime = seatrial_verbs::block_on(create(&asking, declared));
    let lines = match runtime {
        Ok(lines) => lines,
        Err(error) => {
            eprintln!("error: failed to start the runtime: {error}");
            return Exit::Internal;
        }
    };
    let mut exit = Exit::Passed;
    for line in lines {
        match line {
            Ok(line) => output::print(&format!("{line}\n")),
            Err(line) => {
                eprintln!("{line}");
                exit = Exit::Failed;
            }
        }
    }
    exit
}
