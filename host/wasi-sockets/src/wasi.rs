//! All of WASI but its sockets, from wasmtime-wasi.
//!
//! wasmtime-wasi links everything or chosen parts. These are the parts, listed by name, so that its sockets, which belong to
//! the operating system, cannot come along. Compare the lists with the `add_to_linker` functions of
//! `wasmtime_wasi::p2` and `wasmtime_wasi::p3` at each upgrade of wasmtime.

/// WASI 0.2 without `wasi:sockets`.
pub mod p2 {
    use wasmtime::component::Linker;
    use wasmtime_wasi::WasiView;
    use wasmtime_wasi::cli::{WasiCli, WasiCliView};
    use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
    use wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async;
    use wasmtime_wasi::p2::bindings::{cli, filesystem, random};
    use wasmtime_wasi::random::{WasiRandom, WasiRandomView};

    /// Links `wasi:io`, `wasi:clocks`, `wasi:random`, `wasi:cli` and `wasi:filesystem` 0.2.
    ///
    /// # Errors
    ///
    /// When one of them is linked already.
    pub fn add_to_linker<T: WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        add_to_linker_without_filesystem(linker)?;
        filesystem::preopens::add_to_linker::<T, WasiFilesystem>(linker, WasiFilesystemView::filesystem)?;
        filesystem::types::add_to_linker::<T, WasiFilesystem>(linker, WasiFilesystemView::filesystem)
    }

    /// Links `wasi:io`, `wasi:clocks`, `wasi:random` and `wasi:cli` 0.2, for hosts with a file system of their own.
    ///
    /// # Errors
    ///
    /// When one of them is linked already.
    pub fn add_to_linker_without_filesystem<T: WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        // wasi:io, wasi:clocks, wasi:random/random, and stdin, stdout and stderr of wasi:cli.
        add_to_linker_proxy_interfaces_async(linker)?;
        random::insecure::add_to_linker::<T, WasiRandom>(linker, WasiRandomView::random)?;
        random::insecure_seed::add_to_linker::<T, WasiRandom>(linker, WasiRandomView::random)?;
        cli::environment::add_to_linker::<T, WasiCli>(linker, WasiCliView::cli)?;
        cli::exit::add_to_linker::<T, WasiCli>(linker, WasiCliView::cli)?;
        cli::terminal_input::add_to_linker::<T, WasiCli>(linker, WasiCliView::cli)?;
        cli::terminal_output::add_to_linker::<T, WasiCli>(linker, WasiCliView::cli)?;
        cli::terminal_stdin::add_to_linker::<T, WasiCli>(linker, WasiCliView::cli)?;
        cli::terminal_stdout::add_to_linker::<T, WasiCli>(linker, WasiCliView::cli)?;
        cli::terminal_stderr::add_to_linker::<T, WasiCli>(linker, WasiCliView::cli)
    }
}

/// WASI 0.3 without `wasi:sockets`.
pub mod p3 {
    use wasmtime::component::Linker;
    use wasmtime_wasi::WasiView;
    use wasmtime_wasi::p3::{cli, clocks, filesystem, random};

    /// Links `wasi:cli`, `wasi:clocks`, `wasi:filesystem` and `wasi:random` 0.3. Guests for 0.3 that use a standard library
    /// usually import 0.2 as well.
    ///
    /// # Errors
    ///
    /// When one of them is linked already.
    pub fn add_to_linker<T: WasiView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
        add_to_linker_without_filesystem(linker)?;
        filesystem::add_to_linker(linker)
    }

    /// Links `wasi:cli`, `wasi:clocks` and `wasi:random` 0.3, for hosts with a file system of their own.
    ///
    /// # Errors
    ///
    /// When one of them is linked already.
    pub fn add_to_linker_without_filesystem<T: WasiView + 'static>(
        linker: &mut Linker<T>,
    ) -> wasmtime::Result<()> {
        cli::add_to_linker(linker)?;
        clocks::add_to_linker(linker)?;
        random::add_to_linker(linker)
    }
}
