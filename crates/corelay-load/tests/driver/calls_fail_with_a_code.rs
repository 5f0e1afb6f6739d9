//! A call of the Connect protocol that fails is counted under the code of its error, beside requests that know of no codes.

use crate::server::Server;
use corelay_load::{Group, GroupReport, Mix, Plan, Report, Request, run};
use std::time::Duration;

fn calls(server: &Server, paths: &[&str]) -> Plan {
    let mut plan = Plan::new(server.address);
    (plan.warm_up, plan.duration) = (Duration::ZERO, Duration::from_millis(300));
    plan.drain = Duration::from_secs(30);
    for path in paths {
        let call = Request::call(path, "application/json", b"{\"count\":3}");
        plan.groups.push(Group::open(path, 2, 100.0, Mix::of([(call, 1)])));
    }
    plan
}

fn codes(group: &GroupReport) -> Vec<(&str, u64)> {
    group.codes.iter().map(|(code, count)| (code.as_str(), *count)).collect()
}

#[test]
fn a_code_is_the_bodys_or_else_the_statuss() {
    let server = Server::start();
    let report = run(&calls(&server, &["/call", "/exhausted", "/unavailable", "/absent", "/html"])).unwrap();
    let expected: [&[(&str, u64)]; 5] = [
        &[],
        &[("resource_exhausted", 30)],
        &[("unavailable", 30)],
        &[("unimplemented", 30)],
        &[("unknown", 30)],
    ];
    for (group, expected) in report.groups.iter().zip(expected) {
        let (total, failed) = (&group.total, expected.len() as u64 * 30);
        assert_eq!(codes(group), expected, "{}", group.name);
        assert_eq!((total.errors.rpc, total.errors.total(), total.answered), (failed, failed, 30 - failed));
    }
    // An error leaves its connection as it was: nothing was opened anew.
    assert_eq!((server.seen("/exhausted"), report.groups[1].statuses.get(&429)), (30, Some(&30)));
}

#[test]
fn calls_and_plain_requests_are_one_mix_and_merged_reports_add_up() {
    let server = Server::start();
    let mut plan = calls(&server, &["/exhausted"]);
    let call = Request::call("/exhausted", "application/json", b"{}");
    plan.groups[0].mix = Mix::of([(call, 1), (Request::of_path("/unavailable"), 1)]);
    let reports = plan.split(2).into_iter().map(|part| run(&part).unwrap());
    let merged = Report::merge(reports).unwrap();
    let group = &merged.groups[0];
    let (called, asked) = (server.seen("/exhausted"), server.seen("/unavailable"));
    assert_eq!((called + asked, group.total.requests), (30, 30));
    assert!(called > 0 && asked > 0, "{called} {asked}");
    assert_eq!((group.total.errors.rpc, group.total.errors.bad_status), (called, asked));
    assert_eq!(codes(group), [("resource_exhausted", called)]);
    assert_eq!(group.path("exhausted").unwrap().errors.rpc, called);
}
