//! Repositories as scenario steps and the engine use them.

use super::*;
use rstest::rstest;
use seatrial_engine::{GitAuth, GitHosts};
use seatrial_time::{Clock, Simulation, simulate};
use std::fs;
use std::path::Path;

const BRANCH: &str = "master";
const URL: &str = "https://github.com/owls-nest-farm/gitops";

fn epoch() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_800_000_000).unwrap()
}

/// Plays `test` with a forge in a folder of its own, at the same virtual time each.
fn play(test: impl FnOnce(Forge, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    simulate(Simulation { epoch: epoch(), ..Simulation::seeded(0) }, |clock: Clock| async move {
        test(Forge::new(clock, root.join("forge")), &root);
    })
    .unwrap();
}

fn files(pairs: &[(&str, &str)]) -> Change {
    pairs.iter().fold(Change::new("Change"), |change, (path, data)| change.write(*path, *data))
}

/// A repository with one commit of `pairs`.
fn repo(forge: &Forge, pairs: &[(&str, &str)]) -> Repo {
    let repo = forge.create("gitops", &Seed::Empty, BRANCH, &[URL.to_owned()]).unwrap();
    repo.commit(BRANCH, &files(pairs)).unwrap();
    repo
}

fn text(repo: &Repo, path: &str) -> String {
    String::from_utf8(repo.read(BRANCH, path).unwrap()).unwrap()
}

fn me() -> Author {
    Author::default()
}

#[rstest]
#[case::writes_a_file(files(&[("new", "1")]), &["a/b", "a/c", "d", "new"])]
#[case::makes_folders(files(&[("x/y/z", "1")]), &["a/b", "a/c", "d", "x/y/z"])]
#[case::removes_a_file(Change::new("m").remove("d"), &["a/b", "a/c"])]
#[case::removes_a_folder(Change::new("m").remove("a"), &["d"])]
#[case::forgets_an_empty_folder(Change::new("m").remove("a/b").remove("a/c"), &["d"])]
#[case::removes_everything(Change::new("m").remove("a").remove("d"), &[])]
#[case::replaces_a_folder_by_a_file(Change::new("m").remove("a").write("a", "1"), &["a", "d"])]
#[case::edits_in_order(Change::new("m").write("d", "2").remove("d").write("e", "3"), &["a/b", "a/c", "e"])]
#[case::takes_a_dot_in_front(Change::new("m").write("./a/b", "2"), &["a/b", "a/c", "d"])]
fn a_commit(#[case] change: Change, #[case] want: &[&str]) {
    play(|forge, _| {
        let repo = repo(&forge, &[("a/b", "1"), ("a/c", "1"), ("d", "1")]);
        let stamp = repo.signal().stamp();
        let id = repo.commit(BRANCH, &change).unwrap();
        assert_eq!(repo.paths(BRANCH).unwrap(), want);
        assert_eq!(repo.head(BRANCH).unwrap(), id);
        assert!(!stamp.is_current(), "the signal moves with the branch");
    });
}

#[rstest]
#[case::same_content(files(&[("d", "1")]), "nothing would change")]
#[case::nothing(Change::new("m"), "nothing would change")]
#[case::missing_file(Change::new("m").remove("a/x"), "remove a/x: no such file or folder")]
#[case::below_a_file(Change::new("m").remove("d/x"), "remove d/x: no such file or folder")]
#[case::over_a_folder(files(&[("a", "1")]), "write a: a folder stands in the way")]
#[case::through_a_file(files(&[("d/e", "1")]), "write d/e: a file stands in the way")]
#[case::rooted(files(&[("/etc/passwd", "1")]), "starts at the root")]
#[case::climbing(files(&[("a/../../x", "1")]), "'.' or '..'")]
#[case::inside_git(files(&[(".git/config", "1")]), "keeps '.git' for itself")]
#[case::doubled_slash(files(&[("a//b", "1")]), "an empty part")]
fn a_commit_that_cannot_be_is_refused(#[case] change: Change, #[case] want: &str) {
    play(|forge, _| {
        let repo = repo(&forge, &[("a/b", "1"), ("d", "1")]);
        let (head, stamp) = (repo.head(BRANCH).unwrap(), repo.signal().stamp());
        let message = repo.commit(BRANCH, &change).unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
        assert_eq!(repo.head(BRANCH).unwrap(), head);
        assert!(stamp.is_current());
    });
}

#[test]
fn an_empty_commit_is_made_when_it_is_asked_for() {
    play(|forge, _| {
        let repo = repo(&forge, &[("a", "1")]);
        let before = repo.head(BRANCH).unwrap();
        let id = repo.commit(BRANCH, &Change::new("Nothing").allow_empty()).unwrap();
        assert_eq!(repo.info("master").unwrap().parents, [before]);
        assert_ne!(id, before);
    });
}

#[test]
fn a_commit_records_who_when_and_why() {
    play(|forge, _| {
        let repo = repo(&forge, &[("a", "1")]);
        let author = Author { name: "fluxcdbot".into(), email: "fluxcdbot@example.com".into() };
        repo.commit(BRANCH, &Change::new("Update\n\nbody\n\n").write("a", "2").by(author.clone())).unwrap();
        let log = repo.log(BRANCH, 10).unwrap();
        assert_eq!(log.len(), 2);
        assert_eq!((log[0].subject(), log[0].message.as_str()), ("Update", "Update\n\nbody\n"));
        assert_eq!(log[0].author, author);
        assert_eq!(log[0].time, epoch());
        assert_eq!(log[0].parents, [log[1].id]);
        assert_eq!(repo.changed_files(BRANCH).unwrap(), ["a"]);
    });
}

#[test]
fn repositories_that_begin_with_the_same_folder_are_whole_and_apart() {
    play(|forge, root| {
        let seed = root.join("seed");
        fs::create_dir_all(seed.join("a")).unwrap();
        // Large enough to be worth a delta.
        fs::write(seed.join("a/one"), "line\n".repeat(1000)).unwrap();
        fs::write(seed.join("a/two"), "line\n".repeat(1001)).unwrap();
        let create = |name| forge.create(name, &Seed::Folder(seed.clone()), BRANCH, &[]).unwrap();
        let repos = ["first", "second", "third"].map(create);
        repos[1].commit(BRANCH, &files(&[("a/one", "changed")])).unwrap();
        let read = repos.each_ref().map(|repo| (text(repo, "a/one").len(), text(repo, "a/two").len()));
        assert_eq!(read, [(5000, 5005), (7, 5005), (5000, 5005)]);
        // A folder with other files is another seed.
        fs::write(seed.join("a/two"), "2").unwrap();
        assert_eq!(text(&create("fourth"), "a/two"), "2");
    });
}

/// The ids are those that `git commit` gives for the same files, author and date.
#[test]
fn commit_ids_are_the_same_on_every_machine() {
    play(|forge, root| {
        let seed = root.join("seed");
        fs::create_dir_all(seed.join("folder")).unwrap();
        fs::write(seed.join("folder/file"), "content\n").unwrap();
        fs::write(seed.join("zebra"), "content\n").unwrap();
        let repo = forge.create("gitops", &Seed::Folder(seed), BRANCH, &[]).unwrap();
        assert_eq!(repo.head(BRANCH).unwrap().to_string(), "8cb66210de249438b13fd649922e5ba81e5b709c");
        let id = repo.commit(BRANCH, &files(&[("folder/file", "new\n")])).unwrap();
        assert_eq!(id.to_string(), "7e53ed919e1a641ab3abecf56403c9326f3908ad");
        assert_eq!(id.revision(BRANCH), format!("master@sha1:{id}"));
        assert_eq!(id.short().len(), 7);
    });
}

#[cfg(unix)]
#[test]
fn a_folder_keeps_links_and_modes_and_leaves_git_out() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    play(|forge, root| {
        let seed = root.join("seed");
        fs::create_dir_all(seed.join(".git/refs")).unwrap();
        fs::write(seed.join(".git/HEAD"), "ref: refs/heads/other\n").unwrap();
        fs::create_dir_all(seed.join("empty")).unwrap();
        fs::write(seed.join("run.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(seed.join("run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(seed.join("plain"), "").unwrap();
        fs::set_permissions(seed.join("plain"), fs::Permissions::from_mode(0o666)).unwrap();
        symlink("plain", seed.join("link")).unwrap();
        let repo = forge.create("gitops", &Seed::Folder(seed), BRANCH, &[]).unwrap();
        assert_eq!(repo.paths(BRANCH).unwrap(), ["link", "plain", "run.sh"]);
        assert_eq!(text(&repo, "link"), "plain");
        let git = git2::Repository::open_bare(repo.path()).unwrap();
        let tree = git.revparse_single("master^{tree}").unwrap().peel_to_tree().unwrap();
        let modes: Vec<i32> = tree.iter().map(|entry| entry.filemode()).collect();
        assert_eq!(modes, [0o120_000, 0o100_644, 0o100_755]);
        // A file that is written again stays executable; a link is not written through.
        repo.commit(BRANCH, &files(&[("run.sh", "#!/bin/bash\n")])).unwrap();
        let tree = git.revparse_single("master^{tree}").unwrap().peel_to_tree().unwrap();
        assert_eq!(tree.get_name("run.sh").unwrap().filemode(), 0o100_755);
        let message = repo.commit(BRANCH, &files(&[("link", "x")])).unwrap_err().to_string();
        assert_eq!(message, "write link: a symbolic link stands in the way");
    });
}

#[test]
fn a_repository_brings_its_history_branches_and_tags() {
    play(|forge, _| {
        let origin = repo(&forge, &[("a", "1")]);
        let first = origin.head(BRANCH).unwrap();
        let second = origin.commit(BRANCH, &files(&[("a", "2")])).unwrap();
        origin.create_branch("release/1.0", &first.to_string()).unwrap();
        let seed = |reference: Option<&str>| Seed::Repository {
            path: origin.path().to_owned(),
            reference: reference.map(str::to_owned),
        };
        let of = |name, reference| forge.create(name, &seed(reference), "main", &[]).unwrap();
        let copy = of("head", None);
        assert_eq!(copy.head("main").unwrap(), second);
        assert_eq!(copy.log("main", 10).unwrap().len(), 2);
        assert_eq!(copy.branches().unwrap(), ["main", "master", "release/1.0"]);
        assert_eq!(of("branch", Some("release/1.0")).head("main").unwrap(), first);
        assert_eq!(of("commit", Some(&first.to_string())).head("main").unwrap(), first);

        let third = copy.commit("main", &files(&[("a", "3")])).unwrap();
        assert_eq!(copy.info("main").unwrap().parents, [second]);
        assert_eq!(origin.head(BRANCH).unwrap(), second, "the seed is not written to");
        assert!(origin.commit_of(&third.to_string()).is_err());
    });
}

/// Build servers clone no more than the last commit.
#[test]
fn a_shallow_clone_is_good_enough() {
    play(|forge, _| {
        let origin = repo(&forge, &[("a", "1")]);
        let first = origin.head(BRANCH).unwrap().to_string();
        let second = origin.commit(BRANCH, &files(&[("a", "2")])).unwrap();
        fs::write(origin.path().join("shallow"), format!("{second}\n")).unwrap();
        fs::remove_file(origin.path().join("objects").join(&first[..2]).join(&first[2..])).unwrap();
        let copy = forge.create("copy", &Seed::detect(origin.path()), "main", &[]).unwrap();
        let third = copy.commit("main", &files(&[("b", "1")])).unwrap();
        let log: Vec<CommitId> = copy.log("main", 10).unwrap().iter().map(|commit| commit.id).collect();
        assert_eq!(log, [third, second]);
        copy.create_branch("topic", "main").unwrap();
        copy.commit("topic", &files(&[("c", "1")])).unwrap();
        copy.commit("main", &files(&[("d", "1")])).unwrap();
        copy.merge("main", "topic", MergeStyle::Auto, None, &me()).unwrap();
        copy.revert("main", &third.to_string(), None, &me()).unwrap();
        assert_eq!(copy.paths("main").unwrap(), ["a", "c", "d"]);
    });
}

#[test]
fn a_seed_is_a_repository_if_it_looks_like_one() {
    play(|forge, root| {
        let bare = repo(&forge, &[("a", "1")]).path().to_owned();
        let worktree = root.join("worktree");
        fs::create_dir_all(worktree.join(".git")).unwrap();
        for (path, is_repository) in [(bare, true), (worktree, true), (root.to_owned(), false)] {
            let seed = Seed::detect(&path);
            assert_eq!(matches!(seed, Seed::Repository { .. }), is_repository, "{}", path.display());
        }
    });
}

#[rstest]
#[case::no_folder(Seed::Folder("missing".into()), "seed a repository from missing: no such folder")]
#[case::no_repository(
    Seed::Repository { path: "missing".into(), reference: None },
    "seed a repository from missing: no such folder"
)]
fn a_seed_that_is_not_there_is_refused(#[case] seed: Seed, #[case] want: &str) {
    play(|forge, _| {
        assert_eq!(forge.create("gitops", &seed, BRANCH, &[]).unwrap_err().to_string(), want);
    });
}

