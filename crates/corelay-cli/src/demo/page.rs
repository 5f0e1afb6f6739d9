//! `/`: one page without a second request, compiled into the binary.

use corelay::http::Html;

/// `GET /`.
pub(super) fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}
