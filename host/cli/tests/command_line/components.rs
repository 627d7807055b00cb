//! Components small enough to be written down.

/// A core module without anything in it.
pub const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A component without anything in it.
pub const NO_ROLE: &[u8] = b"\0asm\x0d\0\x01\0";

/// A program that waits for ever, for nothing:
///
/// ```wat
/// (component
///   (core func $new (canon waitable-set.new))
///   (core module $m
///     (import "" "new" (func $new (result i32)))
///     (func (export "run") (result i32) (i32.or (i32.shl (call $new) (i32.const 4)) (i32.const 2)))
///     (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
///   (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
///   (func $run async (result (result))
///     (canon lift (core func $i "run") async (callback (core func $i "callback"))))
///   (instance $e (export "run" (func $run)))
///   (export "wasi:cli/run@0.3.0" (instance $e)))
/// ```
pub const IDLE_PROGRAM: &[u8] =
    b"\0asm\x0d\0\x01\0\x08\x02\x01\x1f\x01^\0asm\x01\0\0\0\x01\x0c\x02`\0\x01\x7f`\x03\x7f\x7f\x7f\x01\
\x7f\x02\x08\x01\0\x03new\0\0\x03\x03\x02\0\x01\x07\x12\x02\x03run\0\x01\x08callback\0\x02\x0a\x10\
\x02\x0a\0\x10\0A\x04tA\x02r\x0b\x03\0\0\x0b\0\x11\x04name\0\x02\x01m\x01\x06\x01\0\x03new\x02\x0f\
\x02\x01\x01\x03new\0\0\0\0\x01\0\x12\0\x07\x08\x02j\0\0C\0\0\0\x06\x16\x02\0\0\x01\x01\x03run\0\0\
\x01\x01\x08callback\x08\x09\x01\0\0\x01\x02\x06\x07\x02\x01\x05\x0a\x01\x01\x01\0\x03run\x01\0\x0b\
\x18\x01\0\x12wasi:cli/run@0.3.0\x05\0\0";

/// A program that computes for ever, and so hears nothing:
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
