//! corelay-http.
