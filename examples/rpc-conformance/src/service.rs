//! `connectrpc.conformance.v1.ConformanceService`: does what the request says, and says what came with the request.

use std::thread::sleep;
use std::time::Duration;

use corelay::http::HeaderMap;
use corelay_rpc::buffa_types::google::protobuf::Any;
use corelay_rpc::{Code, Context, Detail, Error, Message, Requests, Responses};
use percent_encoding::percent_decode_str;

use crate::proto::connectrpc::conformance::v1 as suite;
use suite::__buffa::oneof::unary_response_definition::Response as Wanted;
use suite::conformance_payload::{ConnectGetInfo, RequestInfo};
use suite::{
    BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse, ConformancePayload,
    ConformanceService, Header, IdempotentUnaryRequest, IdempotentUnaryResponse, ServerStreamRequest,
    ServerStreamResponse, StreamResponseDefinition, UnaryRequest, UnaryResponse, UnaryResponseDefinition,
    UnimplementedRequest, UnimplementedResponse,
};

pub(crate) struct Conformance;

impl ConformanceService for Conformance {
    fn unary(&self, context: &Context<'_>, request: UnaryRequest) -> Result<UnaryResponse, Error> {
        let payload = unary(context, request.response_definition.as_option(), vec![any(&request)?])?;
        Ok(UnaryResponse { payload: payload.into(), ..UnaryResponse::default() })
    }

    fn idempotent_unary(
        &self,
        context: &Context<'_>,
        request: IdempotentUnaryRequest,
    ) -> Result<IdempotentUnaryResponse, Error> {
        let payload = unary(context, request.response_definition.as_option(), vec![any(&request)?])?;
        Ok(IdempotentUnaryResponse { payload: payload.into(), ..IdempotentUnaryResponse::default() })
    }

    fn unimplemented(
        &self,
        _: &Context<'_>,
        _: UnimplementedRequest,
    ) -> Result<UnimplementedResponse, Error> {
        Err(Error::unimplemented("Unimplemented is not implemented"))
    }

    fn client_stream(
        &self,
        context: &Context<'_>,
        requests: Requests<ClientStreamRequest>,
    ) -> Result<ClientStreamResponse, Error> {
        let requests = requests.collect::<Result<Vec<_>, Error>>()?;
        let received = requests.iter().map(any).collect::<Result<_, _>>()?;
        let definition = requests.first().and_then(|first| first.response_definition.as_option());
        let payload = unary(context, definition, received)?;
        Ok(ClientStreamResponse { payload: payload.into(), ..ClientStreamResponse::default() })
    }

    fn server_stream(
        &self,
        context: &Context<'_>,
        request: ServerStreamRequest,
    ) -> Result<Responses<ServerStreamResponse>, Error> {
        let received = vec![any(&request)?];
        let definition = request.response_definition.into_option().unwrap_or_default();
        let payloads = stream(context, definition, received)?;
        Ok(Box::new(payloads.map(|payload| {
            Ok(ServerStreamResponse { payload: payload?.into(), ..ServerStreamResponse::default() })
        })))
    }

    /// HTTP/1.1 is half duplex: all is read before anything is answered, whatever the request wants.
    fn bidi_stream(
        &self,
        context: &Context<'_>,
        requests: Requests<BidiStreamRequest>,
    ) -> Result<Responses<BidiStreamResponse>, Error> {
        let requests = requests.collect::<Result<Vec<_>, Error>>()?;
        let received = requests.iter().map(any).collect::<Result<_, _>>()?;
        let first = requests.into_iter().next().unwrap_or_default();
        let definition = first.response_definition.into_option().unwrap_or_default();
        let payloads = stream(context, definition, received)?;
        Ok(Box::new(payloads.map(|payload| {
            Ok(BidiStreamResponse { payload: payload?.into(), ..BidiStreamResponse::default() })
        })))
    }
}

