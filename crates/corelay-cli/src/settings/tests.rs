#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use corelay::config::{Accept, Cores};

use super::sources::{config_path, from_environment, from_file, from_flags};
use super::table::{SETTINGS, Set};
use super::{LogFormat, Options, SettingsError, read};

/// Settings from a file's text, variables and flags, as a process started with them would have.
fn gather(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> Result<Options, SettingsError> {
    let variables: HashMap<_, _> =
        variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
    let command = crate::command::serve();
    let flags = command.try_get_matches_from(["serve"].iter().chain(flags)).unwrap();
    Options::resolve([
        from_file(Path::new("corelay.toml"), file)?,
        from_environment(|name| variables.get(name).cloned())?,
        from_flags(&flags),
    ])
}

fn refusal(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> String {
    gather(file, variables, flags).unwrap_err().to_string()
}

/// A text that the setting takes and that is not its default.
fn other_than_default(name: &str) -> &'static str {
    match name {
        "listen" | "proxy-listen" => "unix:/elsewhere",
        "proxy-trusted" => "10.0.0.0/8",
        "engine" => "pool",
        "accept" => "dispatch",
        "pin" | "relay" | "rebalance" => "off",
        "threads-wake" => "blocking",
        "service-stack-bytes" | "thread-stack-bytes" => "777k",
        "log" => "json",
        "log-level" => "warn",
        "admin-token-file" | "pid-file" => "/run/token",
        "shed-interval" => "7ms",
        "abortive-close" | "access-log" | "fault-routes" => "true",
        name if name.ends_with("timeout") || name.starts_with("d") => "7ms",
        name if name.ends_with("bytes") => "777",
        _ => "7",
    }
}

#[test]
fn the_defaults_in_help_are_the_defaults_of_the_library() {
    let expected = format!("{:?}", Options::default());
    for setting in SETTINGS {
        let mut options = Options::default();
        setting.apply(&mut options, &[other_than_default(setting.name).to_owned()]).unwrap();
        let changed = format!("{options:?}");
        assert_ne!(changed, expected, "{} sets nothing", setting.name);
        let Some(default) = setting.default else { continue };
        setting.apply(&mut options, &setting.split(default)).unwrap();
        assert_eq!(format!("{options:?}"), expected, "{}", setting.name);
    }
}

#[test]
fn every_setting_stores_something_of_its_own() {
    let mut seen = HashMap::new();
    for setting in SETTINGS.iter().filter(|setting| setting.name != "cpus") {
        let mut options = Options::default();
        setting.apply(&mut options, &[other_than_default(setting.name).to_owned()]).unwrap();
        // What differs from the defaults, without the value: two settings that share a place show the same.
        let changed = format!("{options:#?}");
        let default = format!("{:#?}", Options::default());
        let line = changed.lines().zip(default.lines()).position(|(changed, default)| changed != default);
        assert_eq!(seen.insert(line, setting.name), None, "{} shares its place", setting.name);
    }
}

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let file = "max_headers = 11\nmax-pipelined = 12\nmax-connections = 13\n";
    let variables = [("CORELAY_MAX_HEADERS", "21"), ("CORELAY_MAX_PIPELINED", "22")];
    let limits = gather(file, &variables, &["--max-headers", "31"]).unwrap().config.limits;
    assert_eq!((limits.max_headers, limits.max_pipelined, limits.max_connections), (31, 22, 13));
    assert_eq!(limits.max_service_threads, corelay::Config::default().limits.max_service_threads);
}

#[test]
fn the_same_text_means_the_same_in_each_source() {
    for setting in SETTINGS {
        let text = other_than_default(setting.name);
        let key = format!("{} = {text:?}", setting.name);
        let variable = [(&*setting.variable(), text)];
        let flag = [&*format!("{}={text}", setting.flag())];
        let [file, variable, flag] =
            [gather(&key, &[], &[]), gather("", &variable, &[]), gather("", &[], &flag)]
                .map(|o| format!("{:?}", o.unwrap()));
        assert_eq!(file, variable, "{}", setting.name);
        assert_eq!(file, flag, "{}", setting.name);
    }
}

#[test]
fn a_place_for_proxies_alone_leaves_no_other_open() {
    let proxies = ["--proxy-listen", "127.0.0.1:1"];
    let options = gather("", &[], &proxies).unwrap();
    assert!(options.listen.is_empty());
    assert_eq!(options.proxy_listen.len(), 1);
    let both = gather("listen = '127.0.0.1:2'", &[], &proxies).unwrap();
    assert_eq!((both.listen.len(), both.proxy_listen.len()), (1, 1));
}

#[test]
fn lists_come_from_repeated_flags_commas_and_arrays() {
    let expected = ["127.0.0.1:1", "127.0.0.1:2"].map(|a| corelay::config::Address::Tcp(a.parse().unwrap()));
    let list = "127.0.0.1:1,127.0.0.1:2";
    let listen = |options: Result<Options, SettingsError>| options.unwrap().listen;
    assert_eq!(listen(gather("", &[], &["--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2"])), expected);
    assert_eq!(listen(gather("", &[], &["--listen", list])), expected);
    assert_eq!(listen(gather("", &[("CORELAY_LISTEN", list)], &[])), expected);
    assert_eq!(listen(gather("listen = ['127.0.0.1:1', '127.0.0.1:2']", &[], &[])), expected);
    let overridden = gather("listen = ['127.0.0.1:9']", &[], &["--listen", list]);
    assert_eq!(listen(overridden), expected, "a later source replaces the list");
    let cpus = gather("cpus = [3, '0-1']", &[], &[]).unwrap().config.cores;
    assert_eq!(cpus, Cores::Cpus(vec![0, 1, 3]));
}

