//! Bars: one value each, from zero, its label beside it and its interval on it.

use std::fmt::Write as _;

use super::axis::{Scale, Span};
use super::markup::{colour, figure, line, text};

/// A plot of one value each.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// What it shows, with its unit.
    pub title: String,
    /// From the top down, in the order of their colours.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// `None` if that is not known, which is not nothing.
    pub value: Option<f64>,
    /// The value as it is to be shown.
    pub label: String,
    /// Where the value lies, if that is known.
    pub interval: Option<(f64, f64)>,
}

const WIDTH: f64 = 440.0;
const LEFT: f64 = 8.0;
const RIGHT: f64 = 422.0;
/// Of a bar with the text above it.
const ROW: f64 = 46.0;
const BAR: f64 = 16.0;
/// An interval that is narrower is not seen, and its ends would be taken for something.
const INTERVAL_MIN: f64 = 2.0;

impl Bar {
    /// A bar without an interval.
    pub fn new(name: &str, value: f64, label: &str) -> Self {
        Self { name: name.to_owned(), value: Some(value), label: label.to_owned(), interval: None }
    }
}

impl Bars {
    pub(super) fn html(&self, number: usize) -> String {
        let ends = self.bars.iter().flat_map(|bar| [bar.value, bar.interval.map(|(_, high)| high)]);
        let span = Span::of(Scale::Linear, ends.flatten());
        let bottom = ROW * self.bars.len() as f64 + 4.0;
        let mut body = String::new();
        for (value, label) in span.lines() {
            let Some(x) = span.place(value).map(across) else { continue };
            line(&mut body, (x, 4.0), (x, bottom), "grid");
            text(&mut body, (x, bottom + 16.0), "middle", &label);
        }
        for (index, bar) in self.bars.iter().enumerate() {
            draw(index, bar, &span, &mut body);
        }
        line(&mut body, (LEFT, 4.0), (LEFT, bottom), "axis");
        figure(number, &self.title, &self.described(), (WIDTH, bottom + 24.0), "", &body)
    }

    fn described(&self) -> String {
        let bars: Vec<_> = self.bars.iter().map(|bar| format!("{}: {}", bar.name, bar.label)).collect();
        format!("{}.", bars.join("; "))
    }
}

fn draw(index: usize, bar: &Bar, span: &Span, body: &mut String) {
    let top = ROW * index as f64 + 22.0;
    // Behind the texts the lines of the grid would cross them.
    text(body, (LEFT + 6.0, top - 4.0), "start halo", &bar.name);
    text(body, (RIGHT, top - 4.0), "end halo", &bar.label);
    let Some(width) = bar.value.and_then(|value| span.place(value)).map(|place| across(place) - LEFT) else {
        return;
    };
    // Writing to a string does not fail.
    let _ = writeln!(
        body,
        "<rect x=\"{LEFT:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BAR:.1}\" class=\"bar {}\"/>",
        colour(index)
    );
    let ends =
        bar.interval.and_then(|(low, high)| Some((across(span.place(low)?), across(span.place(high)?))));
    if let Some((low, high)) = ends.filter(|(low, high)| high - low >= INTERVAL_MIN) {
        let middle = top + BAR / 2.0;
        line(body, (low, middle), (high, middle), "interval");
        line(body, (low, middle - 4.0), (low, middle + 4.0), "interval");
        line(body, (high, middle - 4.0), (high, middle + 4.0), "interval");
    }
}

fn across(share: f64) -> f64 {
    LEFT + share * (RIGHT - LEFT)
}