#[test]
fn a_folder_that_is_no_repository_is_refused_as_one() {
    play(|forge, root| {
        let seed = Seed::Repository { path: root.to_owned(), reference: None };
        let message = forge.create("gitops", &seed, BRANCH, &[]).unwrap_err().to_string();
        assert!(message.starts_with("open the Git repository /"), "{message}");
    });
}

#[test]
fn branches_are_made_reset_and_deleted() {
    play(|forge, _| {
        let repo = repo(&forge, &[("a", "1")]);
        let first = repo.head(BRANCH).unwrap();
        let second = repo.commit(BRANCH, &files(&[("a", "2")])).unwrap();
        assert_eq!(repo.create_branch("topic/x", BRANCH).unwrap(), second);
        assert_eq!(repo.reset("topic/x", &first.short()).unwrap(), first);
        assert_eq!(repo.read("topic/x", "a").unwrap(), b"1");
        repo.delete_branch("topic/x").unwrap();
        assert_eq!(repo.branches().unwrap(), [BRANCH]);
    });
}

#[rstest]
#[case::unknown_branch(|r: &Repo| r.head("main").map(drop), "it has \"master\"")]
#[case::commit_to_an_unknown_branch(|r: &Repo| r.commit("main", &files(&[("x", "1")])).map(drop), "find the branch \"main\"")]
#[case::branch_exists(|r: &Repo| r.create_branch("master", "master").map(drop), "it exists")]
#[case::bad_branch_name(|r: &Repo| r.create_branch("a..b", "master").map(drop), "Git does not allow it")]
#[case::unknown_revision(|r: &Repo| r.create_branch("topic", "v1").map(drop), "it is no branch, tag or commit there")]
#[case::unknown_file(|r: &Repo| r.read("master", "x").map(drop), "read x in the repository \"gitops\" at master: no such file")]
#[case::a_folder_as_file(|r: &Repo| r.read("master", "a").map(drop), "no such file")]
fn what_is_not_there_is_named(#[case] action: fn(&Repo) -> Result<(), ForgeError>, #[case] want: &str) {
    play(|forge, _| {
        let message = action(&repo(&forge, &[("a/b", "1")])).unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
    });
}

