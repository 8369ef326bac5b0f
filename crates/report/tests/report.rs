//! The report of a whole study, file by file.

mod fixture;

use cohort::{Caveat, CaveatCode, Interval, NotEstimable};
use report::{ReportFile, json, render};
use study::StudyResult;
use study::protocol::TimeTransform;
use study::protocol::{BootstrapMethod, BootstrapScope};
use study::result::{
    BootstrapKind, BootstrapOutline, BootstrapRow, CoefficientOverTime, Label, Quantity,
    ReplicateHistogram, StepOutline, VariableOutline,
};

const DASH: char = '\u{2014}';

fn text(files: &[ReportFile], path: &str) -> String {
    let file = files.iter().find(|file| file.path == path).expect("the file is part of the report");
    String::from_utf8(file.bytes.clone()).expect("reports are UTF-8")
}

fn cell(table: &str, row: &str, column: usize) -> String {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let found = reader
        .records()
        .map(|record| record.expect("a table is CSV"))
        .find(|record| record.iter().collect::<Vec<_>>().join("|").starts_with(row));
    found.expect("the row is in the table")[column].to_owned()
}

#[test]
fn every_id_that_is_looked_up_exists() {
    for file in render(&fixture::rotterdam()) {
        let text = String::from_utf8(file.bytes).unwrap();
        assert!(!text.contains(DASH), "{} has a number that is missing", file.path);
    }
}

#[test]
fn a_missing_id_prints_a_dash() {
    let mut result = fixture::rotterdam();
    result.quantities.clear();
    result.curves.clear();
    let files = render(&result);
    assert!(text(&files, "report.html").contains(DASH));
    assert_eq!(cell(&text(&files, "tables/survival.csv"), "Overall survival|All", 3), "\u{2014}");
}

#[test]
fn an_empty_result_gives_a_report() {
    let result = fixture::rotterdam();
    let empty = StudyResult {
        outline: study::result::Outline::default(),
        quantities: Vec::new(),
        curves: Vec::new(),
        caveats: Vec::new(),
        ..result
    };
    assert!(text(&render(&empty), "report.html").contains(">Methods</h2>"));
}

/// Numbers of R, rounded by hand.
#[test]
fn tables_print_the_numbers_of_r() {
    let files = render(&fixture::rotterdam());
    let survival = text(&files, "tables/survival.csv");
    let row = "Overall survival|All patients|hormonal treatment";
    assert_eq!(cell(&survival, row, 4), "159");
    assert_eq!(cell(&survival, row, 5), "94.2 (80.5-114.1)");
    let rates = text(&files, "tables/rates.csv");
    assert_eq!(cell(&rates, &format!("{row}|12"), 5), "97.3 (95.6-99.1)");
    let cox = text(&files, "tables/cox_os_all.csv");
    let exposed = |column| cell(&cox, "Arm|hormonal treatment|", column);
    assert_eq!([exposed(2), exposed(3)], ["1.511 (1.278-1.786)", "<0.0001"]);
    assert_eq!([exposed(4), exposed(5)], ["0.937 (0.788-1.114)", "0.459"]);
    assert_eq!(cell(&cox, "Arm|none|", 2), "1 (reference)");
    assert_eq!(
        cell(&cox, "Progesterone receptor", 4),
        "0.9996 (0.9994-0.9999)",
        "kept apart from its limits"
    );
    let variances = text(&files, "tables/cox_variances.csv");
    let row = "Overall survival|Matched patients|Univariable";
    assert_eq!(cell(&variances, row, 3), "0.807 (0.656-0.992)");
    assert_eq!(cell(&variances, row, 5), "0.807 (0.675-0.963)");
    let baseline = text(&files, "tables/baseline.csv");
    assert_eq!(cell(&baseline, "Age at surgery (years)|Mean (SD)", 2), "62.5 (9.9)");
    assert_eq!(cell(&baseline, "Age at surgery (years)||", 4), "<0.0001");
    assert_eq!(cell(&baseline, "Chemotherapy, n (%)", 2), "28 (8.3)");
}

