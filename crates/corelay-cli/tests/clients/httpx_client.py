"""Python httpx against the demo: a kept connection, many at once, bodies of both framings, a stream. Argument: the URL."""

import asyncio
import sys

import httpx

url = sys.argv[1]


def one_at_a_time():
    with httpx.Client(base_url=url, timeout=60, trust_env=False, limits=httpx.Limits(max_connections=1)) as client:
        for _ in range(20):
            assert client.get("/plaintext").text == "Hello, World!"
        assert client.get("/json").json() == {"message": "Hello, World!"}
        response = client.post("/echo", content=b"\x00\xffbody", headers={"Content-Type": "x/y"})
        assert response.content == b"\x00\xffbody" and response.headers["Content-Type"] == "x/y"
        response = client.post("/upload", content=(b"x" * 10_000 for _ in range(100)))
        assert response.request.headers["Transfer-Encoding"] == "chunked"
        assert response.text.strip() == "1000000", response.text
        with client.stream("GET", "/bytes/5000000") as response:
            assert sum(len(piece) for piece in response.iter_bytes()) == 5_000_000
        assert client.head("/json").content == b""
        assert client.request("DELETE", "/plaintext").status_code == 405


async def many_at_once():
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        answers = await asyncio.gather(*(client.post("/echo", content=str(number)) for number in range(200)))
        assert [answer.text for answer in answers] == [str(number) for number in range(200)]


one_at_a_time()
asyncio.run(many_at_once())