/// A repository with a branch `topic` that has one commit of its own, and a master with or without.
fn two_branches(forge: &Forge, on_topic: &[(&str, &str)], on_master: &[(&str, &str)]) -> Repo {
    let repo = repo(forge, &[("a", "1\n2\n3\n4\n5\n6\n7\n8\n"), ("b", "1\n")]);
    repo.create_branch("topic", BRANCH).unwrap();
    repo.commit("topic", &files(on_topic)).unwrap();
    if !on_master.is_empty() {
        repo.commit(BRANCH, &files(on_master)).unwrap();
    }
    repo
}

#[rstest]
#[case::ahead_moves(MergeStyle::Auto, &[], "fast-forward")]
#[case::ahead_moves_strictly(MergeStyle::FastForwardOnly, &[], "fast-forward")]
#[case::ahead_with_a_commit(MergeStyle::Commit, &[], "commit")]
#[case::apart_with_a_commit(MergeStyle::Auto, &[("c", "1\n")], "commit")]
#[case::same_file_other_lines(MergeStyle::Auto, &[("a", "1\n2\n3\n4\n5\n6\n7\neight\n")], "commit")]
fn a_merge(#[case] style: MergeStyle, #[case] on_master: &[(&str, &str)], #[case] want: &str) {
    play(|forge, _| {
        let repo = two_branches(&forge, &[("a", "one\n2\n3\n4\n5\n6\n7\n8\n")], on_master);
        let (ours, theirs) = (repo.head(BRANCH).unwrap(), repo.head("topic").unwrap());
        let merged = repo.merge(BRANCH, "topic", style, None, &me()).unwrap();
        assert_eq!(repo.head(BRANCH).unwrap(), merged.head());
        assert!(text(&repo, "a").starts_with("one\n"));
        match (want, merged) {
            ("fast-forward", Merged::FastForward(id)) => assert_eq!(id, theirs),
            ("commit", Merged::Commit(_)) => {
                let info = repo.info(BRANCH).unwrap();
                assert_eq!(info.parents, [ours, theirs]);
                assert_eq!(info.subject(), "Merge branch 'topic' into master");
            }
            (_, merged) => panic!("{merged:?}"),
        }
        let again = repo.merge(BRANCH, "topic", style, None, &me()).unwrap();
        assert_eq!(again, Merged::UpToDate(merged.head()));
    });
}

