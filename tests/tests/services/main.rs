//! The statistical services, called as a program in any language calls them.

mod calls;
mod faults;
mod harness;
mod local;
mod rows;
