//! What `.gitmodules` lists.

use git2::{ObjectType, Repository, Tree};

/// Path and URL of the submodules of a commit.
pub(super) fn listed(repository: &Repository, root: &Tree<'_>) -> Result<Vec<(String, String)>, git2::Error> {
    let Some(entry) = root.get_name(".gitmodules").filter(|entry| entry.kind() == Some(ObjectType::Blob))
    else {
        return Ok(Vec::new());
    };
    let blob = repository.find_blob(entry.id())?;
    Ok(parse(&String::from_utf8_lossy(blob.content())))
}

/// Reads the sections `[submodule "name"]` of a configuration file.
fn parse(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut path, mut url) = (None, None);
    for line in text.lines().map(str::trim).chain(["[end]"]) {
        if line.starts_with('[') {
            if let (Some(path), Some(url)) = (path.take(), url.take()) {
                found.push((path, url));
            }
            (path, url) = (None, None);
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim();
        let value = match value.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            Some((quoted, _)) => quoted,
            None => value.split([';', '#']).next().unwrap_or_default().trim(),
        };
        match key.trim().to_ascii_lowercase().as_str() {
            "path" => path = Some(value.trim_end_matches('/').to_owned()),
            "url" => url = Some(value.to_owned()),
            _ => {}
        }
    }
    found
}

/// `url` of a submodule, relative to the URL of the repository that has it; none where it leads above the host.
pub(super) fn absolute(of: &str, url: &str) -> Option<String> {
    if !url.starts_with("./") && !url.starts_with("../") {
        return Some(url.to_owned());
    }
    let (scheme, rest) = of.split_once("://")?;
    let mut parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    for part in url.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.len() > 1 => drop(parts.pop()),
            ".." => return None,
            part => parts.push(part),
        }
    }
    Some(format!("{scheme}://{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn a_file_lists_submodules() {
        let text = "# ours\n[submodule \"base\"]\n\tpath = vendor/base\n\turl = ../base.git\n[core]\n\tx = 1\n\
                    [submodule \"q\"]\n  url = \"https://git.test/q;1\" ; with a comment\n  path = q/\n  branch = main\n";
        let expected = [("vendor/base", "../base.git"), ("q", "https://git.test/q;1")];
        assert_eq!(parse(text), expected.map(|(path, url)| (path.to_owned(), url.to_owned())));
    }

    #[rstest]
    #[case::absolute("https://other.test/x", Some("https://other.test/x"))]
    #[case::beside("../base.git", Some("https://git.test/owls/base.git"))]
    #[case::further("../../cats/base", Some("https://git.test/cats/base"))]
    #[case::below("./base", Some("https://git.test/owls/fleet/base"))]
    #[case::above("../../../base", None)]
    fn a_url_may_be_relative(#[case] url: &str, #[case] expected: Option<&str>) {
        assert_eq!(absolute("https://git.test/owls/fleet", url).as_deref(), expected);
    }
}
