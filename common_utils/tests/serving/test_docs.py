from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from common_utils.serving.app import Settings
from common_utils.serving.docs import install_docs

MakeClient = Callable[..., TestClient]


def test_docs_page_names_no_other_host_and_every_file_is_there(make_client: MakeClient) -> None:
    client = make_client()
    page = client.get("/docs")
    assert page.status_code == 200
    assert "//" not in page.text
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) == 4
    for file in files:
        assert client.get(file).status_code == 200
    assert '"/openapi.json"' in client.get("/docs/start.js").text


def test_docs_policy_allows_only_our_own_sources(make_client: MakeClient) -> None:
    page = make_client().get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "<script>" not in page.text
    assert "http" not in policy


@pytest.mark.parametrize("name", ["redoc.standalone.js", "..%2fconsts.py", "%2e%2e/consts.py", "core.py"])
def test_docs_serve_no_other_file(make_client: MakeClient, name: str) -> None:
    assert make_client().get(f"/docs/{name}").status_code == 404


def test_openapi_document_is_served(make_client: MakeClient) -> None:
    document = make_client().get("/openapi.json").json()
    assert document["info"] == {"title": "Demo", "description": "A service for tests.", "version": "1.2.3"}


def test_docs_follow_a_path_prefix_and_escape_the_title() -> None:
    app = FastAPI(title="<A&B>", openapi_url=None)
    install_docs(app)
    client = TestClient(app, root_path="/plans")
    page = client.get("/docs").text
    assert "<title>&lt;A&amp;B&gt;</title>" in page
    assert 'src="/plans/docs/start.js"' in page
    assert '"/plans/openapi.json"' in client.get("/docs/start.js").text


def test_docs_behind_a_prefix_that_a_setting_names(make_client: MakeClient) -> None:
    client = make_client(settings=lambda: Settings(root_path="/planrec"))
    page = client.get("/docs").text
    assert 'href="/planrec/docs/swagger-ui.css"' in page
    assert '"/planrec/openapi.json"' in client.get("/docs/start.js").text
    assert client.get("/openapi.json").json()["servers"] == [{"url": "/planrec"}]
    assert "servers" not in make_client().get("/openapi.json").json()
