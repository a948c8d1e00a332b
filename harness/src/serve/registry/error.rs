//! Refusals in the form of the specification.

use super::Site;
use super::token::PATH;
use crate::registry::{RegistryError, TokenFault};
use crate::scenario::TokenAction;
use crate::serve::http::{Answer, CHALLENGE, answer, set};
use http::{StatusCode, header};
use serde_json::json;

/// The codes of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    TooManyRequests,
    Unauthorized,
    Unsupported,
    /// Not of the specification: something here failed.
    Unknown,
}

impl Code {
    fn word(self) -> &'static str {
        match self {
            Code::BlobUnknown => "BLOB_UNKNOWN",
            Code::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Code::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Code::DigestInvalid => "DIGEST_INVALID",
            Code::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Code::ManifestInvalid => "MANIFEST_INVALID",
            Code::ManifestUnknown => "MANIFEST_UNKNOWN",
            Code::NameInvalid => "NAME_INVALID",
            Code::NameUnknown => "NAME_UNKNOWN",
            Code::SizeInvalid => "SIZE_INVALID",
            Code::TooManyRequests => "TOOMANYREQUESTS",
            Code::Unauthorized => "UNAUTHORIZED",
            Code::Unsupported => "UNSUPPORTED",
            Code::Unknown => "UNKNOWN",
        }
    }

    /// The status that goes with it.
    fn status(self) -> StatusCode {
        match self {
            Code::BlobUnknown | Code::BlobUploadUnknown | Code::ManifestUnknown | Code::NameUnknown => {
                StatusCode::NOT_FOUND
            }
            Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Code::Unauthorized => StatusCode::UNAUTHORIZED,
            Code::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Why a request is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    code: Code,
    status: StatusCode,
    message: String,
    /// The token that is wanted.
    wanted: Option<Wanted>,
}

/// A token that a request needs.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The type of what is asked for.
    kind: &'static str,
    /// What is asked for, as the service knows it.
    name: String,
    actions: Vec<&'static str>,
    /// What is wrong with the one that was shown.
    fault: Option<TokenFault>,
}

impl Wanted {
    /// One that is good for these actions on a repository.
    pub(super) fn repository(name: String, actions: &[TokenAction], fault: Option<TokenFault>) -> Wanted {
        let actions = actions.iter().map(|action| action.word()).collect();
        Wanted { kind: "repository", name, actions, fault }
    }

    /// One that is good for the list of all repositories.
    pub(super) fn catalog(fault: Option<TokenFault>) -> Wanted {
        Wanted { kind: "registry", name: "catalog".to_owned(), actions: vec!["*"], fault }
    }

    fn scope(&self) -> String {
        format!("{}:{}:{}", self.kind, self.name, self.actions.join(","))
    }
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Refusal {
        Refusal { code, status: code.status(), message: message.into(), wanted: None }
    }

    /// With another status than the code's usual one.
    pub(super) fn with(self, status: StatusCode) -> Refusal {
        Refusal { status, ..self }
    }

    /// With the token that is wanted.
    pub(super) fn wanting(self, wanted: Wanted) -> Refusal {
        Refusal { wanted: Some(wanted), ..self }
    }

    /// A file of the registry could not be read or written.
    pub(super) fn io(error: &std::io::Error) -> Refusal {
        Refusal::new(Code::Unknown, format!("the registry's files: {error}"))
    }

    /// The answer of a registry without a token service.
    pub(super) fn answer(self) -> Answer {
        self.answer_at(None)
    }

    /// The answer, with a challenge where credentials are missing: to the token service at `site`, where there is one.
    pub(super) fn answer_at(self, site: Option<&Site>) -> Answer {
        let detail = self.wanted.as_ref().filter(|wanted| wanted.fault.is_some()).map(|wanted| {
            let actions = wanted.actions.iter();
            let access = actions.map(
                |action| json!({"Type": wanted.kind, "Class": "", "Name": wanted.name, "Action": action}),
            );
            access.collect::<Vec<_>>()
        });
        let body = json!({"errors": [{"code": self.code.word(), "message": self.message, "detail": detail}]});
        let mut answer = answer(self.status, "application/json", body.to_string());
        if self.code == Code::Unauthorized {
            match site {
                Some(Site { scheme, host }) => {
                    let mut words = format!("Bearer realm=\"{scheme}://{host}{PATH}\",service=\"{host}\"");
                    if let Some(wanted) = &self.wanted {
                        words += &format!(",scope=\"{}\"", wanted.scope());
                        if let Some(fault) = wanted.fault.and_then(TokenFault::word) {
                            words += &format!(",error=\"{fault}\"");
                        }
                    }
                    set(&mut answer, header::WWW_AUTHENTICATE, &words);
                }
                None => {
                    answer.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
                }
            }
        }
        answer
    }
}

impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Refusal {
        let code = match error {
            RegistryError::NoRepository { .. } => Code::NameUnknown,
            RegistryError::NoTag { .. } => Code::ManifestUnknown,
            _ => Code::NameInvalid,
        };
        Refusal::new(code, format!("failed to {error}"))
    }
}
