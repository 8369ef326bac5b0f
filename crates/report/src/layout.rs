//! What the report consists of, and in which order: the document of a result.
//!
//! A section whose analysis was not asked for is left out, and so is a table without rows.

mod arrange;
mod checklists;
mod primary;
mod summary;

use crate::document::{Block, Cover, Definition, Document, Explanation, Item, Section, Text};
use crate::glossary;
use crate::methods::methods;
use crate::number;
use crate::plots::{self, Plot};
use crate::table::Table;
use crate::tables::{self, STUDY, Source, WHOLE};
use crate::words;
use arrange::Numbering;
use cohort::{Caveat, CaveatCode};
use primary::Primary;
use std::collections::BTreeMap;
use study::result::{FlowKind, LARGEST_ECDF, Label, SubgroupOutline, VARIANCE_RATIOS, id};

/// The document of a result.
pub(crate) fn document(source: &Source) -> Document {
    let mut draft = Draft { numbering: Numbering::of(source), sections: Vec::new() };
    for chapter in chapters(source) {
        draft.add(chapter);
    }
    let checklists = checklists::checklists(&draft.sections, source);
    draft.add(Chapter::main("checklists", "Reporting checklists").tables(checklists));
    let sections = draft.sections;
    Document { cover: cover(source), numbers: explanations(source, &sections), sections }
}

/// The notice of the study; synthetic patients always have one.
pub(crate) fn notice(source: &Source) -> Option<String> {
    let study = &source.result.protocol.study;
    let default =
        || "The patients of this study are synthetic; its results are no evidence.".into();
    study.notice.clone().or_else(|| study.synthetic.then(default))
}

/// A section before it is known whether it has anything to print.
pub(crate) struct Chapter {
    id: &'static str,
    heading: &'static str,
    parts: Vec<Part>,
}

/// A part of a section.
pub(crate) enum Part {
    /// Text that makes sense beside a table or figure alone.
    Lead(Block),
    /// Text that makes sense by itself.
    Block(Block),
    Table(Table),
    Plot(Box<Plot>),
}

impl Chapter {
    fn main(id: &'static str, heading: &'static str) -> Self {
        Self { id, heading, parts: Vec::new() }
    }

    fn blocks(mut self, blocks: impl IntoIterator<Item = Block>) -> Self {
        self.parts.extend(blocks.into_iter().map(Part::Block));
        self
    }

    fn leads(mut self, texts: impl IntoIterator<Item = Text>) -> Self {
        let paragraphs = texts.into_iter().filter(|text| !text.is_empty()).map(Block::paragraph);
        self.parts.extend(paragraphs.map(Part::Lead));
        self
    }

    fn tables(mut self, tables: impl IntoIterator<Item = Table>) -> Self {
        self.parts.extend(tables.into_iter().map(Part::Table));
        self
    }

    fn plots(mut self, plots: impl IntoIterator<Item = Plot>) -> Self {
        self.parts.extend(plots.into_iter().map(|plot| Part::Plot(Box::new(plot))));
        self
    }
}

fn chapters(source: &Source) -> Vec<Chapter> {
    let mut chapters = vec![
        Chapter::main("abstract", "Abstract")
            .blocks([summary::structured_abstract(source)])
            .tables([tables::summary(source)]),
        question(source),
        Chapter::main("flow", "Patients")
            .leads(tables::sentences(source))
            .plots([plots::flow(source)])
            .tables([tables::flow(source), tables::flow_counts(source)]),
        methods_chapter(source),
        Chapter::main("data", "Data quality and missing values")
            .blocks([Block::paragraph(missing_sentence(source))])
            .tables([tables::missing(source), tables::quality(source)]),
        Chapter::main("baseline", "Baseline")
            .leads([balance_sentence(source)])
            .tables([tables::baseline(source), tables::balance_tests(source)])
            .tables([tables::balance_unmatched(source)]),
    ];
    chapters.extend(comparability(source));
    chapters.extend(outcome(source));
    chapters.extend([caveats(source), reproduction(source)]);
    chapters
}