#[rstest]
#[case::same_lines(MergeStyle::Auto, &[("a", "other\n"), ("b", "2\n")], "conflicts in \"a\"")]
#[case::apart(MergeStyle::FastForwardOnly, &[("c", "1\n")], "\"master\" has commits of its own")]
fn a_merge_that_cannot_be_is_refused(
    #[case] style: MergeStyle,
    #[case] on_master: &[(&str, &str)],
    #[case] want: &str,
) {
    play(|forge, _| {
        let repo = two_branches(&forge, &[("a", "topic\n")], on_master);
        let head = repo.head(BRANCH).unwrap();
        let message = repo.merge(BRANCH, "topic", style, None, &me()).unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
        assert_eq!(repo.head(BRANCH).unwrap(), head);
    });
}

#[test]
fn a_revert_takes_back_one_commit_and_keeps_later_ones() {
    play(|forge, _| {
        let repo = repo(&forge, &[("a", "1\n"), ("b", "1\n")]);
        let bad = repo.commit(BRANCH, &Change::new("Break it").write("a", "2\n")).unwrap();
        repo.commit(BRANCH, &files(&[("b", "2\n")])).unwrap();
        repo.revert(BRANCH, &bad.to_string(), None, &me()).unwrap();
        assert_eq!((text(&repo, "a"), text(&repo, "b")), ("1\n".into(), "2\n".into()));
        let info = repo.info(BRANCH).unwrap();
        assert_eq!(info.message, format!("Revert \"Break it\"\n\nThis reverts commit {bad}.\n"));
        let again = repo.revert(BRANCH, &bad.to_string(), None, &me()).unwrap_err();
        assert!(matches!(again, ForgeError::NothingToCommit { .. }), "{again}");
    });
}

