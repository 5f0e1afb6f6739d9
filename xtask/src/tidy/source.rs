//! A source file as its tokens: what the rules ask about it.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A parsed file.
pub(crate) struct Source<'a> {
    /// Where it is, from the root of the workspace.
    pub(crate) path: &'a Path,
    text: &'a str,
    tokens: TokenStream,
}

/// A function and how many lines it has, from `fn` to its closing brace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

impl<'a> Source<'a> {
    /// Reads a file's text as Rust tokens.
    ///
    /// # Errors
    ///
    /// It is not made of Rust tokens.
    pub(crate) fn parse(path: &'a Path, text: &'a str) -> Result<Self> {
        let tokens = TokenStream::from_str(text).map_err(|error| anyhow!("not Rust: {error}"))?;
        Ok(Self { path, text, tokens })
    }

    /// Whether the file is under a folder of this name.
    pub(crate) fn is_under(&self, folder: &str) -> bool {
        self.path.parent().is_some_and(|parent| parent.components().any(|part| part.as_os_str() == folder))
    }

    /// Whether the file, or a folder it is in, has this name.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.is_under(name) || self.path.file_stem().is_some_and(|stem| stem == name)
    }

    /// Whether the module's documentation comes first.
    pub(crate) fn begins_with_documentation(&self) -> bool {
        self.text.starts_with("//!")
    }

    /// Whether all of the file is tests.
    pub(crate) fn is_test(&self) -> bool {
        self.is_under("tests") || self.path.file_name().is_some_and(|name| name == "tests.rs")
    }

    /// The line that the file's tests begin at; one past its last where it has none.
    pub(crate) fn tests_begin(&self) -> usize {
        let attribute = |line: &str| line.trim_end() == "#[cfg(test)]";
        let position = self.text.lines().position(attribute);
        position.unwrap_or_else(|| self.text.lines().count()) + 1
    }

    /// Whether the line, or the one above it, says `tidy:` in a comment: the rule was seen and there is a reason.
    pub(crate) fn is_excused(&self, line: usize) -> bool {
        let above = self.text.lines().skip(line.saturating_sub(2)).take(2);
        above.into_iter().any(|line| line.contains("// tidy: "))
    }

    /// Every function that has a body, nested ones included.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        each_level(&self.tokens, &mut |level| {
            let starts = level.iter().enumerate().filter(|(_, token)| is_word(token, "fn"));
            found.extend(starts.filter_map(|(at, _)| function(&level[at..])));
        });
        found
    }

    /// The lines where this word stands as a token of its own.
    pub(crate) fn lines_of(&self, word: &str) -> Vec<usize> {
        self.lines_where(|level, at| is_word(&level[at], word))
    }

    /// The lines where `cfg`, `cfg!` or `cfg_attr` asks one of these words.
    pub(crate) fn lines_of_cfg(&self, asked: &[&str]) -> Vec<usize> {
        self.lines_where(|level, at| {
            let is_cfg = is_word(&level[at], "cfg") || is_word(&level[at], "cfg_attr");
            let group = level[at..].iter().skip(1).take(2).find_map(parentheses);
            is_cfg && group.is_some_and(|group| mentions(&group.stream(), asked))
        })
    }

    /// The lines where the words stand with `::` between them.
    pub(crate) fn lines_of_path(&self, one: &str, other: &str) -> Vec<usize> {
        self.lines_where(|level, at| {
            let path = [one, ":", ":", other];
            level.len() >= at + path.len()
                && path.iter().zip(&level[at..]).all(|(part, token)| token.to_string() == *part)
        })
    }

    fn lines_where(&self, matches: impl Fn(&[TokenTree], usize) -> bool) -> Vec<usize> {
        let mut found = Vec::new();
        each_level(&self.tokens, &mut |level| {
            let places = (0..level.len()).filter(|at| matches(level, *at));
            found.extend(places.map(|at| level[at].span().start().line));
        });
        found
    }
}

/// Calls `visit` with the tokens between each pair of brackets, the file itself being the outermost.
fn each_level(tokens: &TokenStream, visit: &mut impl FnMut(&[TokenTree])) {
    let level: Vec<TokenTree> = tokens.clone().into_iter().collect();
    visit(&level);
    for token in level {
        if let TokenTree::Group(group) = token {
            each_level(&group.stream(), visit);
        }
    }
}

/// The function that starts at the first token; `None` for a pointer type, `fn(u8)`, or a declaration without a body.
fn function(tokens: &[TokenTree]) -> Option<Function> {
    let TokenTree::Ident(name) = tokens.get(1)? else { return None };
    let end = tokens.iter().position(|token| is_body(token) || token.to_string() == ";")?;
    let TokenTree::Group(body) = &tokens[end] else { return None };
    let line = tokens[0].span().start().line;
    Some(Function { name: name.to_string(), line, lines: body.span_close().end().line - line + 1 })
}

fn is_body(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn parentheses(token: &TokenTree) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some(group),
        _ => None,
    }
}

fn mentions(tokens: &TokenStream, words: &[&str]) -> bool {
    let mut found = false;
    each_level(tokens, &mut |level| {
        found |= level.iter().any(|token| words.iter().any(|word| is_word(token, word)))
    });
    found
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    fn source(text: &str) -> Source<'_> {
        Source::parse(Path::new("crates/x/src/y.rs"), text).unwrap()
    }

    #[test]
    fn functions_are_found_at_any_depth_with_their_lines() {
        let text = "trait T { fn declared(&self); }\nimpl T for U {\n    fn outer(f: fn(u8) -> u8) -> [u8; 3]\n    where\n        \
                    U: T,\n    {\n        fn inner() {}\n    }\n}\n";
        let found = source(text).functions();
        let function = |name: &str, line, lines| Function { name: name.to_owned(), line, lines };
        assert_eq!(found, [function("outer", 3, 6), function("inner", 7, 1)]);
    }

    #[test]
    fn words_in_comments_and_strings_do_not_count() {
        let text =
            "// unsafe\n/// unsafe\nconst A: &str = \"unsafe\";\n#![forbid(unsafe_code)]\nunsafe fn f() {}\n";
        assert_eq!(source(text).lines_of("unsafe"), [5]);
    }

    #[test]
    fn words_in_macros_count() {
        assert_eq!(source("macro_rules! m {\n    () => { unsafe { f() } };\n}\n").lines_of("unsafe"), [2]);
    }

    #[test]
    fn a_cfg_is_found_as_attribute_and_as_macro() {
        let text = "#[cfg(test)]\n#[cfg(all(x, target_os = \"linux\"))]\n#![cfg_attr(unix, y)]\nfn f() { cfg!(unix); }\n";
        assert_eq!(source(text).lines_of_cfg(&["unix", "target_os"]), [2, 3, 4]);
    }

    #[test]
    fn a_path_is_two_words_with_colons_between() {
        let text = "fn f() {\n    std::thread::sleep(x);\n    thread::spawn(y);\n    sleep(z);\n}\n";
        assert_eq!(source(text).lines_of_path("thread", "sleep"), [2]);
    }

    #[test]
    fn tests_begin_at_their_attribute_or_past_the_end() {
        assert_eq!(source("a\n#[cfg(test)]\nmod tests {}\n").tests_begin(), 2);
        assert_eq!(source("a\nb\n").tests_begin(), 3);
    }
}
