//! corelay.
