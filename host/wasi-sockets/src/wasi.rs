//! WASI without its sockets: everything that wasmtime-wasi 48 offers, except `wasi:sockets`.
//!
//! wasmtime-wasi has one function that links all of 0.2; the list here is that function's without the sockets. Compare
//! it again whenever wasmtime is exchanged.

/// WASI 0.2.
pub mod p2 {
    use wasmtime::component::Linker;
    use wasmtime_wasi::WasiView;
    use wasmtime_wasi::cli::{WasiCli, WasiCliView};
    use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
    use wasmtime_wasi::p2::bindings::{cli, filesystem, random};
    use wasmtime_wasi::random::{WasiRandom, WasiRandomView};

    /// Links WASI 0.2 without `wasi:sockets`.
    ///
    /// # Errors
    ///
    /// When something of it is linked already.
    pub fn add_to_linker<T: WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        // wasi:io, wasi:clocks, wasi:random/random, and standard input, output and error.
        wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(linker)?;
        filesystem::preopens::add_to_linker::<T, WasiFilesystem>(linker, T::filesystem)?;
        filesystem::types::add_to_linker::<T, WasiFilesystem>(linker, T::filesystem)?;
        random::insecure::add_to_linker::<T, WasiRandom>(linker, |state| WasiRandomView::random(state))?;
        random::insecure_seed::add_to_linker::<T, WasiRandom>(linker, |state| WasiRandomView::random(state))?;
        cli::environment::add_to_linker::<T, WasiCli>(linker, T::cli)?;
        cli::exit::add_to_linker::<T, WasiCli>(linker, T::cli)?;
        cli::terminal_input::add_to_linker::<T, WasiCli>(linker, T::cli)?;
        cli::terminal_output::add_to_linker::<T, WasiCli>(linker, T::cli)?;
        cli::terminal_stdin::add_to_linker::<T, WasiCli>(linker, T::cli)?;
        cli::terminal_stdout::add_to_linker::<T, WasiCli>(linker, T::cli)?;
        cli::terminal_stderr::add_to_linker::<T, WasiCli>(linker, T::cli)
    }
}

/// WASI 0.3.
pub mod p3 {
    use wasmtime::component::Linker;
    use wasmtime_wasi::WasiView;
    use wasmtime_wasi::p3::{cli, clocks, filesystem, random};

    /// Links WASI 0.3 without `wasi:sockets`.
    ///
    /// # Errors
    ///
    /// When something of it is linked already.
    pub fn add_to_linker<T: WasiView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        cli::add_to_linker(linker)?;
        clocks::add_to_linker(linker)?;
        filesystem::add_to_linker(linker)?;
        random::add_to_linker(linker)
    }
}
