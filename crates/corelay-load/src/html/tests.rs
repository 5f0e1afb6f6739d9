#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use super::*;

fn page() -> Page {
    let series = |name: &str, points: &[(f64, f64)]| Series {
        name: name.to_owned(),
        points: points.iter().map(|&(x, y)| Point { x, y, interval: Some((y * 0.9, y * 1.1)) }).collect(),
    };
    let lines = Lines {
        title: "latency".to_owned(),
        x: Axis::new("percentile", Scale::Rarity),
        y: Axis::new("ms", Scale::Logarithmic),
        series: vec![
            series("cores", &[(0.5, 0.75), (0.01, 1.57)]),
            series("a & <b>", &[(0.5, 0.0), (0.01, 2.79)]),
        ],
    };
    let bars = Bars {
        title: "requests/s".to_owned(),
        bars: vec![
            Bar { interval: Some((79_582.0, 82_630.0)), ..Bar::new("cores", 81_106.0, "81,106") },
            Bar { name: "elsewhere".to_owned(), value: None, label: "not known".to_owned(), interval: None },
        ],
    };
    let table = Table {
        caption: "figures".to_owned(),
        heads: vec![String::new(), "cores".to_owned()],
        rows: vec![vec!["p99 ms".to_owned(), "1.57".to_owned()]],
    };
    let blocks = vec![
        Block::Text("said".to_owned()),
        Block::Lines(lines),
        Block::Bars(bars),
        Block::Table(table),
        Block::Warning("partial".to_owned()),
        Block::Commands(vec!["corelay serve --engine 'x'".to_owned()]),
    ];
    let section = |blocks| Section { title: "keepalive".to_owned(), blocks };
    let sections = vec![section(blocks), section(vec![Block::List(vec!["one".to_owned()])])];
    Page { title: "T <script>".to_owned(), lead: vec!["Linux".to_owned()], sections }
}

#[test]
fn nothing_is_loaded_and_nothing_is_run() {
    let html = page().html();
    for forbidden in ["<script", "src=", "href=\"http", "url(", "@import", "<link"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn text_stays_text() {
    let html = page().html();
    assert!(html.contains("<title>T &lt;script&gt;</title>"));
    assert!(html.contains("a &amp; &lt;b&gt;") && html.contains("&#39;x&#39;"));
    assert_eq!(escaped("\u{1b}[2J\n"), "\u{fffd}[2J\n");
}

/// Elements that are open, from the outermost; a stray or crossed end fails.
#[test]
fn every_element_ends_where_it_should() {
    let html = page().html();
    let mut open: Vec<String> = Vec::new();
    for tag in html.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap().to_owned();
        match tag {
            _ if tag.starts_with('!') || name == "meta" || tag.ends_with('/') => {}
            _ if tag.starts_with('/') => assert_eq!(open.pop(), Some(name)),
            _ => open.push(name),
        }
    }
    assert_eq!(open, [""; 0]);
}

#[test]
fn plots_have_words_for_who_does_not_see_them() {
    let html = page().html();
    assert!(html.contains("ms over percentile. cores: p50 0.75, p99 1.57."), "{html}");
    assert!(html.contains("<desc id=\"p2d\">cores: 81,106; elsewhere: not known.</desc>"), "{html}");
    assert_eq!(html.matches("role=\"img\"").count(), 2);
}

#[test]
fn no_place_is_not_a_number_whatever_is_plotted() {
    let html = page().html();
    assert!(!html.contains("NaN") && !html.contains("inf\"") && !html.contains("inf,"), "{html}");
    let empty = Lines {
        title: String::new(),
        x: Axis::new("", Scale::Linear),
        y: Axis::new("", Scale::Logarithmic),
        series: vec![Series { name: String::new(), points: Vec::new() }],
    };
    assert!(!empty.html(1).contains("NaN"));
}

#[test]
fn sections_are_linked_and_plots_stand_together() {
    let html = page().html();
    assert!(html.contains("<a href=\"#s1\">keepalive</a>") && html.contains("<h2 id=\"s1\">"));
    assert_eq!(html.matches("<div class=\"plots\">").count(), 1);
}

#[test]
fn a_curve_of_many_points_has_few_marks() {
    let point = |x: u32| Point { x: f64::from(x), y: f64::from(x), interval: None };
    let lines = |count: u32| Lines {
        title: String::new(),
        x: Axis::new("", Scale::Linear),
        y: Axis::new("", Scale::Linear),
        series: vec![Series { name: "s".to_owned(), points: (0..count).map(point).collect() }],
    };
    let marks = |count| lines(count).html(1).matches("<circle").count();
    // One of them is the legend's.
    assert_eq!((marks(0), marks(12), marks(13), marks(100)), (1, 13, 8, 13));
}
