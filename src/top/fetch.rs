//! A report over plain HTTP: one address, no redirects, no proxy, limits on time and length.

use std::time::Duration;

use plimsoll_memory::report::Report;
use plimsoll_memory::report::publish::REPORT_MAX_BYTES;
use ureq::Agent;

use super::TopError;

/// An address, and what fetches from it. The connection stays open between two looks.
#[derive(Debug)]
pub(crate) struct Address {
    text: String,
    agent: Agent,
}

impl Address {
    /// An address that was given, and how long one answer may take, its whole body included.
    pub(super) fn new(text: &str, timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(timeout))
            .user_agent(concat!("memcalc/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .build();
        Self { text: text.to_owned(), agent: config.new_agent() }
    }

    pub(super) fn fetch(&self) -> Result<Report, TopError> {
        let address = || self.text.escape_debug().to_string();
        let failed = |error: ureq::Error| match error {
            ureq::Error::BodyExceedsLimit(_) => {
                TopError::TooLarge { address: address(), limit_bytes: REPORT_MAX_BYTES }
            }
            other => TopError::Connection { address: address(), why: words(&other) },
        };
        let mut response = self.agent.get(&self.text).call().map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            let location = response.headers().get("location");
            let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            return Err(TopError::Status { address: address(), status: status.as_u16(), location });
        }
        let body = response.body_mut().with_config().limit(REPORT_MAX_BYTES).read_to_vec().map_err(failed)?;
        Report::from_json(&body).map_err(|error| TopError::Malformed { address: address(), error })
    }
}

/// What happened, as people say it.
fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "it did not answer in full within the time (--timeout)".to_owned(),
        ureq::Error::HostNotFound => "the host is not known".to_owned(),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "that is no address".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Protocol(error) => format!("what answers there does not speak HTTP: {error}"),
        other => other.to_string(),
    }
}
