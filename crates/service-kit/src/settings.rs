//! What an operator may set on every service, with its defaults.
//! Each field is a command line option and an environment variable.

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use clap::{Args, Command, FromArgMatches, ValueEnum};

/// Largest message that servers and clients accept unless told otherwise, in bytes (64 MiB).
pub const MESSAGE_LIMIT: usize = 64 << 20;

/// Memory for cohorts that requests name by digest unless told otherwise, in bytes (512 MiB): twice a
/// million rows of thirty columns.
pub const COHORT_BYTES: usize = 512 << 20;

/// Largest cohort that goes along with each question unless told otherwise, in bytes (1 MiB).
pub const INLINE_BYTES: usize = 1 << 20;

/// Settings of a service. A binary with options of its own flattens them into its arguments.
#[derive(Args, Clone, Debug)]
#[command(about = None, long_about = None)]
pub struct Settings {
    /// Address on which the service listens.
    #[arg(long, env = "EQUIPOISE_LISTEN", default_value = "127.0.0.1:50051")]
    pub listen: SocketAddr,
    /// Address of a second listener that serves health alone, always in plain text.
    #[arg(long, env = "EQUIPOISE_ADMIN_LISTEN")]
    pub admin_listen: Option<SocketAddr>,
    /// Threads for computations; absent means the CPUs that the container may use.
    #[arg(long, env = "EQUIPOISE_THREADS")]
    pub threads: Option<NonZeroUsize>,
    /// Computations that may wait for a thread before calls are turned away.
    #[arg(long, env = "EQUIPOISE_QUEUE", default_value_t = 64)]
    pub queue: usize,
    /// Largest message in either direction, in bytes.
    #[arg(long, env = "EQUIPOISE_MESSAGE_LIMIT_BYTES", default_value_t = MESSAGE_LIMIT)]
    pub message_limit_bytes: usize,
    /// Memory in bytes for cohorts that requests name by digest, those being uploaded included. The
    /// one used least recently goes first; one that is larger is refused.
    #[arg(long, env = "EQUIPOISE_COHORT_BYTES", default_value_t = COHORT_BYTES)]
    pub cohort_bytes: usize,
    /// Largest cohort in bytes that goes along with each question to another service; a larger one is
    /// sent once and named by its digest from then on. Of use to the coordinator.
    #[arg(long, env = "EQUIPOISE_INLINE_BYTES", default_value_t = INLINE_BYTES)]
    pub inline_bytes: usize,
    /// Seconds between reporting "not serving" and the drain, for load balancers to notice.
    #[arg(long, env = "EQUIPOISE_PAUSE_SECONDS", default_value = "0", value_parser = seconds)]
    pub pause: Duration,
    /// Longest time in seconds that calls in flight may take to finish at shutdown.
    #[arg(long, env = "EQUIPOISE_DRAIN_SECONDS", default_value = "10", value_parser = seconds)]
    pub drain: Duration,
    /// Form of the log lines on standard error.
    #[arg(long, env = "EQUIPOISE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What is logged, in the directives of `tracing` such as `info,service_kit=debug`.
    #[arg(long, env = "EQUIPOISE_LOG", default_value = "info")]
    pub log: String,
}

/// Form of the log lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line, for collectors.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            admin_listen: None,
            threads: None,
            queue: 64,
            message_limit_bytes: MESSAGE_LIMIT,
            cohort_bytes: COHORT_BYTES,
            inline_bytes: INLINE_BYTES,
            pause: Duration::ZERO,
            drain: Duration::from_secs(10),
            log_format: LogFormat::Text,
            log: "info".to_owned(),
        }
    }
}

impl Settings {
    /// Reads the settings from the command line and the environment of the process.
    ///
    /// `listen` replaces the default address, so that services can run side by side. Prints
    /// help or the fault and ends the process where the command line asks for it, as clap does.
    pub fn parse(name: &'static str, version: &'static str, listen: &'static str) -> Self {
        let matches = command(name, version, listen).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

fn command(name: &'static str, version: &'static str, listen: &'static str) -> Command {
    Settings::augment_args(Command::new(name).version(version))
        .mut_arg("listen", |argument| argument.default_value(listen))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Settings, clap::Error> {
        let matches = command("probe", "0", "127.0.0.1:1").try_get_matches_from(arguments)?;
        Settings::from_arg_matches(&matches)
    }

    /// Two places state the defaults; a service that is started and one that is embedded must not
    /// differ in them, except for the address.
    #[test]
    fn the_command_line_has_the_defaults_of_the_struct() {
        let listen = SocketAddr::from(([127, 0, 0, 1], 1));
        let expected = Settings { listen, ..Settings::default() };
        assert_eq!(format!("{:?}", parsed(&["probe"]).unwrap()), format!("{expected:?}"));
    }

    #[test]
    fn seconds_may_be_fractions_but_not_negative() {
        let settings = parsed(&["probe", "--drain", "0.5"]).unwrap();
        assert_eq!(settings.drain, Duration::from_millis(500));
        assert!(parsed(&["probe", "--drain=-1"]).is_err());
    }
}
