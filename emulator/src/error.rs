//! Errors as REST answers them (F33).

use crate::php::{Php, PhpArray};

/// One error answer: `{"error": code, "error_description": text}` and, for argument errors, `argument`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RestError {
    pub(crate) status: u16,
    pub(crate) code: Php,
    pub(crate) text: String,
    pub(crate) argument: Option<String>,
}

pub(crate) type Answered<T> = Result<T, RestError>;

impl RestError {
    pub(crate) fn new(status: u16, code: impl Into<Php>, text: impl Into<String>) -> RestError {
        RestError { status, code: code.into(), text: text.into(), argument: None }
    }

    pub(crate) fn argument(name: &str, text: impl Into<String>) -> RestError {
        RestError { argument: Some(name.to_owned()), ..RestError::new(400, "ERROR_ARGUMENT", text) }
    }

    pub(crate) fn missing(name: &str) -> RestError {
        RestError::argument(name, format!("Argument '{name}' is null or empty"))
    }

    pub(crate) fn core(text: &str) -> RestError {
        RestError::new(400, "ERROR_CORE", text)
    }

    pub(crate) fn nameless(text: impl Into<String>) -> RestError {
        RestError::new(400, "", text)
    }

    pub(crate) fn licence() -> RestError {
        RestError::new(403, "WRONG_LICENSE", "The current plan does not include this feature")
    }

    pub(crate) fn denied(text: &str) -> RestError {
        RestError::new(403, "ACCESS_DENIED", text)
    }

    pub(crate) fn operating() -> RestError {
        RestError::new(
            429,
            "OPERATION_TIME_LIMIT",
            "Method is blocked due to operation time limit.",
        )
    }

    pub(crate) fn bucket() -> RestError {
        RestError::new(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
    }

    pub(crate) fn overload() -> RestError {
        RestError::new(503, "OVERLOAD_LIMIT", "REST API is blocked due to overload")
    }

    pub(crate) fn unknown_method() -> RestError {
        RestError::new(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
    }

    /// The answer's body without `time`.
    pub(crate) fn body(&self) -> PhpArray {
        let mut body = PhpArray::new();
        body.set("error", self.code.clone());
        body.set("error_description", self.text.clone());
        if let Some(argument) = &self.argument {
            body.set("argument", argument.clone());
        }
        body
    }
}