/// The one answer that the definition asks for.
fn unary(
    context: &Context<'_>,
    definition: Option<&UnaryResponseDefinition>,
    received: Vec<Any>,
) -> Result<ConformancePayload, Error> {
    let info = request_info(context, received);
    let Some(definition) = definition else { return Ok(payload(Vec::new(), Some(info))) };
    put_metadata(context, &definition.response_headers, &definition.response_trailers)?;
    sleep(milliseconds(definition.response_delay_ms));
    match &definition.response {
        Some(Wanted::Error(error)) => Err(with_info(failure(error), &info)?),
        Some(Wanted::ResponseData(data)) => Ok(payload(data.clone(), Some(info))),
        None => Ok(payload(Vec::new(), Some(info))),
    }
}

/// The answers that the definition asks for: the first tells what came, the error only where there is no first.
fn stream(
    context: &Context<'_>,
    definition: StreamResponseDefinition,
    received: Vec<Any>,
) -> Result<impl Iterator<Item = Result<ConformancePayload, Error>> + Send + use<>, Error> {
    put_metadata(context, &definition.response_headers, &definition.response_trailers)?;
    let mut info = Some(request_info(context, received));
    let delay = milliseconds(definition.response_delay_ms);
    let error = definition.error.as_option().map(failure);
    let error = match (error, &info) {
        (Some(error), Some(info)) if definition.response_data.is_empty() => Some(with_info(error, info)?),
        (error, _) => error,
    };
    let payloads = definition.response_data.into_iter().map(move |data| {
        sleep(delay);
        Ok(payload(data, info.take()))
    });
    Ok(payloads.chain(error.map(Err)))
}

fn payload(data: Vec<u8>, info: Option<RequestInfo>) -> ConformancePayload {
    ConformancePayload { data, request_info: info.into(), ..ConformancePayload::default() }
}

fn put_metadata(context: &Context<'_>, headers: &[Header], trailers: &[Header]) -> Result<(), Error> {
    for Header { name, value, .. } in headers {
        value.iter().try_for_each(|value| context.append_header(name, value))?;
    }
    for Header { name, value, .. } in trailers {
        value.iter().try_for_each(|value| context.append_trailer(name, value))?;
    }
    Ok(())
}

fn request_info(context: &Context<'_>, requests: Vec<Any>) -> RequestInfo {
    let timeout = context.timeout().and_then(|timeout| i64::try_from(timeout.as_millis()).ok());
    let query = context.request().query().filter(|_| context.is_get());
    let connect_get_info =
        query.map(|query| ConnectGetInfo { query_params: parameters(query), ..ConnectGetInfo::default() });
    RequestInfo {
        request_headers: header_list(&context.headers()),
        timeout_ms: timeout,
        requests,
        connect_get_info: connect_get_info.into(),
        ..RequestInfo::default()
    }
}

/// Each name with its values.
pub(crate) fn header_list(fields: &HeaderMap) -> Vec<Header> {
    let values = |name| fields.get_all(name).iter().filter_map(|value| Some(value.to_str().ok()?.to_owned()));
    fields.keys().map(|name| header(name.as_str().to_owned(), values(name).collect())).collect()
}

fn parameters(query: &str) -> Vec<Header> {
    let plain = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| header(plain(name), vec![plain(value)])).collect()
}

fn header(name: String, value: Vec<String>) -> Header {
    Header { name, value, ..Header::default() }
}

/// The error that the suite wants.
fn failure(error: &suite::Error) -> Error {
    let code = Code::from_number(error.code.to_i32()).unwrap_or(Code::Unknown);
    let failure = Error::new(code, error.message.clone().unwrap_or_default());
    error.details.iter().fold(failure, |failure, detail| {
        let type_name = detail.type_url.rsplit('/').next().unwrap_or_default().to_owned();
        failure.with_raw_detail(Detail { type_name, value: detail.value.to_vec() })
    })
}

fn with_info(error: Error, info: &RequestInfo) -> Result<Error, Error> {
    let Any { type_url, value, .. } = any(info)?;
    let type_name = type_url.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(error.with_raw_detail(Detail { type_name, value: value.to_vec() }))
}

fn any<M: Message>(message: &M) -> Result<Any, Error> {
    let packed = Any::try_pack(message, format!("type.googleapis.com/{}", M::FULL_NAME));
    packed.map_err(|error| Error::internal(error.to_string()))
}

fn milliseconds(count: u32) -> Duration {
    Duration::from_millis(u64::from(count))
}
