//! Reducing and aggregating state: one value that everything that is added is folded into.

use super::value::ValueState;
use crate::StateError;
use crate::serializer::{KeySerializer, Serializer, Unit};

/// State whose value is all that was added, reduced.
pub struct ReducingState<K: KeySerializer, S: Serializer, F, N: KeySerializer = Unit> {
    value: ValueState<K, S, N>,
    reduce: F,
}

impl<K: KeySerializer, S: Serializer, F, N: KeySerializer> ReducingState<K, S, F, N>
where
    F: Fn(&S::Value, &S::Value) -> S::Value,
{
    pub(crate) fn new(value: ValueState<K, S, N>, reduce: F) -> Self {
        Self { value, reduce }
    }

    /// The reduced value; `None` before anything was added.
    ///
    /// # Errors
    /// As [`ValueState::get`].
    #[inline]
    pub fn get(&self, key: &K::Value, namespace: &N::Value) -> Result<Option<S::Value>, StateError> {
        self.value.get(key, namespace)
    }

    /// Adds a value.
    ///
    /// # Errors
    /// As [`ValueState::update`].
    #[inline]
    pub fn add(&self, key: &K::Value, namespace: &N::Value, value: &S::Value) -> Result<(), StateError> {
        self.value.update(key, namespace, |old| {
            Some(old.map_or_else(|| value.clone(), |old| (self.reduce)(&old, value)))
        })
    }

    /// Removes the value.
    ///
    /// # Errors
    /// As [`ValueState::remove`].
    pub fn remove(&self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        self.value.remove(key, namespace)
    }

    /// Reduces the values of other namespaces of a key into one, and removes them, as merging windows do.
    ///
    /// # Errors
    /// As [`ValueState::update`].
    pub fn merge_namespaces(
        &self,
        key: &K::Value,
        target: &N::Value,
        sources: &[N::Value],
    ) -> Result<(), StateError> {
        for source in sources.iter().filter(|source| *source != target) {
            if let Some(value) = self.value.get(key, source)? {
                self.add(key, target, &value)?;
                self.value.remove(key, source)?;
            }
        }
        Ok(())
    }
}

/// How values are aggregated: Flink's `AggregateFunction`.
pub trait AggregateFunction: Clone + 'static {
    /// What is added.
    type Input;
    /// What is kept.
    type Accumulator: Clone;
    /// What comes out.
    type Output;

    /// An accumulator that nothing was added to.
    fn create(&self) -> Self::Accumulator;

    /// The accumulator with one more value.
    fn add(&self, accumulator: Self::Accumulator, input: &Self::Input) -> Self::Accumulator;

    /// What comes out of it.
    fn result(&self, accumulator: &Self::Accumulator) -> Self::Output;

    /// One accumulator of two, as merging windows need it.
    fn merge(&self, one: Self::Accumulator, other: Self::Accumulator) -> Self::Accumulator;
}

/// State whose value is an accumulator of all that was added.
pub struct AggregatingState<K: KeySerializer, S: Serializer, A, N: KeySerializer = Unit> {
    accumulator: ValueState<K, S, N>,
    function: A,
}

impl<K: KeySerializer, S: Serializer, A, N: KeySerializer> AggregatingState<K, S, A, N>
where
    A: AggregateFunction<Accumulator = S::Value>,
{
    pub(crate) fn new(accumulator: ValueState<K, S, N>, function: A) -> Self {
        Self { accumulator, function }
    }

    /// The result; `None` before anything was added.
    ///
    /// # Errors
    /// As [`ValueState::get`].
    pub fn get(&self, key: &K::Value, namespace: &N::Value) -> Result<Option<A::Output>, StateError> {
        let accumulator = self.accumulator.get(key, namespace)?;
        Ok(accumulator.map(|accumulator| self.function.result(&accumulator)))
    }

    /// Adds a value.
    ///
    /// # Errors
    /// As [`ValueState::update`].
    #[inline]
    pub fn add(&self, key: &K::Value, namespace: &N::Value, input: &A::Input) -> Result<(), StateError> {
        self.accumulator.update(key, namespace, |old| {
            Some(self.function.add(old.unwrap_or_else(|| self.function.create()), input))
        })
    }

    /// Removes the accumulator.
    ///
    /// # Errors
    /// As [`ValueState::remove`].
    pub fn remove(&self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        self.accumulator.remove(key, namespace)
    }

    /// Merges the accumulators of other namespaces of a key into one, and removes them, as merging windows do.
    ///
    /// # Errors
    /// As [`ValueState::update`].
    pub fn merge_namespaces(
        &self,
        key: &K::Value,
        target: &N::Value,
        sources: &[N::Value],
    ) -> Result<(), StateError> {
        for source in sources.iter().filter(|source| *source != target) {
            let Some(other) = self.accumulator.get(key, source)? else { continue };
            self.accumulator.update(key, target, |old| {
                Some(match old {
                    Some(old) => self.function.merge(old, other),
                    None => other,
                })
            })?;
            self.accumulator.remove(key, source)?;
        }
        Ok(())
    }
}
