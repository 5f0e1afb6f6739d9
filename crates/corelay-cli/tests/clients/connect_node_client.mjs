// connect-node: every kind of method over HTTP/1.1, in both codecs, with compression, a deadline and an error's details.
// Messages are described here and not generated: the descriptor set is the project's own, as `buf build` makes it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport } from "@connectrpc/connect-node";

const [, , baseUrl, descriptors] = process.argv;
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
const service = registry.getService("corelay.demo.v1.RandomService");
const sumRequest = registry.getMessage("corelay.demo.v1.SumRequest");
const bounds = registry.getMessage("corelay.demo.v1.Bounds");

async function* each(values) {
  yield* values;
}

async function all(messages) {
  const found = [];
  for await (const message of messages) found.push(message);
  return found;
}

for (const useBinaryFormat of [true, false]) {
  for (const sendCompression of [undefined, compressionGzip]) {
    for (const useHttpGet of [true, false]) {
      const options = { baseUrl, httpVersion: "1.1", useBinaryFormat, sendCompression, compressMinBytes: 0, useHttpGet };
      const client = createClient(service, createConnectTransport(options));

      const drawn = await client.draw({ count: 2000, max: 6n }, { timeoutMs: 60_000 });
      assert.equal(drawn.numbers.length, 2000);
      assert.ok(drawn.numbers.every((number) => number >= 0n && number < 6n));

      let trailers;
      const rolled = await all(client.roll({ count: 50, sides: 3 }, { onTrailer: (fields) => (trailers = fields) }));
      assert.ok(rolled.length === 50 && rolled.every(({ face }) => face >= 1 && face <= 3));
      assert.equal(trailers.get("x-thrown"), "50");

      const summed = await client.sum(each([{ number: -7n }, { number: 9n }]));
      assert.deepEqual([summed.sum, summed.count], [2n, 2n]);

      const exchanged = await all(client.exchange(each([{ max: 1n }, { max: 1n }])));
      assert.deepEqual(exchanged.map(({ number }) => number), [0n, 0n]);

      const refused = await client.draw({ count: 10_001 }).catch((error) => error);
      assert.ok(refused instanceof ConnectError && refused.code === Code.OutOfRange, String(refused));
      const [detail] = refused.findDetails(bounds);
      assert.equal(detail.most, 10_000n);

      // Five mebibytes in a field that the server does not know: wire type 2, so its length comes first.
      const large = create(sumRequest, { number: 1n });
      large.$unknown = [{ no: 9, wireType: 2, data: new Uint8Array([0x80, 0x80, 0xc0, 0x02, ...new Uint8Array(5 << 20)]) }];
      if (useBinaryFormat && sendCompression === undefined) {
        const refused = await client.sum(each([large])).catch((error) => error);
        assert.equal(refused.code, Code.ResourceExhausted, String(refused));
      }
    }
  }
}
console.log("ok");
