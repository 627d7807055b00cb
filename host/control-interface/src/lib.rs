//! The interface for operating services: what goes over the wire.
//!
//! HTTP with JSON, over a Unix socket or, with a token, over TCP. [`Endpoint`] is the table of all paths; the other types are what
//! requests and answers hold. Whoever asks acts for one tenant, and sees nothing of another's.
//!
//! A change of a deployment is an [`Operation`]: the answer to the request that begins it is 202 and the operation, and
//! `GET …/operations/{operation}?wait=30` tells how it goes on. Everything that is refused is a [`Refusal`], whose code decides the
//! HTTP status.
//!
//! This crate knows nothing of the fabric: names of roles and instances are text here.

pub mod client;
mod deployment;
mod host;
mod journal;
mod names;
pub mod openapi;
mod operation;
pub mod package;
pub mod plain_url;
pub mod query;
mod refusal;
mod requests;
mod routes;
mod timestamp;

pub use client::{Client, ClientError, Lines, Package, Token};
pub use deployment::{
    DeploymentList, DeploymentState, DeploymentStatus, DeploymentSummary, EndpointRow, ExplainedEndpoint,
    Explanation, InstanceRow, InstanceState, PublicAddress, RoleCount, TopRow, TopTable,
};
pub use host::{HostInfo, TenantUsage, Usage};
pub use journal::{EndOfStream, EventLine, JournalQuery, LogLine, LogStream, Streamed};
pub use names::{DeploymentRef, LONGEST_NAME, NameError, ServiceName, Slot, TenantName};
pub use operation::{
    Generation, InstanceProgress, Operation, OperationId, OperationKind, OperationState, WalkProgress,
};
pub use refusal::{Detail, Place, Refusal, RefusalCode};
pub use requests::{
    ExplainQuery, ScaleRequest, TargetRequest, UpdateMode, UpdateRequest, UpgradeQuery, WaitQuery,
    WalkRequest,
};
pub use routes::{Answer, Body, Endpoint, Method, Names, TENANT_HEADER};
pub use timestamp::Timestamp;