#[test]
fn a_merge_commit_is_reverted_against_its_first_parent() {
    play(|forge, _| {
        let repo = two_branches(&forge, &[("a", "topic\n")], &[("c", "1\n")]);
        repo.merge(BRANCH, "topic", MergeStyle::Auto, None, &me()).unwrap();
        repo.revert(BRANCH, BRANCH, None, &me()).unwrap();
        assert_eq!((text(&repo, "a"), text(&repo, "c")), ("1\n2\n3\n4\n5\n6\n7\n8\n".into(), "1\n".into()));
    });
}

#[test]
fn a_revert_that_conflicts_names_the_files() {
    play(|forge, _| {
        let repo = repo(&forge, &[("a", "1\n")]);
        let second = repo.commit(BRANCH, &files(&[("a", "2\n")])).unwrap();
        repo.commit(BRANCH, &files(&[("a", "3\n")])).unwrap();
        let message = repo.revert(BRANCH, &second.to_string(), None, &me()).unwrap_err().to_string();
        assert!(message.contains("conflicts in \"a\""), "{message}");
        repo.create_branch("topic", &second.to_string()).unwrap();
        let other = repo.commit("topic", &files(&[("b", "1\n")])).unwrap();
        let message = repo.revert(BRANCH, &other.to_string(), None, &me()).unwrap_err().to_string();
        assert!(message.contains("the branch does not contain it"), "{message}");
    });
}

