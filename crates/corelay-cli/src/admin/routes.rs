//! What the admin listener answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use corelay::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use corelay::http::{IntoResponse as _, Json, Next, Request, Response, StatusCode};
use corelay::metrics::PROMETHEUS_CONTENT_TYPE;
use corelay::status::{Phase, Status};
use corelay::{Router, ServerHandle};

use super::process;
use super::token::Token;
use crate::demo::status::DemoStatus;
use crate::log::{self, LogLevel};

const INDEX: &str = "\
GET /status, /metrics, /healthz, /readyz, /log-level
POST /drain, /log-level with `Authorization: Bearer` and the token of --admin-token-file
";
const NO_LOG: (StatusCode, &str) =
    (StatusCode::CONFLICT, "there is no log: the server runs with --log off\n");
const NO_TOKEN: (StatusCode, &str) =
    (StatusCode::FORBIDDEN, "nothing can be changed here: the server runs without --admin-token-file\n");

/// All routes.
pub(super) fn router(served: ServerHandle, token: Option<Token>, level: Option<Arc<LogLevel>>) -> Router {
    let refused = Arc::<AtomicU64>::default();
    let [status, metrics, ready, drain] = [(); 4].map(|()| served.clone());
    let (shown, counted) = (level.clone(), refused.clone());
    Router::new()
        .post("/drain", move || {
            tracing::info!("drained by the admin listener");
            drain.drain();
            (StatusCode::ACCEPTED, "draining\n")
        })
        .post("/log-level", move |text: String| set_level(level.as_deref(), &text))
        .get("/", || INDEX)
        .get("/status", move || Json(DemoStatus::of(status.status())))
        .get("/metrics", move || page(&metrics.status(), counted.load(Ordering::Relaxed)))
        .get("/healthz", || "ok\n")
        .get("/readyz", move || readiness(ready.phase()))
        .get("/log-level", move || match &shown {
            Some(level) => (StatusCode::OK, format!("{}\n", level.name())).into_response(),
            None => NO_LOG.into_response(),
        })
        .layer(move |request: &mut Request<'_>, next: Next<'_>| {
            guard(token.as_ref(), &refused, request, next)
        })
}

/// Lets through what only reads (RFC 9110, section 9.2.1), and whoever shows the token.
fn guard(token: Option<&Token>, refused: &AtomicU64, request: &mut Request<'_>, next: Next<'_>) -> Response {
    let shown = |token: &Token| request.field("authorization").is_some_and(|value| token.is_shown_by(value));
    let refusal = match token {
        _ if request.method().is_safe() => return next.run(request),
        Some(token) if shown(token) => return next.run(request),
        Some(_) => (StatusCode::UNAUTHORIZED, "the token is missing or wrong\n")
            .into_response()
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"corelay admin\"")),
        None => NO_TOKEN.into_response(),
    };
    refused.fetch_add(1, Ordering::Relaxed);
    refusal
}

/// Of the phase alone: who reads the counters may have to wait for a thread that has one of their locks.
fn readiness(phase: Option<Phase>) -> (StatusCode, &'static str) {
    match phase {
        Some(Phase::Serving) => (StatusCode::OK, "ready\n"),
        Some(Phase::Draining) => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        Some(Phase::Unready) => (StatusCode::SERVICE_UNAVAILABLE, "about to drain\n"),
        None => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
    }
}

fn page(status: &Status, refused: u64) -> Response {
    let mut page = status.to_prometheus();
    page.push_str("# HELP corelay_admin_refused_total Changes that were refused for want of the token.\n");
    page.push_str("# TYPE corelay_admin_refused_total counter\n");
    page.push_str(&format!("corelay_admin_refused_total {refused}\n"));
    page.push_str("# HELP corelay_log_lines_lost_total Lines of the log that were dropped or not written.\n");
    page.push_str("# TYPE corelay_log_lines_lost_total counter\n");
    page.push_str(&format!("corelay_log_lines_lost_total {}\n", log::lines_lost()));
    process::write_figures(&mut page);
    page.into_response().header(CONTENT_TYPE, HeaderValue::from_static(PROMETHEUS_CONTENT_TYPE))
}

fn set_level(level: Option<&LogLevel>, text: &str) -> Response {
    let Some(level) = level else { return NO_LOG.into_response() };
    match level.set(text.trim()) {
        Some(name) => {
            tracing::info!(level = name, "the log's level was set by the admin listener");
            (StatusCode::OK, format!("{name}\n")).into_response()
        }
        None => (StatusCode::BAD_REQUEST, "expected error, warn, info, debug or trace\n").into_response(),
    }
}
