"""Python requests against the demo: a kept connection, bodies of both framings, a streamed answer. Argument: the URL."""

import sys

import requests

url = sys.argv[1]
session = requests.Session()
session.trust_env = False  # no proxy of the environment

for _ in range(20):
    response = session.get(url + "/plaintext", timeout=60)
    assert response.status_code == 200 and response.text == "Hello, World!", response.text
pools = session.get_adapter(url).poolmanager.pools
connections = [pools[key].num_connections for key in pools.keys()]
assert connections == [1], f"{connections} connections where one is kept alive"

assert session.get(url + "/json", timeout=60).json() == {"message": "Hello, World!"}
response = session.post(url + "/echo", data=b"\x00\xffbody", headers={"Content-Type": "x/y"}, timeout=60)
assert response.content == b"\x00\xffbody" and response.headers["Content-Type"] == "x/y"


def pieces():
    for _ in range(100):
        yield b"x" * 10_000


response = session.post(url + "/upload", data=pieces(), timeout=60)
assert response.request.headers["Transfer-Encoding"] == "chunked"
assert response.text.strip() == "1000000", response.text
assert session.post(url + "/upload", data=b"x" * 3_000_000, timeout=60).text.strip() == "3000000"

with session.get(url + "/bytes/5000000", stream=True, timeout=60) as response:
    assert sum(len(piece) for piece in response.iter_content(7_000)) == 5_000_000

response = session.head(url + "/json", timeout=60)
assert response.status_code == 200 and response.content == b""
assert session.options(url + "/json", timeout=60).headers["Allow"]
assert session.put(url + "/plaintext", data=b"x", timeout=60).status_code == 405
assert session.get(url + "/nothing", timeout=60).status_code == 404
