//! The rules for one source file.

use super::source::Source;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Names of modules that everything could be in.
const VAGUE: [&str; 6] = ["common", "helper", "helpers", "manager", "util", "utils"];

/// What a `cfg` asks when it asks for the operating system.
const PLATFORM: [&str; 6] = ["unix", "windows", "target_os", "target_family", "target_vendor", "target_env"];

/// Every breach in this file, as `file:line: what`.
pub(crate) fn check(source: &Source<'_>) -> Vec<String> {
    let rules = [documented, names, length, functions, unsafe_code, platform, sleeps];
    let place = |(line, what): Breach| format!("{}:{line}: {what}", source.path.display());
    rules.iter().flat_map(|rule| rule(source)).map(place).collect()
}

type Breach = (usize, String);

/// A module of tests inside a crate belongs to the module that it tests.
fn documented(source: &Source<'_>) -> Vec<Breach> {
    let is_excepted = source.path.file_name().is_some_and(|name| name == "tests.rs");
    let breach = !is_excepted && !source.begins_with_documentation();
    breach.then(|| (1, "no //! that says what is here and why".to_owned())).into_iter().collect()
}

fn names(source: &Source<'_>) -> Vec<Breach> {
    let vague =
        VAGUE.iter().filter(|name| source.is_named(name)).map(|name| (1, format!("{name} says nothing")));
    let getters = source.functions().into_iter().filter(|function| function.name.starts_with("get_"));
    vague
        .chain(getters.map(|getter| (getter.line, format!("{}: no get_ (Rust API guidelines)", getter.name))))
        .collect()
}

fn length(source: &Source<'_>) -> Vec<Breach> {
    let lines = source.tests_begin() - 1;
    let breach =
        (lines > FILE_LINES_MAX).then(|| (1, format!("{lines} lines before its tests, of {FILE_LINES_MAX}")));
    breach.into_iter().collect()
}

fn functions(source: &Source<'_>) -> Vec<Breach> {
    let long = source.functions().into_iter().filter(|function| function.lines > FUNCTION_LINES_MAX);
    long.map(|function| {
        (function.line, format!("fn {} has {} lines, of {FUNCTION_LINES_MAX}", function.name, function.lines))
    })
    .collect()
}

fn unsafe_code(source: &Source<'_>) -> Vec<Breach> {
    if source.is_under("sys") {
        return Vec::new();
    }
    source.lines_of("unsafe").into_iter().map(|line| (line, "unsafe outside sys/".to_owned())).collect()
}

/// Tests may name the system they are for.
fn platform(source: &Source<'_>) -> Vec<Breach> {
    if source.is_under("sys") || source.is_test() {
        return Vec::new();
    }
    let tests = source.tests_begin();
    let code = source.lines_of_cfg(&PLATFORM).into_iter().filter(|line| *line < tests);
    code.map(|line| (line, "a cfg on the operating system outside sys/".to_owned())).collect()
}

/// A handler that blocks may be the thing under test: a comment `// tidy: …` on the line or above it says so.
fn sleeps(source: &Source<'_>) -> Vec<Breach> {
    let tests = if source.is_test() { 0 } else { source.tests_begin() };
    let sleeps = source.lines_of_path("thread", "sleep").into_iter();
    let in_tests = sleeps.filter(|line| *line >= tests && !source.is_excused(*line));
    in_tests.map(|line| (line, "a test sleeps: wait for the thing itself".to_owned())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use std::path::Path;

    use super::*;

    fn breaches(path: &str, text: &str) -> Vec<String> {
        let text = format!("//! Documented.\n{text}");
        check(&Source::parse(Path::new(path), &text).unwrap())
    }

    #[test]
    fn a_module_says_what_it_is_by_its_documentation_and_its_name() {
        let undocumented = Source::parse(Path::new("src/a.rs"), "// no\n").unwrap();
        assert_eq!(check(&undocumented).len(), 1);
        assert_eq!(breaches("src/util.rs", "").len(), 1);
        assert_eq!(breaches("src/helpers/a.rs", "").len(), 1);
        assert_eq!(
            breaches("src/utility.rs", "fn get() {}\nfn get_it() {}\n"),
            ["src/utility.rs:3: get_it: no get_ (Rust API guidelines)"]
        );
    }

    #[test]
    fn a_file_of_600_lines_passes_and_tests_do_not_count() {
        assert!(breaches("src/a.rs", &"const A: u8 = 0;\n".repeat(599)).is_empty());
        let tests = "#[cfg(test)]\nmod tests {}\n".to_owned() + &"const A: u8 = 0;\n".repeat(900);
        assert!(breaches("src/a.rs", &tests).is_empty());
        assert_eq!(
            breaches("src/a.rs", &"const A: u8 = 0;\n".repeat(600)),
            ["src/a.rs:1: 601 lines before its tests, of 600"]
        );
    }

    #[test]
    fn a_function_of_71_lines_is_too_long() {
        let function = |lines: usize| format!("fn f() {{\n{}}}\n", "g();\n".repeat(lines - 2));
        assert!(breaches("src/a.rs", &function(70)).is_empty());
        assert_eq!(breaches("src/a.rs", &function(71)), ["src/a.rs:2: fn f has 71 lines, of 70"]);
    }

    #[test]
    fn unsafe_and_platform_belong_under_sys() {
        let text = "#[cfg(unix)]\nfn f() { unsafe { g() } }\n";
        assert_eq!(breaches("crates/x/src/sys/a.rs", text), [""; 0]);
        assert_eq!(breaches("crates/x/src/a.rs", text).len(), 2);
        assert_eq!(breaches("crates/x/src/sys.rs", text).len(), 2, "the folder, not a file of that name");
    }

    #[test]
    fn tests_do_not_sleep_without_a_reason() {
        let sleep = "fn f() { std::thread::sleep(t); }\n";
        assert_eq!(breaches("crates/x/tests/a.rs", sleep).len(), 1);
        assert_eq!(breaches("crates/x/src/a.rs", &format!("#[cfg(test)]\n{sleep}")).len(), 1);
        assert!(breaches("crates/x/src/a.rs", sleep).is_empty(), "a demo may sleep");
        assert!(
            breaches("crates/x/tests/a.rs", &format!("// tidy: the handler under test blocks\n{sleep}"))
                .is_empty()
        );
    }
}
