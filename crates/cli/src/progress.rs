//! How far a study is: a bar on a terminal, plain lines elsewhere. Both go to standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, stderr};
use wire::pb::study::StudyProgress;

/// What shows the progress.
pub(crate) enum Progress {
    /// A bar.
    Bar(ProgressBar),
    /// Lines.
    Lines,
}

impl Progress {
    /// A bar on a terminal, lines elsewhere.
    pub(crate) fn new() -> Self {
        if !stderr().is_terminal() {
            return Self::Lines;
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    pub(crate) fn show(&mut self, progress: &StudyProgress) {
        let (finished, total) = (progress.finished_count.max(0), progress.total_count.max(0));
        match self {
            Self::Bar(bar) => {
                bar.set_length(total as u64);
                bar.set_position(finished as u64);
                bar.set_message(progress.step.clone());
            }
            Self::Lines => eprintln!("[{finished}/{total}] {}", progress.step),
        }
    }

    pub(crate) fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