#[test]
fn numbers_and_booleans_of_the_file_need_no_quotes() {
    let options =
        gather("idle_timeout = 5\nhead_timeout = 0.5\naccess_log = true\nlog = 'off'", &[], &[]).unwrap();
    assert_eq!(options.config.deadlines.idle_timeout, Duration::from_secs(5));
    assert_eq!(options.config.deadlines.head_timeout, Duration::from_millis(500));
    assert!(options.config.access_log);
    assert_eq!(options.log, LogFormat::Off);
}

#[test]
fn a_switch_is_true_bare_and_can_be_turned_off_again() {
    let on = |variables: &[_], flags: &[_]| gather("", variables, flags).unwrap().config.access_log;
    assert!(on(&[], &["--access-log"]));
    assert!(on(&[("CORELAY_ACCESS_LOG", "1")], &[]));
    assert!(!on(&[("CORELAY_ACCESS_LOG", "1")], &["--access-log=false"]));
    assert!(!on(&[("CORELAY_ACCESS_LOG", "")], &[]), "an empty variable is no variable");
}

#[test]
fn a_bad_value_names_flag_value_source_and_what_is_allowed() {
    let flag = refusal("", &[], &["--accept", "random"]);
    let expected = "expected `per-core`, `dispatch` or `round-robin`";
    assert_eq!(flag, format!("invalid value 'random' for --accept: {expected}"));
    let variable = refusal("", &[("CORELAY_ACCEPT", "random")], &[]);
    let place = "--accept, given by the environment variable CORELAY_ACCEPT";
    assert_eq!(variable, format!("invalid value 'random' for {place}: {expected}"));
    let file = refusal("accept = 'random'", &[], &[]);
    let place = "--accept, given by the key `accept` in corelay.toml";
    assert_eq!(file, format!("invalid value 'random' for {place}: {expected}"));
}

#[test]
fn every_setting_refuses_nonsense_in_the_words_of_its_row() {
    for setting in SETTINGS {
        let message = refusal("", &[(&setting.variable(), "\u{1b}nonsense")], &[]);
        let expected = format!(
            "given by the environment variable {}: expected {}",
            setting.variable(),
            setting.takes.expected
        );
        assert!(message.ends_with(&expected), "{message}");
        assert!(message.contains(&setting.flag()) && !message.contains('\u{1b}'), "{message}");
    }
}

#[test]
fn a_bad_value_is_refused_also_where_a_stronger_source_overrides_it() {
    assert!(refusal("max-headers = 'many'", &[], &["--max-headers", "7"]).contains("'many'"));
    assert!(refusal("max-headers = [7]", &[], &[]).contains("'[7]'"), "an array where one value belongs");
    assert!(refusal("listen = []", &[], &[]).contains("--listen"));
}

#[test]
fn an_unknown_key_is_an_error_that_names_it() {
    assert!(refusal("head-timout = 5", &[], &[]).contains("unknown key `head-timout` in corelay.toml"));
    assert!(refusal("[limits]\nmax-headers = 5", &[], &[]).contains("unknown key `limits`"));
    assert!(refusal("config = 'other.toml'", &[], &[]).contains("unknown key `config`"));
    assert!(refusal("max_headers = 5\nmax-headers = 6", &[], &[]).contains("given twice in corelay.toml"));
    assert!(refusal("max_headers = ", &[], &[]).contains("is not TOML"));
}

#[test]
fn cores_and_cpus_exclude_each_other_within_one_source() {
    let message = refusal("", &[], &["--cores", "2", "--cpus", "0"]);
    assert_eq!(message, "--cores cannot be used with --cpus: give one of the two");
    assert!(refusal("cores = 2\ncpus = '0'", &[], &[]).contains("key `cpus` in corelay.toml"));
    let stronger = gather("cores = 2", &[], &["--cpus", "0"]).unwrap();
    assert_eq!(stronger.config.cores, Cores::Cpus(vec![0]));
}

#[test]
fn the_file_is_named_by_the_flag_or_else_by_the_variable() {
    let path = |arguments: &[&str], variable: &str| {
        let flags = crate::command::serve().try_get_matches_from(["serve"].iter().chain(arguments)).unwrap();
        config_path(&flags, |name| (name == "CORELAY_CONFIG").then(|| variable.into()))
    };
    assert_eq!(path(&["--config", "flag.toml"], "variable.toml"), Some("flag.toml".into()));
    assert_eq!(path(&[], "variable.toml"), Some("variable.toml".into()));
    assert_eq!(path(&[], ""), None);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_that_names_it() {
    let message = read(Path::new("/nowhere/corelay.toml")).unwrap_err().to_string();
    assert!(message.starts_with("cannot read the file of --config, /nowhere/corelay.toml: "), "{message}");
}

#[test]
fn a_variable_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let value = |name: &str| (name == "CORELAY_LISTEN").then(|| OsString::from_vec(b"unix:/\xff".to_vec()));
    let message = from_environment(value).unwrap_err().to_string();
    assert!(message.contains("CORELAY_LISTEN"), "{message}");
}

#[test]
fn names_are_unique_and_help_starts_with_one_line() {
    for (index, setting) in SETTINGS.iter().enumerate() {
        assert!(SETTINGS[..index].iter().all(|other| other.name != setting.name), "{}", setting.name);
        let first = setting.help.lines().next().unwrap();
        assert!(first.len() <= 110 && !first.ends_with('.'), "{first}");
        let mutual =
            |name| SETTINGS.iter().any(|other| other.name == name && other.excludes == Some(setting.name));
        assert!(setting.excludes.is_none_or(mutual), "{}", setting.name);
    }
    assert!(SETTINGS.iter().any(|setting| matches!(setting.set, Set::Many(_))));
    assert_eq!(gather("", &[], &[]).unwrap().config.accept, Accept::PerCore);
}