#[rstest]
#[case::as_mapped("https://github.com/owls-nest-farm/gitops")]
#[case::as_bootstrap_writes_it("ssh://git@github.com/owls-nest-farm/gitops")]
#[case::as_people_copy_it("git@github.com:owls-nest-farm/gitops.git")]
fn a_repository_is_found_by_any_form_of_its_url(#[case] url: &str) {
    play(|forge, _| {
        repo(&forge, &[("a", "1")]);
        assert_eq!(forge.by_url(url).unwrap().name(), "gitops");
    });
}

#[test]
fn the_engine_finds_mapped_repositories_and_hears_of_changes() {
    play(|forge, _| {
        let hosts: &dyn GitHosts = &forge;
        let mapped = hosts.changes().unwrap().stamp();
        let repo = repo(&forge, &[("a", "1")]);
        assert!(!mapped.is_current());
        let remote = hosts.open("ssh://git@github.com/owls-nest-farm/gitops", &GitAuth::None).unwrap();
        assert_eq!(remote.path, repo.path());
        let stamp = remote.changes.stamp();
        repo.commit(BRANCH, &files(&[("a", "2")])).unwrap();
        assert!(!stamp.is_current());
        let message = hosts.open("https://github.com/a/b", &GitAuth::None).unwrap_err().to_string();
        assert_eq!(
            message,
            "unable to clone 'https://github.com/a/b': the URL is not served \
             (the run serves github.com/owls-nest-farm/gitops)"
        );
    });
}

#[rstest]
#[case::unserved_url(
    |f: &Forge| f.by_url("https://github.com/owls-nest-farm/other").map(drop),
    "serve https://github.com/owls-nest-farm/other: no repository of the run is mapped to it; \
     mapped are \"github.com/owls-nest-farm/gitops\""
)]
#[case::unknown_name(|f: &Forge| f.repo("gitop").map(drop), "find the repository \"gitop\": the run has \"gitops\"")]
#[case::name_taken(
    |f: &Forge| f.create("gitops", &Seed::Empty, BRANCH, &[]).map(drop),
    "create the repository \"gitops\": the run has one of that name"
)]
#[case::bad_name(
    |f: &Forge| f.create("../x", &Seed::Empty, BRANCH, &[]).map(drop),
    "create the repository \"../x\": a name is made of letters, digits, '.', '_' and '-'"
)]
#[case::url_taken(
    |f: &Forge| f.create("other", &Seed::Empty, BRANCH, &["ssh://git@github.com/owls-nest-farm/gitops".into()]).map(drop),
    "serve github.com/owls-nest-farm/gitops: it is already mapped to the repository \"gitops\""
)]
fn a_forge_refuses(#[case] action: fn(&Forge) -> Result<(), ForgeError>, #[case] want: &str) {
    play(|forge, _| {
        repo(&forge, &[("a", "1")]);
        assert_eq!(action(&forge).unwrap_err().to_string(), want);
    });
}