/// What is asked, and where it departs from a trial.
fn question(source: &Source) -> Chapter {
    let primary = Primary::of(source);
    let name = format!("The primary analysis is {}. All others are secondary.", primary.name());
    let warnings = source.result.caveats.iter();
    let warnings = warnings.filter(|caveat| caveat.code == CaveatCode::ImmortalTime);
    let warning = |caveat: &Caveat| Block::Box {
        is_warning: true,
        heading: "Immortal time".into(),
        paragraphs: vec![caveat.message.as_str().into()],
    };
    let heading = "Question and target trial";
    Chapter::main("question", heading)
        .blocks([Block::paragraph(name)])
        .tables([tables::target_trial(source)])
        .blocks(warnings.map(warning))
}

/// What became of patients with missing values.
fn missing_sentence(source: &Source) -> Text {
    let mut text = Text::from(words::missing(source.result.protocol.missing.policy));
    let step = source.result.outline.flow.iter().find(|step| step.kind == FlowKind::Missing);
    let id = step.map(|step| tables::step_id(step, "n_excluded"));
    if let Some(id) = id.filter(|id| source.numbers.has(id)) {
        let n = source.numbers.cell(&id, number::count).into();
        text.say(Text::fill("Of the eligible patients {} were left out for a missing value.", [n]));
    }
    text
}

/// How many variables differ, before and after; a p-value is no measure of that.
fn balance_sentence(source: &Source) -> Text {
    let one = |population: &Label| {
        let id = |name: &str| id::quantity(STUDY, &population.id, "balance", WHOLE, name);
        if !source.numbers.has(&id("largest_smd")) {
            return Text::default();
        }
        Text::fill(
            "Of {} variables {} have a standardised mean difference above {} in {} (largest {}).",
            [
                source.result.outline.variables.len().to_string().into(),
                source.numbers.cell(&id("n_unbalanced"), number::count).into(),
                words::plain(source.result.protocol.balance.threshold).into(),
                words::within(&population.label).into(),
                source.numbers.cell(&id("largest_smd"), number::ratio).into(),
            ],
        )
    };
    let mut text = Text::join(source.populations().iter().map(one), " ");
    if !text.is_empty() {
        text.say("A P-value depends on the number of patients and is no evidence of balance.");
        text.say(unlike_sentence(source));
    }
    text
}

/// How many variables have unlike distributions, which means alone do not show.
fn unlike_sentence(source: &Source) -> Text {
    let one = |population: &Label| {
        let id = id::quantity(STUDY, &population.id, "balance", WHOLE, "n_unlike");
        let n = source.numbers.has(&id).then(|| source.numbers.cell(&id, number::count))?;
        Some(Text::fill("{} in {}", [n.into(), words::within(&population.label).into()]))
    };
    let counts: Vec<Text> = source.populations().iter().filter_map(one).collect();
    if counts.is_empty() {
        return Text::default();
    }
    let [low, high] = VARIANCE_RATIOS.map(words::plain);
    Text::fill(
        "Equal means do not make equal distributions. Variables whose distribution functions are further \
         apart than {} at some value, or whose variance ratio is outside {} to {}: {}.",
        [words::plain(LARGEST_ECDF).into(), low.into(), high.into(), Text::list(counts)],
    )
}

fn methods_chapter(source: &Source) -> Chapter {
    let paragraphs = methods(&source.result.protocol, &source.result.outline);
    let entries = paragraphs.into_iter().map(|one| Definition::new(one.heading, one.text));
    Chapter::main("methods", "Methods").blocks([Block::Definitions { entries: entries.collect() }])
}

/// How the arms were made comparable, and whether they are.
fn comparability(source: &Source) -> Vec<Chapter> {
    let heading = match source.result.protocol.weighting {
        Some(_) => "Propensity score, weights and balance",
        None => "Propensity score, matching and balance",
    };
    vec![
        Chapter::main("propensity", heading)
            .leads([late_confounders(source)])
            .tables([tables::propensity(source), tables::overlap(source)])
            .plots(plots::overlap(source))
            .tables([tables::matching(source), tables::weighting(source)])
            .plots(plots::love(source))
            .tables([tables::balance_measures(source), tables::balance_within(source)]),
    ]
}

/// Which covariates of the score are known only after time zero.
fn late_confounders(source: &Source) -> Text {
    let late = tables::late_confounders(&source.result.protocol);
    let labels: Vec<String> = late.map(|variable| words::within(&variable.label)).collect();
    match labels.as_slice() {
        [] => Text::default(),
        labels => format!(
            "Known only after time zero, but part of the score (marked \u{2020}): {}. Exposure may have \
             changed them, and what they carry of its effect is then taken away.",
            words::list(labels)
        )
        .into(),
    }
}

