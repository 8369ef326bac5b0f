//! The flags of `equipoise load`.

use crate::{Arrivals, Kind, Limits, LoadPlan, Replicates, Service, Target};
use clap::ValueEnum;
use service_kit::MESSAGE_LIMIT;
use std::path::PathBuf;
use std::time::Duration;

/// Largest seed: every language can hold it.
const LARGEST_SEED: u64 = (1 << 53) - 1;

/// Arguments of a load test.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// The study file, or the folder in which it is called study.toml.
    pub study: PathBuf,
    /// Address of a server; with a service in front, such as bootstrap=http://127.0.0.1:50055, that of
    /// this service alone. May be given several times: calls take the addresses in turn.
    #[arg(
        long = "target",
        value_name = "[SERVICE=]URL",
        env = "EQUIPOISE_LOAD_TARGETS",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:50051",
        value_parser = target
    )]
    targets: Vec<Target>,
    /// Connections to each target; behind one address of several pods, at least as many as pods.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Kinds of calls and how often they come, such as curves=4,cox=2,replicates-ratio=1: propensity,
    /// match, weigh, balance, hidden-bias, curves, compare, cox, screen, select, contrast, follow-up,
    /// over-time, piecewise, replicates-ratio, replicates-median, replicates-model, replicates-outcome,
    /// replicates-pipeline, intervals, study.
    #[arg(
        long,
        value_name = "KIND[=WEIGHT]",
        value_delimiter = ',',
        default_value = "replicates-ratio",
        value_parser = share
    )]
    mix: Vec<(Kind, f64)>,
    /// Calls a second: one rate, several for one step each (10,20,40), or a range in so many steps that
    /// grow by one factor (10..160/5).
    #[arg(long, value_name = "RATES", default_value = "10", value_parser = rates)]
    rate: Rates,
    /// Seconds of each step that are measured.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = positive_seconds)]
    duration: Duration,
    /// Seconds of each step before that, which do not count.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    warm_up: Duration,
    /// How calls are spread over time.
    #[arg(long, value_enum, default_value_t = Arrivals::Poisson)]
    arrivals: Arrivals,
    /// Seed of times, kinds and replicates.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    /// Calls that may be under way at a time; what exceeds it waits, and counts as not sent when half
    /// of its time has passed.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: u32,
    /// Seconds that each call has, from when it is due.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = positive_seconds)]
    deadline: Duration,
    /// Replicates of each call that has any.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    replicates: u32,
    /// Compare every answer with the first to the same request.
    #[arg(long)]
    compare_answers: bool,
    /// Largest share of calls without a right answer of a step that counts as sustained.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share_of_one)]
    error_limit: f64,
    /// Largest 99th percentile of the latency of such a step, in milliseconds [default: any].
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    latency_limit: Option<Duration>,
    /// Exit with 1 unless every step is sustained.
    #[arg(long)]
    pub require_sustained: bool,
    /// File for the report as JSON; - is standard output, in the place of the text.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the requests into this new folder for other load generators, and send none.
    #[arg(long, value_name = "DIR")]
    pub write_requests: Option<PathBuf>,
    /// Largest message in either direction, in bytes.
    #[arg(long, env = "EQUIPOISE_MESSAGE_LIMIT_BYTES", default_value_t = MESSAGE_LIMIT)]
    message_limit_bytes: usize,
}

/// The rates of the steps.
#[derive(Clone, Debug, PartialEq)]
struct Rates(Vec<f64>);

impl Arguments {
    /// What the flags ask for.
    #[must_use]
    pub fn plan(&self) -> LoadPlan {
        LoadPlan {
            targets: self.targets.clone(),
            n_connections: usize::from(self.connections),
            mix: self.mix.clone(),
            rates: self.rate.0.clone(),
            arrivals: self.arrivals,
            seed: self.seed,
            warm_up: self.warm_up,
            duration: self.duration,
            in_flight: self.in_flight as usize,
            deadline: self.deadline,
            compare_answers: self.compare_answers,
            limits: Limits { error_share: self.error_limit, latency: self.latency_limit },
            message_limit_bytes: self.message_limit_bytes,
        }
    }

    /// How bootstraps are asked for.
    #[must_use]
    pub fn replicates(&self) -> Replicates {
        Replicates { n: self.replicates, seed: self.seed }
    }
}

fn target(text: &str) -> Result<Target, String> {
    match text.split_once('=') {
        Some((service, address)) => {
            let service = Service::from_str(service, false)?;
            Ok(Target { service: Some(service), address: address.to_owned() })
        }
        None => Ok(Target { service: None, address: text.to_owned() }),
    }
}

fn share(text: &str) -> Result<(Kind, f64), String> {
    let (kind, weight) = text.split_once('=').unwrap_or((text, "1"));
    Ok((Kind::from_str(kind, false)?, positive(weight)?))
}

fn rates(text: &str) -> Result<Rates, String> {
    match text.split_once("..") {
        None => Ok(Rates(text.split(',').map(positive).collect::<Result<_, _>>()?)),
        Some((from, to)) => {
            let (to, steps) =
                to.split_once('/').ok_or("a range needs a number of steps: 10..160/5")?;
            let (from, to) = (positive(from)?, positive(to)?);
            let steps: u32 = steps.parse().map_err(|_| "the number of steps is no number")?;
            if steps < 2 || from >= to {
                return Err("a range goes up in at least 2 steps".to_owned());
            }
            let factor = (to / from).powf(1.0 / f64::from(steps - 1));
            Ok(Rates((0..steps).map(|step| from * factor.powf(f64::from(step))).collect()))
        }
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| format!("{text} is no number"))
}

fn positive(text: &str) -> Result<f64, String> {
    let number = number(text)?;
    let is_positive = number.is_finite() && 0.0 < number;
    if is_positive { Ok(number) } else { Err("must be finite and above 0".to_owned()) }
}

fn share_of_one(text: &str) -> Result<f64, String> {
    let share = number(text)?;
    let is_share = (0.0..=1.0).contains(&share);
    if is_share { Ok(share) } else { Err("must lie between 0 and 1".to_owned()) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(number(text)?).map_err(|error| error.to_string())
}

fn positive_seconds(text: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(positive(text)?).map_err(|error| error.to_string())
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(positive(text)? / 1e3).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_lists_or_ranges() {
        assert_eq!(rates("10"), Ok(Rates(vec![10.0])));
        assert_eq!(rates("10,20.5"), Ok(Rates(vec![10.0, 20.5])));
        let Rates(range) = rates("10..160/5").unwrap();
        let expected = [10.0, 20.0, 40.0, 80.0, 160.0];
        assert!(range.iter().zip(expected).all(|(rate, known)| (rate - known).abs() < 1e-9));
        for wrong in ["0", "-1", "x", "10..20", "20..10/3", "10..20/1", "inf", "1,,2"] {
            assert!(rates(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn kinds_have_weights_and_targets_have_services() {
        assert_eq!(share("curves=4"), Ok((Kind::Curves, 4.0)));
        assert_eq!(share("hidden-bias"), Ok((Kind::HiddenBias, 1.0)));
        assert!(share("curve").is_err() && share("curves=0").is_err());
        let named = Target { service: Some(Service::Bootstrap), address: "http://b:1".into() };
        assert_eq!(target("bootstrap=http://b:1"), Ok(named));
        assert!(target("boot=http://b:1").is_err());
    }
}
