//! `corelay.demo.v1.RandomService`: the demo by RPC, one method of each kind. `GET /rpc` lists it.
//!
//! As `/random`, it does a little work of the kind an RPC does, and each thread has a generator of its own.

use corelay_rpc::{Code, Context, Error, Requests, Responses, Services};

use generated::corelay::demo::v1::{
    Bounds, DrawRequest, DrawResponse, ExchangeRequest, ExchangeResponse, RandomService, RollRequest,
    RollResponse, SumRequest, SumResponse, random_service,
};

/// Numbers of one `Draw`, and of one `Exchange`, whose bounds are kept until all are here.
const NUMBERS_MAX: u64 = 10_000;
/// Throws of one `Roll`.
const THROWS_MAX: u64 = 1_000_000;

#[allow(
    unreachable_pub,
    dead_code,
    elided_lifetimes_in_paths,
    reason = "generated, for any crate; the client is the tests'"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/corelay_rpc.rs"));
}

/// The demo's services.
pub(super) fn services() -> Services {
    Services::new().add(random_service(Random))
}

struct Random;

impl RandomService for Random {
    fn draw(&self, _: &Context<'_>, request: DrawRequest) -> Result<DrawResponse, Error> {
        let count = bounded("count", u64::from(request.count.max(1)), NUMBERS_MAX)?;
        let bound = if request.max == 0 { 100 } else { request.max };
        let numbers = (0..count).map(|_| fastrand::u64(0..bound)).collect();
        Ok(DrawResponse { numbers, ..DrawResponse::default() })
    }

    fn roll(&self, context: &Context<'_>, request: RollRequest) -> Result<Responses<RollResponse>, Error> {
        let count = bounded("count", u64::from(request.count.max(1)), THROWS_MAX)?;
        let sides = if request.sides == 0 { 6 } else { request.sides };
        let trailers = context.trailers();
        context.set_header("x-sides", &sides.to_string())?;
        let throws = (0..count).map(move |number| {
            if number + 1 == count {
                trailers.append("x-thrown", &count.to_string())?;
            }
            Ok(RollResponse { face: fastrand::u32(1..=sides), ..RollResponse::default() })
        });
        Ok(Box::new(throws))
    }

    fn sum(&self, _: &Context<'_>, requests: Requests<SumRequest>) -> Result<SumResponse, Error> {
        let mut answer = SumResponse::default();
        for request in requests {
            let sum = answer.sum.checked_add(request?.number);
            answer.sum = sum.ok_or_else(|| Error::new(Code::OutOfRange, "the sum does not fit 64 bits"))?;
            answer.count += 1;
        }
        Ok(answer)
    }

    fn exchange(
        &self,
        context: &Context<'_>,
        requests: Requests<ExchangeRequest>,
    ) -> Result<Responses<ExchangeResponse>, Error> {
        let mut bounds = Vec::new();
        for request in requests {
            bounds.push(request?.max);
            bounded("the number of messages", bounds.len() as u64, NUMBERS_MAX)?;
        }
        context.append_trailer("x-exchanged", &bounds.len().to_string())?;
        let answers = bounds.into_iter().map(|max| {
            if max == 0 {
                return Err(Error::invalid_argument("max must not be 0"));
            }
            Ok(ExchangeResponse { number: fastrand::u64(0..max), ..ExchangeResponse::default() })
        });
        Ok(Box::new(answers))
    }
}

/// The same value, if it is from 1 to `most`.
fn bounded(name: &str, value: u64, most: u64) -> Result<u64, Error> {
    if (1..=most).contains(&value) {
        return Ok(value);
    }
    let bounds = Bounds { least: 1, most, ..Bounds::default() };
    let error = Error::new(Code::OutOfRange, format!("{name} must be from 1 to {most}, not {value}"));
    Err(error.with_detail(&bounds))
}
