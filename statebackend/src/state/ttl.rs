//! Time to live: when an entry is too old to be seen.

/// How long an entry lives, as `StateTtlConfig` of Flink. Processing time; the time is what the backend was last told
/// by
/// [`set_now_ms`](crate::KeyedBackend::set_now_ms).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl {
    /// Milliseconds from the last update.
    pub lives_ms: i64,
    /// What counts as an update. Default = [`TtlUpdate::OnWrite`].
    pub update: TtlUpdate,
    /// Whether what is expired and still there is seen. Default = [`TtlVisibility::Never`].
    pub visibility: TtlVisibility,
}

/// What makes an entry young again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlUpdate {
    /// To be made or written (`OnCreateAndWrite`).
    OnWrite,
    /// To be read, too (`OnReadAndWrite`).
    OnReadAndWrite,
}

/// Whether an expired entry is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlVisibility {
    /// It never is (`NeverReturnExpired`).
    Never,
    /// It is while it has not been cleaned up (`ReturnExpiredIfNotCleanedUp`): once, since reading it cleans it up.
    WhileThere,
}

impl Ttl {
    /// Entries that live so many milliseconds after they were last written, and are not seen after that.
    pub const fn of_ms(lives_ms: i64) -> Self {
        Self { lives_ms, update: TtlUpdate::OnWrite, visibility: TtlVisibility::Never }
    }

    /// Whether an entry that was last updated at `stamp_ms` is expired. As in Flink it is when its time has come
    /// (`<=`), and a sum that overflows never comes.
    pub const fn is_expired(&self, stamp_ms: i64, now_ms: i64) -> bool {
        match stamp_ms.checked_add(self.lives_ms) {
            Some(end_ms) => end_ms <= now_ms,
            None => false,
        }
    }

    /// Whether a read makes it young again.
    pub(crate) fn touches(&self) -> bool {
        self.update == TtlUpdate::OnReadAndWrite
    }

    /// Whether an expired entry is seen.
    pub(crate) fn shows_expired(&self) -> bool {
        self.visibility == TtlVisibility::WhileThere
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expires_when_its_time_has_come() {
        let ttl = Ttl::of_ms(100);
        assert!(!ttl.is_expired(50, 149) && ttl.is_expired(50, 150));
        assert!(!Ttl::of_ms(i64::MAX).is_expired(1, i64::MAX));
    }
}
