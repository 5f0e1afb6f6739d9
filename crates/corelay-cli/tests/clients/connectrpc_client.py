"""Python connectrpc: every kind of method, in both codecs, with each compression, deadlines, errors with details, large and unknown.

Messages are described and not generated: the descriptor set is the project's own, as `buf build` makes it.
Arguments: the URL, the descriptor set.
"""

import sys

from connectrpc.client import ConnectClientSync, ResponseMetadata
from connectrpc.code import Code
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.compression.brotli import BrotliCompression
from connectrpc.compression.gzip import GzipCompression
from connectrpc.compression.zstd import ZstdCompression
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

url, descriptors = sys.argv[1:]
pool = descriptor_pool.DescriptorPool()
with open(descriptors, "rb") as file:
    for described in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
        pool.Add(described)
service = pool.FindServiceByName("corelay.demo.v1.RandomService")
bounds = message_factory.GetMessageClass(pool.FindMessageTypeByName("corelay.demo.v1.Bounds"))

STREAM_TYPES = {
    (False, False): StreamType.UNARY,
    (False, True): StreamType.SERVER_STREAM,
    (True, False): StreamType.CLIENT_STREAM,
    (True, True): StreamType.BIDI_STREAM,
}


def method(name, called=None):
    described = service.methods_by_name[name]
    return MethodInfo(
        name=called or name,
        service_name=service.full_name,
        input=message_factory.GetMessageClass(described.input_type),
        output=message_factory.GetMessageClass(described.output_type),
        idempotency_level=IdempotencyLevel.NO_SIDE_EFFECTS if name == "Draw" else IdempotencyLevel.UNKNOWN,
        stream_type=STREAM_TYPES[described.client_streaming, described.server_streaming],
    )


DRAW, ROLL, SUM, EXCHANGE = map(method, ["Draw", "Roll", "Sum", "Exchange"])


def fails_with(code, call):
    try:
        call()
    except ConnectError as error:
        assert error.code == code, f"{error.code} and not {code}: {error}"
        return error
    raise AssertionError(f"it went well, and was to fail with {code}")


def every_kind(client):
    for use_get in [False, True]:
        with ResponseMetadata() as metadata:
            request = DRAW.input(count=2000, max=6)
            drawn = client.execute_unary(request=request, method=DRAW, timeout_ms=60_000, use_get=use_get)
        assert len(drawn.numbers) == 2000 and all(number < 6 for number in drawn.numbers)
        assert metadata.http_status == 200

    with ResponseMetadata() as metadata:
        rolled = list(client.execute_server_stream(request=ROLL.input(count=50, sides=3), method=ROLL))
    assert len(rolled) == 50 and all(1 <= roll.face <= 3 for roll in rolled)
    assert metadata.headers["x-sides"] == "3" and metadata.trailers["x-thrown"] == "50"

    numbers = iter([SUM.input(number=-7), SUM.input(number=9)])
    summed = client.execute_client_stream(request=numbers, method=SUM)
    assert (summed.sum, summed.count) == (2, 2)

    limits = iter([EXCHANGE.input(max=1)] * 3)
    exchanged = list(client.execute_bidi_stream(request=limits, method=EXCHANGE))
    assert [answer.number for answer in exchanged] == [0, 0, 0]


def errors(client):
    refused = [
        (10_000, lambda: client.execute_unary(request=DRAW.input(count=10_001), method=DRAW)),
        (1_000_000, lambda: list(client.execute_server_stream(request=ROLL.input(count=1_000_001), method=ROLL))),
    ]
    for most, call in refused:
        error = fails_with(Code.OUT_OF_RANGE, call)
        assert "count must be from 1 to" in error.message, error.message
        [detail] = error.details
        assert detail.type_name == "corelay.demo.v1.Bounds"
        assert bounds.FromString(detail.message_bytes).most == most

    unknown = method("Draw", called="Nope")
    fails_with(Code.UNIMPLEMENTED, lambda: client.execute_unary(request=DRAW.input(), method=unknown))
    # A million messages take longer than a millisecond, whoever notices first.
    late = ROLL.input(count=1_000_000)
    fails_with(
        Code.DEADLINE_EXCEEDED,
        lambda: list(client.execute_server_stream(request=late, method=ROLL, timeout_ms=1)),
    )


def large(client):
    """Five mebibytes in a field that the server does not know: number 9, wire type 2, its length, zeros."""
    unknown = bytes([0x4A, 0x80, 0x80, 0xC0, 0x02]) + bytes(5 << 20)
    request = DRAW.input.FromString(unknown)
    fails_with(Code.RESOURCE_EXHAUSTED, lambda: client.execute_unary(request=request, method=DRAW))
    fitting = DRAW.input.FromString(bytes([0x4A, 0x80, 0x80, 0xC0, 0x01]) + bytes(3 << 20))
    assert len(client.execute_unary(request=fitting, method=DRAW).numbers) == 1
    summands = iter([SUM.input(number=1), SUM.input.FromString(unknown)])
    fails_with(Code.RESOURCE_EXHAUSTED, lambda: client.execute_client_stream(request=summands, method=SUM))


for codec in [google_protobuf_binary_codec(), google_protobuf_json_codec()]:
    for compression in [None, GzipCompression(), BrotliCompression(), ZstdCompression()]:
        accepted = [compression] if compression else []
        with ConnectClientSync(
            url, codec=codec, send_compression=compression, accept_compression=accepted
        ) as client:
            every_kind(client)
            errors(client)
            if codec.name() == "proto":
                large(client)
print("ok")
