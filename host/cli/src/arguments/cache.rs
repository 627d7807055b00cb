//! Where compiled components are kept, and how much of them.

use std::path::PathBuf;

use clap::Args;
use wasm_roles_service_plan::bytes_from_words;

use crate::cache_folder;

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Clone, Debug, Args)]
pub struct CacheArguments {
    /// Where compiled components are kept; it must belong to you alone. Without it that is a folder in your own cache
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    /// How much is kept there at most, such as 512MiB; what was used least recently goes
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "1GiB")]
    pub cache_size: u64,
}

fn bytes(text: &str) -> Result<u64, &'static str> {
    bytes_from_words(text).ok_or("it is bytes, such as 65536, 512MiB or 1.75GiB")
}

impl CacheArguments {
    /// The folder for compiled components; none when none is named and the system has none for this user.
    pub fn folder(&self) -> Option<PathBuf> {
        self.cache_dir.clone().or_else(cache_folder::of_user)
    }
}
