//! Leads the paths of generated messages through `corelay_rpc`, so that a crate names one dependency and not four.
//!
//! The generator writes absolute paths, `::buffa::Message`, of crates that it expects in the manifest. `corelay_rpc`
//! re-exports those crates; serde's derive must be told so by its own attribute.

/// The crates that generated messages name, each re-exported by `corelay_rpc`.
const CRATES: [&str; 3] = ["::buffa::", "::buffa_types::", "::serde::"];

/// How a derive of serde's begins, once it is led.
const DERIVE: &str = "#[derive(::corelay_rpc::serde::";
/// What serde's derive must be told: where its crate is.
const DERIVE_FROM: &str = "#[serde(crate = \"::corelay_rpc::serde\")]\n";

/// The same code, with those paths.
pub(crate) fn through_corelay_rpc(code: &str) -> String {
    let code = CRATES.iter().fold(code.to_owned(), |code, path| lead(&code, path));
    let mut told = String::with_capacity(code.len());
    for line in code.split_inclusive('\n') {
        told.push_str(line);
        if line.trim_start().starts_with(DERIVE) && line.trim_end().ends_with(")]") {
            told.push_str(DERIVE_FROM);
        }
    }
    told
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

    #[test]
    fn a_derive_is_told_where_serde_is() {
        let code = "#[derive(Clone)]\n    #[derive(::serde::Serialize, ::serde::Deserialize)]\nstruct A;\n";
        let told = "#[derive(Clone)]\n    #[derive(::corelay_rpc::serde::Serialize, ::corelay_rpc::serde::Deserialize)]\n\
                    #[serde(crate = \"::corelay_rpc::serde\")]\nstruct A;\n";
        assert_eq!(through_corelay_rpc(code), told);
    }
}
