//! Kinds of happenings that are counted, each with its name: one macro for all who count.
//!
//! Not the counts (each part has its own) and not happenings that the log tells (those are `happenings`). Invariant: a kind's name is
//! a metric's name and never changes its meaning.

/// Declares an enum whose variants are kinds that are counted, each with the name of its metric.
macro_rules! counted {
    ($(#[$about:meta])* pub enum $Kind:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub enum $Kind { $($(#[$doc])* $variant,)+ }

        impl $Kind {
            /// All kinds, in the order of their declaration.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Stable name, for metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

pub(crate) use counted;
