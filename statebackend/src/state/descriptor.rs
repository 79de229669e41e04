//! What a program says of a state before it uses it.

use super::folded::AggregateFunction;
use super::ttl::Ttl;
use crate::serializer::{KeySerializer, Serializer, Unit};

macro_rules! common {
    ($(#[$doc:meta])* $name:ident<$($s:ident : $bound:path),*> { $($field:ident : $type:ty),* }) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name<$($s: $bound,)* N: KeySerializer = Unit> {
            pub(crate) name: String,
            pub(crate) namespace: N,
            pub(crate) ttl: Option<Ttl>,
            $(pub(crate) $field: $type,)*
        }

        impl<$($s: $bound),*> $name<$($s),*> {
            /// A state without namespaces, whose entries live until they are removed.
            pub fn new(name: &str, $($field: $type),*) -> Self {
                Self { name: name.to_owned(), namespace: Unit, ttl: None, $($field),* }
            }
        }

        impl<$($s: $bound,)* N: KeySerializer> $name<$($s,)* N> {
            /// With namespaces, as windows have.
            #[must_use]
            pub fn namespaced<M: KeySerializer>(self, namespace: M) -> $name<$($s,)* M> {
                $name { name: self.name, namespace, ttl: self.ttl, $($field: self.$field),* }
            }

            /// With a time to live. Default = none.
            #[must_use]
            pub fn ttl(mut self, ttl: Ttl) -> Self {
                self.ttl = Some(ttl);
                self
            }

            /// The name: unique in a backend, and how it is found again at a restore.
            pub fn name(&self) -> &str {
                &self.name
            }
        }
    };
}

common! {
    /// One value for each key and namespace.
    ValueDescriptor<S: Serializer> { value: S }
}

common! {
    /// A list of elements for each key and namespace.
    ListDescriptor<S: Serializer> { element: S }
}

common! {
    /// A map for each key and namespace.
    MapDescriptor<U: KeySerializer, S: Serializer> { user_key: U, value: S }
}

common! {
    /// A value that all that is added is reduced into.
    ReducingDescriptor<S: Serializer, F: Reduce> { value: S, reduce: F }
}

common! {
    /// An accumulator that all that is added is folded into.
    AggregatingDescriptor<S: Serializer, A: AggregateFunction> { accumulator: S, function: A }
}

/// What may reduce two values to one; a bound for [`ReducingDescriptor`], met by every `Fn(&V, &V) -> V`.
pub trait Reduce: Clone + 'static {}

impl<F: Clone + 'static> Reduce for F {}
