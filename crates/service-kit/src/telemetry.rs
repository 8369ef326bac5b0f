//! Logs on standard error. No code of ours logs a message body or the payload of a panic:
//! both can hold data of patients.

use std::{io, panic};

use tracing_subscriber::{EnvFilter, fmt};

use crate::{LogFormat, Settings};

/// Starts logging as the settings say. Does nothing if the process already logs.
///
/// Directives that cannot be read are skipped.
pub fn init(settings: &Settings) {
    let filter = EnvFilter::builder().parse_lossy(&settings.log);
    let logs = fmt().with_env_filter(filter).with_writer(io::stderr);
    // An error means that a subscriber is set: the tests of a binary, or an embedding program.
    let _ = match settings.log_format {
        LogFormat::Text => logs.with_ansi(false).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
}

/// Makes panics log their place only, since the message of a panic may quote a value.
pub fn quiet_panics() {
    panic::set_hook(Box::new(|panic| match panic.location() {
        Some(place) => tracing::error!(file = place.file(), line = place.line(), "panic"),
        None => tracing::error!("panic"),
    }));
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The hook belongs to the whole process, so it is put back before anything is asserted.
    #[test]
    fn a_quiet_panic_tells_its_place_but_not_its_text() {
        let captured = Captured::default();
        let writer = captured.clone();
        let logs = fmt().with_writer(move || writer.clone()).finish();
        let usual = panic::take_hook();
        quiet_panics();
        let outcome = tracing::subscriber::with_default(logs, || {
            panic::catch_unwind(|| panic!("age of {}", "secret"))
        });
        panic::set_hook(usual);
        assert!(outcome.is_err());
        let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("telemetry.rs"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
