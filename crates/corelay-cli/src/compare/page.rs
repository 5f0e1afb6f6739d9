//! The comparison as a page.
use super::comparison::Comparison;
pub(super) struct Page;
impl Page {
    pub(super) fn html(&self) -> String {
        String::new()
    }
}
pub(super) fn of(_: &Comparison) -> Page {
    Page
}
