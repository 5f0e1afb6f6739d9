//! Curves: one for each series, with marks at its points and, where it is known, the interval that a point lies in.

use std::fmt::Write as _;

use super::axis::{Scale, Span, percentile, short};
use super::markup::{colour, escaped, figure, line, mark, text};

/// A plot of curves.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    /// What it shows.
    pub title: String,
    /// Along the bottom.
    pub x: Axis,
    /// Up the side.
    pub y: Axis,
    /// In the order of their colours.
    pub series: Vec<Series>,
}

/// What an axis measures.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// With its unit.
    pub title: String,
    /// How it is divided.
    pub scale: Scale,
}

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// From left to right.
    pub points: Vec<Point>,
}

/// One point of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Along the bottom.
    pub x: f64,
    /// Up the side.
    pub y: f64,
    /// Where `y` lies, if that is known.
    pub interval: Option<(f64, f64)>,
}

const SIZE: (f64, f64) = (440.0, 300.0);
/// Where the curves are: the rest is for labels.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 422.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 246.0;

/// Marks on a curve.
const MARKS_MAX: usize = 12;

impl Axis {
    /// An axis with this title.
    pub fn new(title: &str, scale: Scale) -> Self {
        Self { title: title.to_owned(), scale }
    }

    /// A value as the axis would have it.
    fn shown(&self, value: f64) -> String {
        match self.scale {
            Scale::Rarity => percentile(value),
            _ => short(rounded(value)),
        }
    }
}

/// To three digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

impl Lines {
    pub(super) fn html(&self, number: usize) -> String {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x = Span::of(self.x.scale, points().map(|point| point.x));
        let heights = points().flat_map(|point| {
            let (low, high) = point.interval.unwrap_or((point.y, point.y));
            [point.y, low, high]
        });
        let y = Span::of(self.y.scale, heights);
        let mut body = String::new();
        self.draw_axes(&x, &y, &mut body);
        for (index, series) in self.series.iter().enumerate() {
            self.draw_series(index, series, &x, &y, &mut body);
        }
        figure(number, &self.title, &self.described(), SIZE, &self.legend(), &body)
    }

    fn draw_axes(&self, x: &Span, y: &Span, body: &mut String) {
        for (value, label) in y.lines() {
            let Some(height) = y.place(value).map(down) else { continue };
            line(body, (LEFT, height), (RIGHT, height), "grid");
            text(body, (LEFT - 6.0, height + 4.0), "end", &label);
        }
        for (value, label) in x.lines() {
            let Some(width) = x.place(value).map(across) else { continue };
            line(body, (width, TOP), (width, BOTTOM), "grid");
            text(body, (width, BOTTOM + 18.0), "middle", &label);
        }
        line(body, (LEFT, BOTTOM), (RIGHT, BOTTOM), "axis");
        line(body, (LEFT, TOP), (LEFT, BOTTOM), "axis");
        text(body, (f64::midpoint(LEFT, RIGHT), BOTTOM + 40.0), "middle title", &self.x.title);
        let (at, middle, title) = (13.0, f64::midpoint(TOP, BOTTOM), escaped(&self.y.title));
        // Writing to a string does not fail.
        let _ = writeln!(
            body,
            "<text x=\"{at:.1}\" y=\"{middle:.1}\" class=\"middle title\" transform=\"rotate(-90 {at:.1} {middle:.1})\">{title}</text>"
        );
    }

    fn draw_series(&self, index: usize, series: &Series, x: &Span, y: &Span, body: &mut String) {
        let placed = series
            .points
            .iter()
            .filter_map(|point| Some((point, (across(x.place(point.x)?), down(y.place(point.y)?)))));
        let placed: Vec<_> = placed.collect();
        let path: Vec<_> = placed.iter().map(|(_, (x, y))| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(body, "<polyline points=\"{}\" class=\"curve {}\"/>", path.join(" "), colour(index));
        for (point, place) in placed.into_iter().step_by(series.stride()) {
            let ends = point.interval.and_then(|(low, high)| Some((y.place(low)?, y.place(high)?)));
            if let Some((low, high)) = ends {
                line(
                    body,
                    (place.0, down(low)),
                    (place.0, down(high)),
                    &format!("whisker {}", colour(index)),
                );
            }
            mark(body, place, index, &format!("{}: {}", series.name, self.said(point)));
        }
    }

    fn said(&self, point: &Point) -> String {
        format!("{} {}", self.x.shown(point.x), self.y.shown(point.y))
    }

    fn described(&self) -> String {
        let series = self.series.iter().map(|series| {
            let points = series.points.iter().step_by(series.stride());
            let points: Vec<_> = points.map(|point| self.said(point)).collect();
            format!("{}: {}.", series.name, points.join(", "))
        });
        format!("{} over {}. {}", self.y.title, self.x.title, series.collect::<Vec<_>>().join(" "))
    }

    fn legend(&self) -> String {
        let entry = |(index, series): (usize, &Series)| {
            let mut swatch = String::new();
            line(&mut swatch, (0.0, 7.0), (26.0, 7.0), &format!("curve {}", colour(index)));
            mark(&mut swatch, (13.0, 7.0), index, "");
            let name = escaped(&series.name);
            format!(
                "<li><svg class=\"swatch\" viewBox=\"0 0 26 14\" aria-hidden=\"true\">\n{swatch}</svg>{name}</li>\n"
            )
        };
        let entries: String = self.series.iter().enumerate().map(entry).collect();
        format!("<ul class=\"legend\">\n{entries}</ul>\n")
    }
}

impl Series {
    /// Every how many points there is a mark: marks that touch are no marks, and numbers without end are no description.
    fn stride(&self) -> usize {
        self.points.len().div_ceil(MARKS_MAX).max(1)
    }
}

/// From a share of the width to a place.
fn across(share: f64) -> f64 {
    LEFT + share * (RIGHT - LEFT)
}

/// From a share of the height to a place: SVG counts from the top.
fn down(share: f64) -> f64 {
    BOTTOM - share * (BOTTOM - TOP)
}