/// What became of the patients.
fn outcome(source: &Source) -> Vec<Chapter> {
    vec![
        Chapter::main("follow-up", "Follow-up")
            .tables([tables::follow_up(source), tables::person_time(source)]),
        Chapter::main("survival", "Survival")
            .plots(plots::all_main_curves(source))
            .tables([tables::medians(source), tables::rates(source)])
            .tables([tables::restricted_means(source), tables::differences(source)])
            .tables([tables::comparison_tests(source)]),
        Chapter::main("hazard", "Hazard models")
            .tables(tables::hazard_ratios(source))
            .tables([tables::models(source), tables::firth(source), tables::selection(source)])
            .tables([tables::variances(source), tables::reuse(source)]),
        Chapter::main("proportional-hazards", "Proportional hazards")
            .tables(tables::proportional_hazards(source))
            .plots(plots::residuals(source))
            .plots(plots::log_log(source))
            .tables([tables::piecewise(source)]),
        Chapter::main("sites", "Sites")
            .tables([tables::without_sites(source), tables::sites(source)]),
        Chapter::main("subgroups", "Subgroups")
            .leads([subgroup_sentence(source)])
            .plots(plots::forests(source))
            .tables(tables::subgroups(source))
            .plots(plots::subgroup_curves(source)),
        Chapter::main("comparisons", comparison_heading(source))
            .leads([UNADJUSTED_LEVELS.into()])
            .tables([tables::comparisons(source)])
            .plots(plots::compared_curves(source)),
        Chapter::main("bootstrap", "Bootstrap")
            .plots(plots::replicates(source))
            .tables([tables::bootstrap(source)]),
        Chapter::main("sensitivity", "Sensitivity")
            .tables([tables::sensitivity(source), tables::hidden_bias(source)]),
    ]
}

fn comparison_heading(source: &Source) -> &'static str {
    let mut compared = source.result.outline.subgroups.iter().filter(|one| one.compare.is_some());
    match compared.all(|one| ["exposed", "comparator"].contains(&one.population.as_str())) {
        true => "Comparison within an arm",
        false => "Levels compared with each other",
    }
}

/// What the comparison of levels is not.
const UNADJUSTED_LEVELS: &str = "Unadjusted: the patients of these levels differ in other ways too, and \
                                 nothing was done to make them comparable.";

/// How subgroup analyses are to be read.
fn subgroup_sentence(source: &Source) -> Text {
    let within = |known: &&SubgroupOutline| !known.variables.is_empty();
    let outlines = source.result.outline.subgroups.iter().filter(within);
    let n_levels: usize = outlines
        .clone()
        .flat_map(|known| &known.variables)
        .map(|variable| variable.levels.len())
        .sum();
    let is_unadjusted = outlines.clone().any(tables::is_unadjusted);
    let unadjusted = match is_unadjusted {
        true => {
            " Unadjusted: within a level of patients whom no design has made comparable the arms may \
             differ in other ways."
        }
        false => "",
    };
    format!(
        "Exploratory: {n_levels} comparisons within levels, not adjusted for their number. Whether an \
         effect differs between levels is asked by the test of interaction, not by comparing P-values.{unadjusted}"
    )
    .into()
}

fn caveats(source: &Source) -> Chapter {
    let collected = source.numbers.collected_caveats(source.result);
    if collected.is_empty() {
        return Chapter::main("caveats", "Caveats").blocks([Block::paragraph("None.")]);
    }
    let item = |caveat: crate::numbers::CollectedCaveat| {
        let mut text = Text::strong(format!("{}:", caveat.kind));
        text.say(caveat.message);
        if !caveat.ids.is_empty() {
            text.say(Text::code(caveat.ids.join(", ")));
        }
        if caveat.n_more_ids > 0 {
            text.say(format!("and {} more", caveat.n_more_ids));
        }
        Item { id: Some(format!("caveat-{}", caveat.number)), text }
    };
    let lead = caveats_lead(&collected);
    let items = collected.into_iter().map(item).collect();
    Chapter::main("caveats", "Caveats")
        .blocks([Block::paragraph(lead), Block::List { is_ordered: true, items }])
}

