//! A report as one HTML file: text, tables and plots, readable from disk and without a network, in light and dark, on a phone.
//!
//! What is in a report its author decides; here is only what it is made of. A [`Page`] has sections, a section has blocks, and
//! [`Page::html`] writes them. Nothing is loaded: styles and drawings are in the file, and a policy in its head forbids the rest.
//! There is no script either. A plot is SVG whose colours are those of the page, by CSS variables, so it follows light and dark;
//! its text says its figures for who does not see it, and the same figures are meant to stand in a table beside it.
//!
//! ```
//! use corelay_load::html::{Bar, Bars, Block, Page, Section};
//!
//! let bars = vec![Bar::new("cores", 81_106.0, "81,106"), Bar::new("threads", 58_065.0, "58,065")];
//! let plot = Block::Bars(Bars { title: "requests/s".into(), bars });
//! let section = Section { title: "keepalive".into(), blocks: vec![plot] };
//! let page = Page { title: "Engines compared".into(), lead: Vec::new(), sections: vec![section] };
//! assert!(page.html().contains("81,106"));
//! ```
//!
//! Deliberately absent: a plotting library (`docs/dependencies.md` says why), interaction, and any figure that is computed here.

mod axis;
mod bars;
mod lines;
mod markup;

pub use axis::Scale;
pub use bars::{Bar, Bars};
pub use lines::{Axis, Lines, Point, Series};

use markup::escaped;

/// The page's styles.
const STYLE: &str = include_str!("style.css");

/// Nothing but the styles in the file: a report that somebody was sent reads nothing and tells nobody.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A whole report.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// In the head, and above all.
    pub title: String,
    /// What the report is of: the machine, the date, the version.
    pub lead: Vec<String>,
    /// In their order; with more than one, links to them stand first.
    pub sections: Vec<Section>,
}

/// What stands under one heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// In their order. Plots that follow each other stand side by side where there is room.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// A paragraph that must not be overlooked.
    Warning(String),
    /// Short texts, one below the other.
    List(Vec<String>),
    /// Commands, as they were typed.
    Commands(Vec<String>),
    /// Figures.
    Table(Table),
    /// A plot of curves.
    Lines(Lines),
    /// A plot of one value each.
    Bars(Bars),
}

/// Figures in rows; the first cell of a row says what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What the table shows.
    pub caption: String,
    /// As many as each row has cells.
    pub heads: Vec<String>,
    /// Texts, ready to be shown.
    pub rows: Vec<Vec<String>>,
}

impl Page {
    /// The file's whole content.
    pub fn html(&self) -> String {
        let title = escaped(&self.title);
        let lead: String = self.lead.iter().map(|line| format!("<p>{}</p>\n", escaped(line))).collect();
        let mut drawn = 0;
        let sections = self.sections.iter().enumerate();
        let sections: String = sections.map(|(index, section)| section.html(index, &mut drawn)).collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n\
             <div class=\"lead\">\n{lead}</div>\n{}</header>\n{sections}</main>\n</body>\n</html>\n",
            self.contents()
        )
    }

    fn contents(&self) -> String {
        if self.sections.len() < 2 {
            return String::new();
        }
        let link = |(index, section): (usize, &Section)| {
            format!("<li><a href=\"#s{index}\">{}</a></li>", escaped(&section.title))
        };
        let links: String = self.sections.iter().enumerate().map(link).collect();
        format!("<nav aria-label=\"Sections\"><ul>{links}</ul></nav>\n")
    }
}

impl Section {
    fn html(&self, index: usize, drawn: &mut usize) -> String {
        let mut body = String::new();
        let mut is_among_plots = false;
        for block in &self.blocks {
            let is_plot = matches!(block, Block::Lines(_) | Block::Bars(_));
            if is_plot != is_among_plots {
                body.push_str(if is_plot { "<div class=\"plots\">\n" } else { "</div>\n" });
                is_among_plots = is_plot;
            }
            body.push_str(&block.html(drawn));
        }
        if is_among_plots {
            body.push_str("</div>\n");
        }
        let title = escaped(&self.title);
        format!(
            "<section aria-labelledby=\"s{index}\">\n<h2 id=\"s{index}\">{title}</h2>\n{body}</section>\n"
        )
    }
}

impl Block {
    fn html(&self, drawn: &mut usize) -> String {
        let number = |drawn: &mut usize| {
            *drawn += 1;
            *drawn
        };
        match self {
            Self::Text(text) => format!("<p>{}</p>\n", escaped(text)),
            Self::Warning(text) => format!("<p class=\"warning\" role=\"note\">{}</p>\n", escaped(text)),
            Self::List(items) => {
                let items: String =
                    items.iter().map(|item| format!("<li>{}</li>\n", escaped(item))).collect();
                format!("<ul>\n{items}</ul>\n")
            }
            Self::Commands(lines) => format!("<pre><code>{}</code></pre>\n", escaped(&lines.join("\n"))),
            Self::Table(table) => table.html(),
            Self::Lines(lines) => lines.html(number(drawn)),
            Self::Bars(bars) => bars.html(number(drawn)),
        }
    }
}

impl Table {
    fn html(&self) -> String {
        let heads: String =
            self.heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", escaped(head))).collect();
        let row = |row: &Vec<String>| {
            let cell = |(index, cell): (usize, &String)| match index {
                0 => format!("<th scope=\"row\">{}</th>", escaped(cell)),
                _ => format!("<td>{}</td>", escaped(cell)),
            };
            format!("<tr>{}</tr>\n", row.iter().enumerate().map(cell).collect::<String>())
        };
        let rows: String = self.rows.iter().map(row).collect();
        let caption = escaped(&self.caption);
        // Reached by the keyboard, so that it can be scrolled by it.
        format!(
            "<div class=\"scrolls\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\">\n<table>\n\
             <caption>{caption}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
        )
    }
}

#[cfg(test)]
mod tests;
