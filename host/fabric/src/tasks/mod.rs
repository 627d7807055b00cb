//! Start-up tasks: programs that run before the role and beside it (facts: section 2.7).
//!
//! They run again for each incarnation of an instance, before it is asked to start:
//!
//! | | start | waited for | when it fails | when the role stops or recycles |
//! |---|---|---|---|---|
//! | simple | in the order of the definition, one at a time | before the next task and the role | later tasks and the role do not start; it is tried again with the back-off of a recycle | is over |
//! | foreground | when its turn comes | not at the start | that is told | the instance has not stopped, and is not started again, before it has ended |
//! | background | when its turn comes | never | that is told | is cut off when the role has ended |
//!
//! [`rule`](rule::rule) is this table; [`StartUp`] does what it says. The role hears of a stop at once, while foreground tasks
//! still go on: so both have the whole stop budget, and what has not ended then is cut off. A recycle has no budget: it waits.
//! A simple task that is running when the instance shall stop is cut off, since the role has not begun.
//!
//! A task is a `wasi:cli` program in the same kind of sandbox as the role: the role's folder, the local stores and the temporary folder,
//! an environment of its own. It goes out to the network as the role does, but cannot bind the role's endpoints
//! (`Interface::companion`). When it asks for a recycle, the instance is recycled. What it uses is the instance's: memory,
//! CPU weight, sockets (a quarter of them for all tasks together) and the quotas of the stores.

mod program;
mod rule;
mod start_up;

pub(crate) use program::TaskProgram;
pub(crate) use start_up::StartUp;