/// What the marks are, and which caveats have none.
fn caveats_lead(collected: &[crate::numbers::CollectedCaveat]) -> String {
    let mut lead =
        "What a reader must know besides the numbers; the marks in text and tables point here."
            .to_owned();
    let unmarked = collected.iter().filter(|caveat| caveat.ids.is_empty());
    let unmarked: Vec<String> = unmarked.map(|caveat| caveat.number.to_string()).collect();
    match unmarked.as_slice() {
        [] => {}
        [only] => {
            lead.push_str(&format!(" Caveat {only} has no mark, since it concerns everything."))
        }
        several => lead.push_str(&format!(
            " Caveats {} have no mark, since they concern whole analyses or everything.",
            words::list(several)
        )),
    }
    lead
}

fn reproduction(source: &Source) -> Chapter {
    let protocol = serde_json::to_string_pretty(&source.result.protocol)
        .expect("a protocol has string keys alone");
    let rounding = Text::fill(
        "Numbers are rounded half away from zero on the digits of their shortest representation; {} \
         and {} hold them unrounded under their ids. P-values have two significant digits below 0.01 and \
         three decimals from there on; what lies below 0.0001, or rounds to 1, is given as a bound. The \
         factor up to which a finding withstands hidden bias is never rounded up.",
        [Text::code("tables/quantities.csv"), Text::code("report.json")],
    );
    Chapter::main("reproduction", "Reproduction").blocks([
        Block::paragraph(rounding),
        Block::paragraph("The protocol as executed, with every default filled in:"),
        Block::Verbatim { text: protocol },
    ])
}

fn cover(source: &Source) -> Cover {
    let result = source.result;
    let study = &result.protocol.study;
    let mut facts = Vec::new();
    facts.extend(
        study.data_lock.as_ref().map(|date| Definition::new("Data closed on", date.as_str())),
    );
    facts.extend(seeds(source));
    let version = format!("Equipoise {}", env!("CARGO_PKG_VERSION"));
    facts.extend([
        Definition::new("Program", version),
        Definition::new("Format of the result", Text::code(&result.schema)),
        Definition::new("Patient table, SHA-256", Text::code(&result.data_sha256)),
        Definition::new("Study file, SHA-256", Text::code(&result.protocol_sha256)),
    ]);
    Cover {
        title: study.title.clone(),
        study: study.id.clone(),
        notice: notice(source),
        date: study.data_lock.clone(),
        facts,
    }
}

/// The seeds of whatever was drawn at random.
fn seeds(source: &Source) -> Option<Definition> {
    let bootstrap = source.result.protocol.bootstrap.as_ref()?;
    Some(Definition::new("Seed of the replicates", bootstrap.seed.to_string()))
}

/// What is known of every number that the sections print.
fn explanations(source: &Source, sections: &[Section]) -> BTreeMap<String, Explanation> {
    let ids = sections.iter().flat_map(|section| &section.blocks).flat_map(Block::ids);
    let known = ids.filter_map(|id| {
        let method = source.numbers.method(id)?;
        let definition = glossary::definition(id).to_owned();
        Some((id.clone(), Explanation { definition, method: method.to_owned() }))
    });
    known.collect()
}

/// The sections as they grow.
struct Draft {
    numbering: Numbering,
    sections: Vec<Section>,
}

impl Draft {
    fn add(&mut self, chapter: Chapter) {
        let is_filled = chapter.parts.iter().any(|part| match part {
            Part::Lead(_) => false,
            Part::Block(_) | Part::Plot(_) => true,
            Part::Table(table) => !table.rows.is_empty(),
        });
        if !is_filled {
            return;
        }
        let block = |part| match part {
            Part::Lead(block) | Part::Block(block) => Some(block),
            Part::Table(table) => self.numbering.table(table).map(Block::Table),
            Part::Plot(plot) => Some(Block::Figure(self.numbering.figure(&plot))),
        };
        let blocks = chapter.parts.into_iter().filter_map(block).collect();
        let number = (self.sections.len() + 1).to_string();
        self.sections.push(Section {
            id: chapter.id.into(),
            level: 1,
            number,
            heading: chapter.heading.into(),
            blocks,
        });
    }
}