/// With one endpoint its column is left out, and every title says of what it speaks.
/// Finite estimates of a monotone likelihood have a table of their own, and a doubt that is marked.
#[test]
fn finite_estimates_stand_beside_infinite_ones() {
    let mut result = fixture::rotterdam();
    assert!(!text(&render(&result), "report.html").contains("Firth"));
    let doubt = Caveat::new(CaveatCode::PenalisedLikelihood, "the likelihood is monotone in size");
    let quantity = |name: &str, value: f64| {
        Quantity::new(format!("os/all/cox_univariable/age/{name}"), Ok(value), "Firth")
    };
    let interval = Interval { lower: Ok(1.5), upper: Err(NotEstimable::Monotone) };
    let ratio = quantity("firth_hazard_ratio", 3.0).with_interval(interval, 0.95);
    result.quantities.push(ratio.with_caveats(vec![doubt]));
    result.quantities.push(quantity("firth_p_value", 0.031));
    let files = render(&result);
    let html = text(&files, "report.html");
    assert!(html.contains("Hazard ratios with Firth&#x27;s penalty"), "the table has a title");
    assert!(html.contains("the likelihood is monotone in size"));
    let table = text(&files, "tables/cox_firth.csv");
    let row = "Overall survival|All patients|Univariable|";
    assert_eq!(cell(&table, row, 3), "Age at surgery");
    assert!(cell(&table, row, 4).starts_with("3.000 (1.500 to "), "{}", cell(&table, row, 4));
    assert_eq!(cell(&table, row, 5), "0.031");
}

/// The way to a model whose terms were chosen is a table with a row per test.
#[test]
fn the_way_to_a_chosen_model_is_told() {
    let mut result = fixture::rotterdam();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let step = StepOutline {
        terms: names(&["hormon"]),
        removal: Vec::new(),
        entry: names(&["age"]),
        removed: None,
        entered: names(&["age"]),
    };
    let model = result.outline.models.iter_mut().find(|model| !model.is_screen).unwrap();
    model.steps = vec![step.clone(), StepOutline { terms: names(&["hormon", "age"]), ..step }];
    model.steps[1].entry.clear();
    let place = format!("os/{}/{}", model.population, model.analysis);
    for (name, value) in [("chi_squared", 4.0), ("df", 1.0), ("p_value", 0.0455)] {
        let id = format!("{place}/age/step_1_entry_{name}");
        result.quantities.push(Quantity::new(id, Ok(value), "likelihood-ratio test"));
    }
    let files = render(&result);
    let table = text(&files, "tables/cox_selection.csv");
    let row = |column| cell(&table, "Overall survival|", column);
    assert_eq!((row(3), row(4), row(5)), ("1".into(), "Age at surgery".into(), "entry".into()));
    assert_eq!((row(6), row(7), row(8)), ("4.00 (1)".into(), "0.046".into(), "enters".into()));
    let html = text(&files, "report.html");
    assert!(html.contains("Likelihood-ratio tests by which terms were chosen"));
    assert!(html.contains("hormonal treatment, Age at surgery."));
}

#[test]
fn titles_name_the_endpoint() {
    let html = text(&render(&fixture::rotterdam()), "report.html");
    assert!(html.contains("Main results: overall survival"));
    assert!(html.contains("Follow-up: overall survival"));
    assert!(html.contains("ties by Efron, model-based variance. Interaction"));
}

/// A binary variable whose levels nobody has named speaks of them as words everywhere.
#[test]
fn levels_0_and_1_read_no_and_yes() {
    let files = render(&fixture::rotterdam());
    let cox = text(&files, "tables/cox_os_all.csv");
    assert_eq!(cell(&cox, "Chemotherapy|no|", 2), "1 (reference)");
    assert_ne!(cell(&cox, "Chemotherapy|yes|", 2), "1 (reference)");
    assert_eq!(cell(&cox, "Grade|2|", 2), "1 (reference)");
    let html = text(&files, "report.html");
    assert!(html.contains("matched patients, Chemotherapy: yes"), "the title of its figure");
}

