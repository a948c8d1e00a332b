//! Refusals in the form of the specification.

use crate::registry::RegistryError;
use crate::serve::http::{Answer, CHALLENGE, answer};
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
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Refusal {
        Refusal { code, status: code.status(), message: message.into() }
    }

    /// With another status than the code's usual one.
    pub(super) fn with(self, status: StatusCode) -> Refusal {
        Refusal { status, ..self }
    }

    /// A file of the registry could not be read or written.
    pub(super) fn io(error: &std::io::Error) -> Refusal {
        Refusal::new(Code::Unknown, format!("the registry's files: {error}"))
    }

    pub(super) fn answer(self) -> Answer {
        let body = json!({"errors": [{"code": self.code.word(), "message": self.message, "detail": null}]});
        let mut answer = answer(self.status, "application/json", body.to_string());
        if self.code == Code::Unauthorized {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
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
