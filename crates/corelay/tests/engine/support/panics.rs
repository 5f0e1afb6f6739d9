//! Panics on purpose, by the thousand, without a page of text for each.

use std::panic;
use std::sync::Once;

/// Says nothing about panics on a server's own threads: there they are the test.
pub(crate) fn expect_panics() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !std::thread::current().name().is_some_and(|name| name.starts_with("corelay-")) {
                report(panic);
            }
        }));
    });
}