#[test]
fn what_is_not_reached_is_said_in_words() {
    let files = render(&fixture::rotterdam());
    let medians = text(&files, "tables/subgroup_medians_os_tumour.csv");
    assert_eq!(cell(&medians, "Grade|2|hormonal treatment", 4), "not reached");
    assert_eq!(cell(&medians, "Chemotherapy|yes|none", 4), "129.9 (66.9 to not reached)");
}

#[test]
fn quantities_are_flat_and_unrounded() {
    let result = fixture::rotterdam();
    let table = text(&render(&result), "tables/quantities.csv");
    assert_eq!(table.lines().count(), 1 + result.quantities.len());
    let id = "os/all/survival/hormon=1/median_log";
    assert_eq!(cell(&table, id, 1), "94.16016427104722");
}

#[test]
fn caveats_are_marked_and_collected() {
    let html = text(&render(&fixture::rotterdam()), "report.html");
    assert!(html.contains("<a href=\"#caveat-2\""), "the mark beside the number");
    assert!(html.contains("<li id=\"caveat-2\""), "the collected caveat");
    assert!(html.contains("Fewer than ten patients are at risk at 120 months."));
}

#[test]
fn a_notice_stands_on_the_page_and_in_every_figure() {
    let mut result = fixture::rotterdam();
    result.protocol.study.notice = Some("Invented <patients> & numbers.".into());
    let files = render(&result);
    let escaped = "Invented &lt;patients&gt; &amp; numbers.";
    let html = text(&files, "report.html");
    assert!(html.contains(&format!("<p class=\"notice\" role=\"note\">{escaped}</p>")));
    let n_figures = html.matches("<figure id=").count();
    assert_eq!(html.matches(&format!("<span class=\"reminder\">{escaped}")).count(), n_figures);
    for file in files.iter().filter(|file| file.path.starts_with("figures/")) {
        assert!(String::from_utf8_lossy(&file.bytes).contains(escaped), "{}", file.path);
    }
}

#[test]
fn labels_cannot_become_markup() {
    let mut result = fixture::rotterdam();
    let attack = "<script>alert(1)</script>";
    result.protocol.study.title = attack.into();
    result.outline.arms[0].label = attack.into();
    result.outline.variables[0].label = attack.into();
    result.outline.endpoints[0].label = attack.into();
    for file in render(&result).iter().filter(|file| !file.path.ends_with(".csv")) {
        assert!(!String::from_utf8_lossy(&file.bytes).contains(attack), "{}", file.path);
    }
}

#[test]
fn the_document_needs_no_other_file() {
    let html = text(&render(&fixture::rotterdam()), "report.html");
    for needle in ["<script src", "<link", "src=", "url(", "@import"] {
        assert!(!html.contains(needle), "{needle}");
    }
}

#[test]
fn methods_name_every_rule_in_force() {
    let html = text(&render(&fixture::rotterdam()), "report.html");
    for rule in fixture::rotterdam().protocol.survival.median_ci {
        let name = match rule {
            study::protocol::QuantileRule::Log => "rule log (",
            study::protocol::QuantileRule::Plain => "rule plain (",
            study::protocol::QuantileRule::LogLog => "rule log-log (",
            _ => "rule SPSS (",
        };
        assert!(html.contains(name), "{name}");
    }
    assert!(html.contains("Ties by Efron"));
    assert!(html.contains("caliper of 0.2 standard deviations"));
}

/// A study without matching is not told about a matched sample.
#[test]
fn methods_without_matching_do_not_speak_of_it() {
    let mut result = fixture::rotterdam();
    result.protocol.matching = None;
    let html = text(&render(&result), "report.html");
    assert!(html.contains("the pooled SD of both arms"));
    assert!(html.contains("The variance is model-based"));
    assert!(!html.contains("In the matched sample the variance"));
}

