//! Components small enough to be written down.

/// A core module without anything in it.
pub const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A component without anything in it.
pub const NO_ROLE: &[u8] = b"\0asm\x0d\0\x01\0";

/// A program that computes for ever:
///
/// ```wat
/// (component
///   (core module $m (func (export "run") (result i32) (loop (br 0)) (i32.const 0)))
///   (core instance $i (instantiate $m))
///   (func $run (result (result)) (canon lift (core func $i "run")))
///   (instance $e (export "run" (func $run)))
///   (export "wasi:cli/run@0.2.0" (instance $e)))
/// ```
pub const SPINNING_PROGRAM: &[u8] = b"\0asm\r\0\x01\0\x014\0asm\x01\0\0\0\x01\x05\x01`\0\x01\x7f\x03\x02\x01\0\x07\x07\x01\
\x03run\0\0\n\x0b\x01\t\0\x03@\x0c\0\x0bA\0\x0b\0\t\x04name\0\x02\x01m\x02\x04\x01\0\0\0\x07\x08\x02j\0\0@\0\0\0\x06\t\x01\
\0\0\x01\0\x03run\x08\x06\x01\0\0\0\0\x01\x05\n\x01\x01\x01\0\x03run\x01\0\x0b\x18\x01\0\x12wasi:cli/run@0.2.0\x05\0\0";

/// As [`SPINNING_PROGRAM`], but its `run` returns at once.
pub const SHORT_PROGRAM: &[u8] = b"\0asm\r\0\x01\0\x01/\0asm\x01\0\0\0\x01\x05\x01`\0\x01\x7f\x03\x02\x01\0\x07\x07\x01\
\x03run\0\0\n\x06\x01\x04\0A\0\x0b\0\t\x04name\0\x02\x01m\x02\x04\x01\0\0\0\x07\x08\x02j\0\0@\0\0\0\x06\t\x01\
\0\0\x01\0\x03run\x08\x06\x01\0\0\0\0\x01\x05\n\x01\x01\x01\0\x03run\x01\0\x0b\x18\x01\0\x12wasi:cli/run@0.2.0\x05\0\0";
