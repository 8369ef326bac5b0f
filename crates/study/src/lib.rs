//! What a study is: the protocol that is asked, and the result that answers it.
//!
//! A [`Protocol`] is read from a TOML file and checked on its own; holding it against a patient
//! table is the work of `intake`. A [`StudyResult`] is what `report.json` holds: a flat list of
//! quantities, each with an id, and the outline by which they are laid out.

pub mod protocol;
pub mod result;

pub use protocol::Protocol;
pub use result::StudyResult;