#[test]
fn rendering_is_deterministic_and_paths_are_distinct() {
    let result = fixture::rotterdam();
    let (first, second) = (render(&result), render(&result));
    assert_eq!(first, second);
    let mut paths: Vec<&str> = first.iter().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), first.len());
}

#[test]
fn json_is_read_back_as_the_same_result() {
    let result = fixture::rotterdam();
    let bytes = json(&result);
    assert!(bytes.ends_with(b"}\n"));
    assert_eq!(serde_json::from_slice::<StudyResult>(&bytes).unwrap(), result);
}

/// Hazard ratio and a median that is not reached in some replicates, in scope pipeline.
fn replicated() -> StudyResult {
    let mut result = fixture::rotterdam();
    let row = |name: &str, term: &str, kind| BootstrapRow {
        analysis: "bootstrap_pipeline".into(),
        term: term.into(),
        name: name.into(),
        time: None,
        label: name.into(),
        kind,
        methods: vec![BootstrapMethod::Percentile],
    };
    let outline = BootstrapOutline {
        endpoint: "os".into(),
        population: "matched".into(),
        scope: BootstrapScope::Pipeline,
        unit: "patients".into(),
        strata: Vec::new(),
        rows: vec![
            row("hazard_ratio", "hormon=1", BootstrapKind::HazardRatio),
            row("median", "hormon=1", BootstrapKind::Time),
        ],
        has_sets: true,
    };
    let limits = |upper| Interval { lower: Ok(0.9), upper };
    for (row, upper) in outline.rows.iter().zip([Ok(1.45), Err(NotEstimable::NotReached)]) {
        let id = |ending: &str| row.id(&outline, ending);
        let number = Quantity::new(id("percentile"), Ok(1.25), "bootstrap");
        result.quantities.push(number.with_interval(limits(upper), 0.95));
        for (ending, value) in [
            ("percentile_lower_error", Ok(0.0123)),
            ("percentile_upper_error", upper.map(|_| 0.0456)),
            ("n_failed", Ok(3.0)),
            ("n_infinite", Ok(0.0)),
            ("bias", Ok(-0.0321)),
        ] {
            result.quantities.push(Quantity::new(id(ending), value, "bootstrap"));
        }
    }
    for (at, name) in ["", "_mean", "_sd", "_min", "_q1", "_median", "_q3", "_max", "_n_failed"]
        .iter()
        .enumerate()
    {
        let id = format!("os/matched/bootstrap_pipeline/all/n_sets{name}");
        result.quantities.push(Quantity::new(id, Ok(300.0 + at as f64), "bootstrap"));
    }
    result.histograms.push(ReplicateHistogram {
        id: outline.rows[0].id(&outline, "replicates"),
        label: "Hazard ratio".into(),
        kind: BootstrapKind::HazardRatio,
        unit: None,
        n_replicates: 2000,
        n_failed: 3,
        n_infinite: 2,
        edges: vec![0.8, 1.2, 1.8],
        counts: vec![995, 1000],
    });
    result.outline.bootstraps.push(outline);
    result
}

/// The estimate and its limits stand in words and as lines, and nobody thinks that all replicates are in
/// the bars.
#[test]
fn replicates_are_drawn_with_their_limits() {
    let files = render(&replicated());
    let svg = text(&files, "figures/bootstrap-hazard-ratio-pipeline-os.svg");
    for words in [
        "Estimate 1.250",
        "95% limits, percentile: 0.900-1.450",
        "No effect: 1",
        "2000 replicates, of which 3 without an answer and 2 infinite are in no bar.",
    ] {
        assert!(svg.contains(&format!(">{words}</text>")), "{words}");
    }
    let html = text(&files, "report.html");
    let chapter = html.split("<section id=\"bootstrap\"").nth(1).unwrap();
    assert!(chapter.find("<figure").unwrap() < chapter.find("<table").unwrap());
    assert!(!text(&render(&fixture::rotterdam()), "report.html").contains("figure-bootstrap"));
}

