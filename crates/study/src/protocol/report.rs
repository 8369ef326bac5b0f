//! `[report]`: what authors add to the numbers, and which of them is the primary result.

use super::Population;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[report]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ReportSection {
    /// Sentences that open the abstract: why the study was done. Absent: the report says that the
    /// authors have to write them.
    pub background: Option<String>,
    /// The one analysis on which the conclusion of the study rests.
    pub primary: PrimarySection,
    /// Whose sizes the files of figures have. Default: `frontiers`.
    pub figures: FigureProfile,
    /// `[report.target_trial.time_zero]` and so on: the authors' words for a row of the table that
    /// holds the study against the trial that it stands for.
    pub target_trial: Vec<TrialSection>,
}

/// The sizes of figures that a journal asks for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FigureProfile {
    /// Columns of 85 and 180 mm, text of 7 and 8 points, as many journals.
    #[default]
    Frontiers,
    /// Columns of 75 and 154 mm, text of 7 and 8 points.
    Lancet,
    /// Columns of 89 and 183 mm, text of 7 points.
    Nature,
    /// A text column of 132 mm and a page of 190 mm, text of 8 points.
    Plos,
}

impl FigureProfile {
    /// Widths of one and of two columns, in millimetres.
    #[must_use]
    pub fn widths_mm(self) -> [f64; 2] {
        match self {
            Self::Frontiers => [85.0, 180.0],
            Self::Lancet => [75.0, 154.0],
            Self::Nature => [89.0, 183.0],
            Self::Plos => [132.0, 190.0],
        }
    }

    /// Sizes of text in figures of one and of two columns, in points.
    #[must_use]
    pub fn text_points(self) -> [f64; 2] {
        match self {
            Self::Frontiers | Self::Lancet => [7.0, 8.0],
            Self::Nature => [7.0, 7.0],
            Self::Plos => [8.0, 8.0],
        }
    }
}

/// `primary = { endpoint = "os", population = "matched", model = "univariable" }`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PrimarySection {
    /// Endpoint. Default: the first.
    pub endpoint: String,
    /// Who is analysed. Default: `matched` or `weighted` when there is such a design, else `all`.
    pub population: Population,
    /// Model whose hazard ratio of the exposure is the result: `univariable`, or the id of a
    /// multivariable model of that population. Default: `univariable` with a design; without one the
    /// first multivariable model, since univariable results are not adjusted; absent where there is no
    /// such model, and the comparison of the curves is the result.
    pub model: Option<String>,
}

/// One row of the table of the target trial.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct TrialSection {
    /// Which row.
    pub component: TrialComponent,
    /// How the trial would do it. Default: as a randomised trial does.
    pub target: Option<String>,
    /// How this study does it. Default: generated from the protocol.
    pub emulation: Option<String>,
    /// What stays different. Default: what the protocol alone makes plain.
    pub gap: Option<String>,
}

/// What the protocol of a trial settles (Hernan and Robins 2016, Am. J. Epidemiol. 183:758-764).
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum TrialComponent {
    /// Who may enter.
    Eligibility,
    /// What is compared.
    Strategies,
    /// How patients come to their arm.
    Assignment,
    /// When follow-up begins.
    TimeZero,
    /// What is waited for.
    Outcome,
    /// Which effect is asked for, and in whom.
    Contrast,
    /// How it is estimated.
    Analysis,
}

impl TrialComponent {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Eligibility,
        Self::Strategies,
        Self::Assignment,
        Self::TimeZero,
        Self::Outcome,
        Self::Contrast,
        Self::Analysis,
    ];

    /// Its key in the study file.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Eligibility => "eligibility",
            Self::Strategies => "strategies",
            Self::Assignment => "assignment",
            Self::TimeZero => "time_zero",
            Self::Outcome => "outcome",
            Self::Contrast => "contrast",
            Self::Analysis => "analysis",
        }
    }
}
