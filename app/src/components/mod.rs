//! What pages share: plain data in, a view out.

mod address;
mod avatar;
mod loaded;
mod microsoft;
mod problem;

pub use address::breakable;
pub use avatar::Avatar;
pub use loaded::{Load, loaded};
pub use microsoft::MicrosoftButton;
pub use problem::{ProblemView, Refusal, action};