/// The exposure of the primary model, then the terms of a model with several, those in doubt first: six
/// of eleven are drawn, the others named.
#[test]
fn coefficients_over_time_are_drawn() {
    let mut result = fixture::rotterdam();
    let series = |id: String, label: &str| CoefficientOverTime {
        id,
        label: label.into(),
        transform: TimeTransform::Km,
        confidence: 0.95,
        n_events: 4,
        every: 2,
        event_time: vec![10.0, 30.0],
        event_scale: vec![0.2, 0.6],
        residual: vec![-1.0, 2.0],
        time: vec![10.0, 20.0, 30.0],
        scale: vec![0.2, 0.4, 0.6],
        value: vec![0.0, 0.1, 0.2],
        lower: vec![-0.5, -0.4, -0.3],
        upper: vec![0.5, 0.6, 0.7],
        not_estimable: None,
    };
    for model in result.outline.models.iter().filter(|model| model.analysis != "cox_selected") {
        for term in model.terms.iter().filter(|term| !model.is_screen || term.id == "hormon=1") {
            let place = format!("{}/{}/{}", model.endpoint, model.population, model.analysis);
            let id = format!("{place}/{}/over_time", term.id);
            result.over_time.push(series(id, &term.label));
        }
    }
    for quantity in &mut result.quantities {
        if quantity.id.ends_with("/chemo/proportional_hazards_p_value") {
            quantity.value = Some(0.004);
        }
    }
    let files = render(&result);
    let svg = text(&files, "figures/residuals-os-matched.svg");
    let titles = [
        "hormonal treatment alone: P = 0.090",
        "hormonal treatment: P = 0.090",
        "Chemotherapy: P = 0.0040",
        "Postmenopausal: P = 0.090",
    ];
    let places = titles.map(|title| svg.find(&format!(">{title}</text>")).expect(title));
    assert!(places.is_sorted());
    assert_eq!(svg.matches("P = 0.090</text>").count(), 5);
    assert_eq!(svg.matches("Time (months), scale of the test</text>").count(), 6);
    let html = text(&files, "report.html");
    for words in [
        "Of the 4 events one in 2 has its circle.",
        "the other terms: the model &quot;All variables&quot;.",
        "The exposure stands first, then the other terms by ascending P.",
        "Not drawn, but part of report.json: Tumour size (mm): &gt;50, Grade: 3, ",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let narrow = text(&files, "figures/residuals-os-matched-one-column.svg");
    assert_eq!(narrow.matches("P = 0.090</text>").count(), 5);
}

/// A level that stands alone has its name, and the caption names the level that P compares it with; the
/// ratio of all pairs has another variance than those within levels.
#[test]
fn a_level_that_stands_alone_is_named() {
    let mut result = fixture::rotterdam();
    let chemo = &mut result.outline.subgroups[0].variables[2];
    chemo.levels.retain(|level| level.id.ends_with("=1]"));
    let files = render(&result);
    for name in ["figures/forest-os-tumour.svg", "figures/forest-os-tumour-one-column.svg"] {
        assert!(text(&files, name).contains(">Chemotherapy: yes</text>"), "{name}");
    }
    let html = text(&files, "report.html");
    for words in [
        "model-based variance, those of the diamond by one that is robust to matched pairs",
        "It compares all levels of a variable, also those that have no row: Chemotherapy: no.",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let whole = render(&fixture::rotterdam());
    assert!(!text(&whole, "report.html").contains("that have no row"));
}

/// Two sites stand in the boxes of the flow of patients; many are left to the table.
#[test]
fn few_sites_stand_in_the_flow_of_patients() {
    let drawn = |n_sites: usize| {
        let mut result = fixture::rotterdam();
        let level = |site: usize| Label { id: format!("site={site}"), label: format!("S{site}") };
        let levels: Vec<Label> = (1..=n_sites).map(level).collect();
        for (site, label) in levels.iter().enumerate() {
            for (step, name) in [("source", "n"), ("complete", "n"), ("complete", "n_excluded")] {
                let id = format!("study/all/flow/{step}/{}/{name}", label.id);
                result.quantities.push(Quantity::count(id, 100 + site));
            }
        }
        result.outline.site = Some(VariableOutline {
            id: "site".into(),
            label: "Hospital".into(),
            unit: None,
            levels,
            test: None,
        });
        text(&render(&result), "figures/flow.svg")
    };
    let few = drawn(2);
    let small = "font-size=\"7\" fill=\"#222222\"";
    assert_eq!(few.matches("S1:\u{a0}100; S2:\u{a0}101</text>").count(), 3);
    assert_eq!(few.matches(small).count(), 3, "two boxes, and who was left out");
    assert!(few.contains("Small type: patients by arm and by hospital."));
    let many = drawn(9);
    assert!(!many.contains("S1:") && many.contains("The counts of the 9 sites stand in the table"));
}

/// Three levels of a category stand below it in the figure of balance; sixty are left out, which is said.
#[test]
fn many_levels_are_left_out_of_the_figure_of_balance() {
    let mut result = fixture::rotterdam();
    let few = text(&render(&result), "figures/love.svg");
    assert!(few.contains(">20-50</text>") && few.contains("Small circles: each level"));
    let size = result.outline.variables.iter_mut().find(|known| known.id == "size").unwrap();
    let level = |level: usize| Label { id: format!("size={level}"), label: format!("L{level}") };
    size.levels.extend((0..60).map(level));
    let many = text(&render(&result), "figures/love.svg");
    assert!(!many.contains(">20-50</text>") && many.contains("too many to be drawn"));
}

/// What no design has made comparable is called unadjusted, in the figure and in its legend.
#[test]
fn curves_before_matching_are_unadjusted() {
    let files = render(&fixture::rotterdam());
    for (name, is_unadjusted) in [("km-os-all", true), ("km-os-matched", false)] {
        let svg = text(&files, &format!("figures/{name}.svg"));
        assert_eq!(svg.contains(">Unadjusted</text>"), is_unadjusted, "{name}");
        assert_eq!(svg.contains("no design has made these groups comparable"), is_unadjusted);
        assert!(svg.contains("hormonal treatment: n = 339, "), "who is in it");
    }
}

#[test]
fn limits_from_replicates_stand_beside_those_without() {
    let files = render(&replicated());
    let table = text(&files, "tables/bootstrap.csv");
    let ratio = "Overall survival|pipeline|hazard_ratio|percentile";
    assert_eq!(cell(&table, ratio, 4), "1.250 (0.900-1.450)");
    assert_eq!([5, 6, 7].map(|column| cell(&table, ratio, column)), ["0.0123", "0.0456", "3"]);
    let without = text(&files, "tables/cox_os_matched.csv");
    assert_eq!(cell(&table, ratio, 9), "-0.0321");
    assert_eq!(cell(&table, ratio, 10), cell(&without, "Arm|hormonal treatment|", 2));
    let median = "Overall survival|pipeline|median|percentile";
    assert_eq!(cell(&table, median, 4), "1.3 (0.9 to not reached)");
    let document: Vec<String> = report::document(&replicated())
        .blocks()
        .flat_map(|block| block.texts().into_iter().map(ToString::to_string).collect::<Vec<_>>())
        .collect();
    let document = document.join(" ");
    let sets = "the study has 300 pairs; replicates have 301.0 on average (SD 302.0)";
    for words in
        [sets, "Abadie and Imbens (2008", "Austin and Small (2014)", "308 replicates have no"]
    {
        assert!(document.contains(words), "{words}");
    }
    assert!(!document.contains(DASH));
}

#[test]
fn ids_that_are_missing_are_named() {
    let mut result = fixture::rotterdam();
    assert_eq!(report::missing(&result), [""; 0]);
    let id = "os/matched/cox_univariable/hormon=1/hazard_ratio";
    result.quantities.retain(|quantity| quantity.id != id);
    assert_eq!(report::missing(&result), [id]);
}
