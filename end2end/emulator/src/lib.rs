//! Microsoft's identity platform and Graph on loopback, for demonstrations and tests.
//!
//! The crate's root shows the whole: [`Emulator`] starts the process in a task and stops it when dropped,
//! [`Settings`] and [`Client`] say what is registered, [`Control`] makes faults, tells what was called and moves
//! the clock. `platform` is the identity platform, `graph` is Microsoft Graph, `directory` is the data of both.

pub mod directory;
pub mod graph;
pub mod state;
