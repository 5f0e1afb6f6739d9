// Node undici against the demo: a pool, pipelining, bodies of both framings, a streamed answer. Argument: the URL.
'use strict';

const assert = require('node:assert');
const { Readable } = require('node:stream');
const { Client, Pool } = require('undici');

const url = process.argv[2];

async function pooled() {
  const pool = new Pool(url, { connections: 8 });
  const answer = async (number) => {
    const { statusCode, body } = await pool.request({ method: 'POST', path: '/echo', body: `${number}` });
    assert.strictEqual(statusCode, 200);
    assert.strictEqual(await body.text(), `${number}`);
  };
  await Promise.all(Array.from({ length: 500 }, (_, number) => answer(number)));
  await pool.close();
}

async function pipelined() {
  let connections = 0;
  const client = new Client(url, { pipelining: 16 });
  client.on('connect', () => { connections += 1; });
  const get = async (path) => (await client.request({ method: 'GET', path })).body.text();
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => get(n % 2 ? '/plaintext' : '/json')));
  answers.forEach((text, n) => assert.strictEqual(text, n % 2 ? 'Hello, World!' : '{"message":"Hello, World!"}'));
  assert.strictEqual(connections, 1, 'all on one connection');
  await client.close();
}

async function streamed() {
  const client = new Client(url);
  const pieces = Readable.from((function* () { for (let n = 0; n < 100; n += 1) yield Buffer.alloc(10_000); })());
  const upload = await client.request({ method: 'POST', path: '/upload', body: pieces });
  assert.strictEqual((await upload.body.text()).trim(), '1000000');
  const { body } = await client.request({ method: 'GET', path: '/bytes/5000000' });
  let length = 0;
  for await (const piece of body) length += piece.length;
  assert.strictEqual(length, 5_000_000);
  const head = await client.request({ method: 'HEAD', path: '/json' });
  assert.strictEqual(await head.body.text(), '');
  await client.close();
}

(async () => {
  await pooled();
  await pipelined();
  await streamed();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