#[test]
fn a_repository_can_be_mapped_to_more_urls() {
    play(|forge, _| {
        repo(&forge, &[("a", "1")]);
        forge.map("gitops", "https://gitlab.com/owls/gitops").unwrap();
        assert_eq!(forge.by_url("git@gitlab.com:owls/gitops").unwrap().name(), "gitops");
    });
}

#[test]
fn commits_and_pushes_at_the_same_time_lose_nothing() {
    const EACH: usize = 40;
    play(|forge, _| {
        let repo = repo(&forge, &[("a", "1")]);
        let path = repo.path().to_owned();
        std::thread::scope(|scope| {
            // As `git push` does: a commit on the tip that it has seen, and another try where that has moved.
            scope.spawn(move || {
                let git = git2::Repository::open_bare(&path).unwrap();
                let name = format!("refs/heads/{BRANCH}");
                let by = git2::Signature::new("Jane", "jane@example.test", &git2::Time::new(0, 0)).unwrap();
                let mut left = EACH;
                while left > 0 {
                    let tip = git.refname_to_id(&name).unwrap();
                    let parent = git.find_commit(tip).unwrap();
                    let message = format!("push {left}");
                    let tree = parent.tree().unwrap();
                    let id = git.commit(None, &by, &by, &message, &tree, &[&parent]).unwrap();
                    left -= usize::from(git.reference_matching(&name, id, true, tip, "").is_ok());
                }
            });
            for n in 0..EACH {
                repo.commit(BRANCH, &files(&[("b", &n.to_string())])).unwrap();
            }
        });
        assert_eq!(repo.log(BRANCH, 1000).unwrap().len(), 1 + 2 * EACH);
        assert_eq!(text(&repo, "b"), (EACH - 1).to_string());
    });
}

#[test]
fn the_first_branch_of_an_empty_repository_is_the_one_that_clones_check_out() {
    play(|forge, _| {
        let repo = forge.create("gitops", &Seed::Empty, "main", &[URL.to_owned()]).unwrap();
        assert_eq!(repo.head_branch().unwrap(), "main");
        repo.commit("trunk", &files(&[("a", "1")])).unwrap();
        assert_eq!(repo.head_branch().unwrap(), "trunk");
        repo.create_branch("main", "trunk").unwrap();
        assert_eq!(repo.head_branch().unwrap(), "trunk", "later ones are not");
    });
}

#[test]
fn only_the_newest_requests_to_webhooks_are_kept() {
    play(|forge, _| {
        forge.create("gitops", &Seed::Empty, "main", &[URL.to_owned()]).unwrap();
        let hosted = forge.hosted("gitops").unwrap();
        let (url, events) = ("http://127.0.0.1:1/".to_owned(), vec!["push".to_owned()]);
        let hook =
            Webhook { id: 7, url, form: false, secret: None, events, active: true, created_at: epoch() };
        for round in 0..3 {
            for number in 0..500 {
                forge.deliver(&hosted, &hook, "ping", &format!("{round}/{number}"));
            }
            assert_eq!(forge.deliveries().len(), 1024.min(500 * (round + 1)));
        }
        let kept = forge.deliveries();
        assert_eq!((&kept[0].body[..], &kept[1023].body[..]), (&b"0/476"[..], &b"2/499"[..]));
    });
}
