//! Text for HTML and SVG, and the small pieces that all plots are drawn of.

use std::fmt::Write as _;

/// Colours there are; with more series they come round again, told apart by their marks.
pub(super) const COLOURS: usize = 6;

/// Text as text, whatever is in it, between tags and inside quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // HTML has no way to write these.
            control if control.is_control() && !matches!(control, '\n' | '\t') => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// The class that has the colour of a series.
pub(super) fn colour(series: usize) -> String {
    format!("c{}", series % COLOURS)
}

/// A drawing with its title and, for who does not see it, its description.
pub(super) fn figure(
    number: usize,
    title: &str,
    described: &str,
    size: (f64, f64),
    legend: &str,
    body: &str,
) -> String {
    // Beside it there is room for two that are low.
    let tall = if size.1 > size.0 * 0.6 { " class=\"tall\"" } else { "" };
    let (title, described, (width, height)) = (escaped(title), escaped(described), size);
    format!(
        "<figure{tall}>\n<figcaption>{title}</figcaption>\n{legend}<svg role=\"img\" aria-labelledby=\"p{number}t p{number}d\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<title id=\"p{number}t\">{title}</title>\n<desc id=\"p{number}d\">{described}</desc>\n\
         {body}</svg>\n</figure>\n"
    )
}

/// A text at a place; `class` says where the place is in it: `start`, `middle`, `end`.
pub(super) fn text(out: &mut String, place: (f64, f64), class: &str, words: &str) {
    let ((x, y), words) = (place, escaped(words));
    // Writing to a string does not fail.
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{words}</text>");
}

/// A line from here to there.
pub(super) fn line(out: &mut String, from: (f64, f64), to: (f64, f64), class: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(
        out,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>"
    );
}

/// The mark of a series at a place, with what it says when it is pointed at: shapes differ, for who sees no colours.
pub(super) fn mark(out: &mut String, place: (f64, f64), series: usize, words: &str) {
    let ((x, y), colour, words) = (place, colour(series), escaped(words));
    let title = if words.is_empty() { String::new() } else { format!("<title>{words}</title>") };
    let shape = match series % 4 {
        0 => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" class=\"mark {colour}\">{title}</circle>"),
        1 => corners(place, &[(-4.0, -4.0), (4.0, -4.0), (4.0, 4.0), (-4.0, 4.0)], &colour, &title),
        2 => corners(place, &[(0.0, -5.0), (5.0, 4.0), (-5.0, 4.0)], &colour, &title),
        _ => corners(place, &[(0.0, -5.5), (5.5, 0.0), (0.0, 5.5), (-5.5, 0.0)], &colour, &title),
    };
    let _ = writeln!(out, "{shape}");
}

fn corners(place: (f64, f64), corners: &[(f64, f64)], colour: &str, title: &str) -> String {
    let points: Vec<_> =
        corners.iter().map(|(x, y)| format!("{:.1},{:.1}", place.0 + x, place.1 + y)).collect();
    format!("<polygon points=\"{}\" class=\"mark {colour}\">{title}</polygon>", points.join(" "))
}
