//! What can be wrong with a router, found when the program starts.

use std::error::Error;
use std::fmt;

/// Why a [`Router`](super::Router) cannot be served. The program is at fault, never a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteError {
    /// A pattern that no path could match, or that is not well-formed.
    BadPattern {
        /// The pattern as it was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two handlers for the same method and pattern.
    Duplicate {
        /// The method, or `any`.
        method: String,
        /// The pattern.
        pattern: String,
    },
    /// A pattern that matches the same paths as another one, of another spelling.
    Conflict {
        /// The later pattern.
        pattern: String,
        /// The earlier one.
        with: String,
    },
    /// A handler takes a state that the router was not given.
    MissingState {
        /// The method, or `any`.
        method: String,
        /// The pattern; empty for the fallback.
        pattern: String,
        /// The name of the state's type.
        state: &'static str,
    },
    /// Two states of one type were given.
    DuplicateState {
        /// The name of the type.
        state: &'static str,
    },
    /// A handler has more than one parameter that takes the body, of which there is one.
    BodyTakenTwice {
        /// The method, or `any`.
        method: String,
        /// The pattern; empty for the fallback.
        pattern: String,
    },
    /// Two merged routers both have a fallback.
    TwoFallbacks,
}

impl fmt::Display for RouteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPattern { pattern, reason } => write!(formatter, "route {pattern:?}: {reason}"),
            Self::Duplicate { method, pattern } => {
                write!(formatter, "route {method} {pattern:?} was added twice: remove one")
            }
            Self::Conflict { pattern, with } => {
                write!(
                    formatter,
                    "route {pattern:?} matches the same paths as {with:?}: spell their parameters alike"
                )
            }
            Self::MissingState { method, pattern, state } => {
                write!(
                    formatter,
                    "the handler of {method} {pattern:?} takes State<{state}>: give it with Router::state"
                )
            }
            Self::DuplicateState { state } => {
                write!(formatter, "two states of type {state} were given: wrap one in a type of its own")
            }
            Self::BodyTakenTwice { method, pattern } => {
                write!(
                    formatter,
                    "the handler of {method} {pattern:?} takes the body twice: keep one such parameter"
                )
            }
            Self::TwoFallbacks => formatter.write_str("two merged routers each have a fallback: keep one"),
        }
    }
}

impl Error for RouteError {}
