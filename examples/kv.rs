//! A key-value server that speaks redis's protocol, RESP2: `redis-cli` and `redis-benchmark` drive it.
//!
//! Shows a [`corelay::protocol::Protocol`] with requests in a pipeline, data that is divided by core, a request that is relayed to
//! another core and comes home as mail, and backpressure. `docs/kv.md` tells what it can do, how it is made, and what it costs
//! beside redis.
//!
//! ```text
//! cargo run --release --example kv
//! redis-cli SET greeting hello EX 60
//! redis-benchmark -t set,get -P 16 -q
//! ```
//!
//! Deliberately absent: values that are not strings, persistence, replication, scripts, transactions, users.

#[path = "kv/about.rs"]
mod about;
#[path = "kv/assembly.rs"]
mod assembly;
#[path = "kv/budget.rs"]
mod budget;
#[path = "kv/clock.rs"]
mod clock;
#[path = "kv/command.rs"]
mod command;
#[path = "kv/execute.rs"]
mod execute;
#[path = "kv/line.rs"]
mod line;
#[path = "kv/reply.rs"]
mod reply;
#[path = "kv/request.rs"]
mod request;
#[path = "kv/serving.rs"]
mod serving;
#[path = "kv/settings.rs"]
mod settings;
#[path = "kv/shard.rs"]
mod shard;
#[path = "kv/store.rs"]
mod store;
#[path = "kv/turn.rs"]
mod turn;

use std::error::Error;
use std::sync::Arc;

use corelay::Server;

use serving::KeyValue;
use settings::Settings;
use store::Store;

fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::parse(std::env::args().skip(1))?;
    let store = Arc::new(Store::new(settings.shards(), settings.limits()));
    store.start_sweeper()?;
    let protocol = KeyValue::new(store, settings.reach);
    let terms = protocol.terms();
    let server = Server::new(settings.config).listen(settings.address.parse()?)?;
    println!("listening on {}", server.addresses()[0]);
    Ok(server.serve_protocol_with(protocol, terms)?)
}
