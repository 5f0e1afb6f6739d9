//! Leads the paths of generated messages through `corelay_rpc`, so that a crate names one dependency and not four.
//!
//! The generator writes absolute paths, `::buffa::Message`, of crates that it expects in the manifest. `corelay_rpc`
//! re-exports those crates; serde's derive must be told so by its own attribute.

/// The crates that generated messages name, each re-exported by `corelay_rpc`.
const CRATES: [&str; 3] = ["::buffa::", "::buffa_types::", "::serde::"];

const DERIVE: &str = "#[derive(::corelay_rpc::serde::Serialize)]";
const DERIVE_FROM: &str =
    "#[derive(::corelay_rpc::serde::Serialize)]\n#[serde(crate = \"::corelay_rpc::serde\")]";

/// The same code, with those paths.
pub(crate) fn through_corelay_rpc(code: &str) -> String {
    let code = CRATES.iter().fold(code.to_owned(), |code, path| lead(&code, path));
    code.replace(DERIVE, DERIVE_FROM)
}

/// Puts `::corelay_rpc` in front of `path` wherever that begins a path.
fn lead(code: &str, path: &str) -> String {
    let mut led = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(path) {
        let (before, found) = rest.split_at(at);
        led.push_str(before);
        let continues = before.ends_with(|last: char| last.is_alphanumeric() || matches!(last, '_' | '>'));
        if !continues {
            led.push_str("::corelay_rpc");
        }
        led.push_str(path);
        rest = &found[path.len()..];
    }
    led.push_str(rest);
    led
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_led_where_they_begin() {
        let code = "x: ::buffa::Vec<::serde::S>, with = \"::buffa::a\", crate::buffa::b, ::other::buffa::c";
        let led = "x: ::corelay_rpc::buffa::Vec<::corelay_rpc::serde::S>, with = \"::corelay_rpc::buffa::a\", \
                   crate::buffa::b, ::other::buffa::c";
        assert_eq!(through_corelay_rpc(code), led);
    }
}
