//! A service from a `.proto` file of one's own, and a client of it: `rpc-external 127.0.0.1:8080` serves,
//! `rpc-external call http://127.0.0.1:8080 NAME…` calls.

use std::io::Write as _;

use corelay::Server;
use corelay_rpc::{Channel, Context, Error, Requests, Responses, Services};
use proto::greet::v1::{GreetRequest, GreetResponse, GreetService, GreetServiceClient, greet_service};

mod proto {
    include!(concat!(env!("OUT_DIR"), "/corelay_rpc.rs"));
}

struct Greeter;

impl GreetService for Greeter {
    fn greet(&self, context: &Context<'_>, request: GreetRequest) -> Result<GreetResponse, Error> {
        if request.name.is_empty() {
            return Err(Error::invalid_argument("name must not be empty"));
        }
        context.append_trailer("x-letters", &request.name.chars().count().to_string())?;
        Ok(answer(request))
    }

    fn greet_all(
        &self,
        _: &Context<'_>,
        requests: Requests<GreetRequest>,
    ) -> Result<Responses<GreetResponse>, Error> {
        let requests = requests.collect::<Result<Vec<_>, Error>>()?;
        Ok(Box::new(requests.into_iter().map(|request| Ok(answer(request)))))
    }
}

fn answer(request: GreetRequest) -> GreetResponse {
    let greeting = format!("Hello, {}!", request.name);
    GreetResponse { greeting, request: Some(request).into(), ..GreetResponse::default() }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["call", url, names @ ..] => call(url, names)?,
        [address] => serve(address)?,
        _ => return Err("usage: rpc-external ADDRESS | rpc-external call URL NAME...".into()),
    }
    Ok(())
}

fn serve(address: &str) -> corelay::Result<()> {
    let server = Server::bind(address)?;
    println!("listening on http://{}", server.addresses()[0]);
    server.serve(Services::new().add(greet_service(Greeter)).router())
}

fn call(url: &str, names: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
    let client = GreetServiceClient::new(Channel::new(url)?.use_get(true));
    let request = |name: &&str| GreetRequest { name: (*name).to_owned(), ..GreetRequest::default() };
    for name in names {
        let reply = client.greet(&request(name))?;
        println!("{} {:?}", reply.message.greeting, reply.trailers.get("x-letters"));
    }
    for response in client.greet_all(names.iter().map(request).collect::<Vec<_>>())? {
        writeln!(std::io::stdout(), "{}", response?.greeting)?;
    }
    Ok(())
}
