//! RFC 9110 section 5.6.7.

use corelay_http::DateField;

#[test]
fn every_second_is_rendered_as_httpdate_renders_it() {
    let days = (0..253_402_300_799u64).step_by(86_400 * 97 + 12_345);
    for unix_seconds in days.chain([0, 68_169_599, 68_169_600, 951_782_400, 4_107_542_399, 253_402_300_799]) {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(unix_seconds);
        let expected = format!("Date: {}\r\n", httpdate::fmt_http_date(time));
        assert_eq!(DateField::new(unix_seconds).as_bytes(), expected.as_bytes());
    }
}

#[test]
fn a_second_past_the_year_9999_shows_as_its_last() {
    assert_eq!(DateField::new(u64::MAX).as_bytes(), b"Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n");
}

#[test]
fn an_update_shows_the_new_second() {
    let mut date = DateField::new(0);
    date.update(784_111_777);
    assert_eq!(date, DateField::new(784_111_777));
}
