#![allow(clippy::unwrap_used)]
use bootstrap::{Units, replicate, units};
use cohort::{Drawn, Replicated, Statistic};
use pipeline::{Bootstrap, Pipeline, Question, Scope, prepare};
use std::fmt::Write;

struct Counted(usize);
impl Statistic for Counted {
    type Scratch = ();
    fn n_subjects(&self) -> usize {
        self.0
    }
    fn n_quantities(&self) -> usize {
        self.0
    }
    fn scratch(&self) {}
    fn evaluate(&self, drawn: &Drawn, (): &mut (), answers: &mut [Replicated]) {
        for (replicate, answers) in answers.chunks_mut(self.0).enumerate() {
            for (answer, count) in answers.iter_mut().zip(drawn.replicate(replicate)) {
                *answer = Replicated::value(Ok(count));
            }
        }
    }
}

#[test]
fn export() {
    for (name, file, table) in
        [("her2", "study.toml", "cohort.csv"), ("rotterdam", "study.toml", "rotterdam.csv")]
    {
        let folder = format!("{}/../../tests/studies/{name}", env!("CARGO_MANIFEST_DIR"));
        let study = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        let study = study.replace("replicates = 2000", "replicates = 300");
        let rows = std::fs::read(format!("{folder}/{table}")).unwrap();
        let mut pipeline = Pipeline::new(prepare(study.as_bytes(), &rows).unwrap());
        while !pipeline.is_done() {
            for task in pipeline.ready() {
                if let Question::Bootstrap { query, .. } = &task.question {
                    let n = query.plan.n_replicates();
                    let begin = std::time::Instant::now();
                    let boot = Bootstrap::read(&task.cohort, &task.selection, query).unwrap();
                    println!("{name} {} read {:?}", task.key, begin.elapsed());
                    let begin = std::time::Instant::now();
                    let found = boot.replicates(0..n).unwrap();
                    println!("{name} {} {n} replicates in {:?}", task.key, begin.elapsed());
                    if query.scope != Scope::Outcome {
                        let who: Units =
                            units(&task.cohort, &task.selection, &query.units).unwrap();
                        let counts =
                            replicate(&Counted(task.selection.len()), &who, query.plan, 0..n)
                                .unwrap();
                        let mut text = task
                            .selection
                            .rows()
                            .iter()
                            .map(|&row| task.cohort.id(row).to_string())
                            .collect::<Vec<_>>()
                            .join(",");
                        for counts in counts.answers.chunks(task.selection.len()) {
                            let line: Vec<String> =
                                counts.iter().map(|c| c.value.unwrap().to_string()).collect();
                            write!(text, "\n{}", line.join(",")).unwrap();
                        }
                        std::fs::write(format!("/tmp/scope/{name}_counts.csv"), text).unwrap();
                        let names: Vec<String> =
                            boot.names().into_iter().map(|(n, _)| n.replace(',', ";")).collect();
                        let mut text = names.join(",");
                        for values in found.answers.chunks(found.n_quantities) {
                            let line: Vec<String> = values
                                .iter()
                                .map(|v| {
                                    v.value.map_or("NA".into(), |v| {
                                        if v.is_infinite() { "Inf".into() } else { v.to_string() }
                                    })
                                })
                                .collect();
                            write!(text, "\n{}", line.join(",")).unwrap();
                        }
                        std::fs::write(format!("/tmp/scope/{name}_values.csv"), text).unwrap();
                    }
                }
                let answer = task.evaluate().unwrap();
                pipeline.answer(&task.key, answer).unwrap();
            }
        }
    }
}
