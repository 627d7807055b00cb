//! The description of the interface (OpenAPI 3.1).

/// The description, as `GET /v1/openapi.json` gives it.
pub const DOCUMENT: &str = include_str!("../openapi.json");
