"""Every kind of finding is found, and what is right is left alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from check_documents import check, main
from named import missing_command, named_files

HOST = ".".join(["pypi", "org"])  # in one piece this file would be a finding itself
HOME = "/".join(["", "home", "me", "x"])


@pytest.fixture
def tree(tmp_path: Path):
    """A work tree under Git with a Makefile; return how to add files to it and read the findings."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("artifacts/\n")
    (tmp_path / "Makefile").write_text(".PHONY: setup check\nsetup check:\n\t@true\n")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "tool.py").write_text("")
    (tmp_path / "part" / "Makefile").write_text(".PHONY: train\ntrain:\n\t@true\n")

    def findings(**files: str) -> list[str]:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_md", ".md").replace("_txt", ".txt").replace(
                "_py", ".py"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return [str(finding) for finding in check(tmp_path)]

    return findings


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[a](part/Makefile)", id="file"),
        pytest.param("[a](part) and [b](part/)", id="folder"),
        pytest.param("# Two words, `code`!\n[a](#two-words-code)", id="own-anchor"),
        pytest.param("# Same\n# Same\n[a](#same-1)", id="repeated-heading"),
        pytest.param('<a id="here"></a>\n\n[a](#here)', id="html-anchor"),
        pytest.param("[a](https://example.com/missing)", id="elsewhere"),
        pytest.param("`[a](missing.md)`", id="in-code"),
        pytest.param("```text\n[a](missing.md)\n```", id="in-block"),
        pytest.param("[a][1]\n\n[1]: Makefile", id="reference"),
        pytest.param('`make setup check`, `make -C part train`, `make -C part train ARGS="--x y"`', id="targets"),
        pytest.param("```bash\n$ cd part && make train  # make nonsense\n```", id="target-after-cd"),
        pytest.param("`make <target>`, make sure, `make`, `make V=1`", id="no-target"),
        pytest.param("```makefile\nmake nonsense:\n```", id="not-shell"),
        pytest.param("`part/Makefile`, `part/` and `part/tool.py`", id="named-file"),
        pytest.param("`tool.py`, `pytest part/tool.py -k x`", id="named-by-its-end"),
        pytest.param(
            "`artifacts/<version>/`, `artifacts/card.md`, `new_plan.yaml`, `a/*.md`, `~/x/y.md`", id="not-ours"
        ),
        pytest.param("`https://example.com/part/missing.md` and part/missing.py outside of code", id="no-code"),
    ],
)
def test_what_is_right_is_left_alone(tree, text: str):
    assert tree(README_md=text) == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        pytest.param("\n[a](missing.md)", "README.md:2: link 'missing.md' leads nowhere", id="link"),
        pytest.param("![a](missing.png)", "README.md:1: link 'missing.png' leads nowhere", id="image"),
        pytest.param('<img src="missing.png">', "README.md:1: link 'missing.png' leads nowhere", id="html"),
        pytest.param("[a][1]\n\n[1]: missing.md", "README.md:1: link 'missing.md' leads nowhere", id="reference"),
        pytest.param("[a](../outside.md)", "README.md:1: link '../outside.md' leads nowhere", id="outside"),
        pytest.param(
            "# Here\n[a](#there)",
            "README.md:2: link '#there': README.md has no such heading; it has ['here']",
            id="anchor",
        ),
        pytest.param("run `make nonsense`", "README.md:1: `make nonsense` is named, but", id="target"),
        pytest.param(
            "`make -C part setup`",
            "README.md:1: `make setup` is named, but there is no such target in part",
            id="folder",
        ),
        pytest.param("```bash\nmake setup\nmake chek\n```", "README.md:3: `make chek` is named", id="block"),
        pytest.param("```\nX=1 make setup && make tset\n```", "README.md:2: `make tset` is named", id="second-command"),
        pytest.param(
            "see `part/gone.py`", "README.md:1: `part/gone.py` is named, but there is no such file", id="file"
        ),
        pytest.param("run `gone.py`", "README.md:1: `gone.py` is named, but there is no such file", id="bare-file"),
        pytest.param("\nin `part/gone/`", "README.md:2: `part/gone/` is named, but", id="folder-named"),
        pytest.param("`../part/tool.py`", "README.md:1: `../part/tool.py` is named, but", id="outside-named"),
        pytest.param(
            "```\nx\npytest tests/test_gone.py\n```", "README.md:3: `tests/test_gone.py` is named", id="in-block"
        ),
        pytest.param("see https://" + HOST, f"README.md:1: '{HOST}' is the host of a package", id="host"),
        pytest.param("cd " + HOME, "is a folder of one machine", id="home"),
        pytest.param("in " + "/".join(["", "work", "main"]), "is a folder of one machine", id="work"),
        pytest.param("index-" + "url = http://mirror.example", "is an address of a package index", id="index"),
    ],
)
def test_a_finding_says_where_and_what(tree, text: str, finding: str):
    found = tree(README_md=text)
    assert len(found) == 1
    assert finding in found[0]


def test_a_link_into_an_ignored_folder_is_broken_in_a_fresh_clone(tree):
    assert "leads nowhere" in tree(artifacts__card_md="# x", README_md="[a](artifacts/card.md)")[0]


def test_a_document_may_name_targets_of_its_own_folder_or_the_root_s(tree):
    assert tree(part__docs__guide_md="`make train`, `make setup`, [up](../Makefile)") == []


def test_an_anchor_in_another_document_is_checked(tree):
    found = tree(a_md="[x](b.md#yes) [y](b.md#no)", b_md="# Yes")
    assert len(found) == 1
    assert "link 'b.md#no': b.md has no such heading" in found[0]


def test_a_message_in_code_names_a_target_that_exists(tree):
    assert tree(part__a_py='raise E("run `make train`")\n') == []
    assert "a.py:1: `make tarin` is named" in tree(part__a_py='raise E("run `make tarin`")\n')[0]


@pytest.mark.parametrize("line", ["--index-" + "url x", "x @ https://example.com/x.whl"])
def test_a_lock_holds_no_address(tree, line: str):
    assert any(
        "a lock holds no address" in finding
        for finding in tree(requirements_txt=f"a==1 \\\n    --hash=sha256:0\n{line}\n")
    )


def test_a_file_that_is_no_text_is_passed_over(tree, tmp_path: Path):
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff\xfe")
    assert tree(README_md="![a](image.png)") == []


def test_the_exit_code_tells(tree, tmp_path: Path, capsys):
    tree(README_md="[a](Makefile)")
    assert main([str(tmp_path)]) == 0
    tree(README_md="[a](missing)")
    assert main([str(tmp_path)]) == 1
    assert "README.md:1" in capsys.readouterr().err


def test_a_path_in_a_member_s_document_is_the_member_s_own(tree, tmp_path: Path):
    for member in ("one", "two"):
        (tmp_path / member / "tests").mkdir(parents=True)
        (tmp_path / member / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "two" / "tests" / "test_x.py").write_text("")
    assert tree(two__docs__a_md="`tests/test_x.py`, `test_x.py`") == []
    assert tree(one__docs__a_md="`../two/tests/test_x.py`") == []
    assert "`tests/test_x.py` is named" in tree(one__docs__a_md="`tests/test_x.py`")[0]


def test_the_changelog_and_cases_may_name_what_is_gone(tree):
    assert tree(CHANGELOG_md="`part/gone.py`", part__tests__cases__README_md="`part/gone.py`") == []


def test_comments_of_settings_name_files_that_exist(tree, tmp_path: Path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "config.yaml").write_text(
        "a: 1  # see part/tool.py\nb: part/gone.yaml\n# and part/gone.py\n"
    )
    assert tree() == ["configs/config.yaml:3: `part/gone.py` is named, but there is no such file; correct the path"]


def test_a_command_that_a_document_names_exists(tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "pyproject.toml").write_text('[project.scripts]\nshop = "shop_cli:main"\n')
    (tmp_path / "shop" / "shop_cli.py").write_text(
        "import typer\n\napp = typer.Typer()\n\n@app.command()\ndef sell(): ...\n\n"
        "@app.command('buy-in')\ndef buy(): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "shop")
    assert tree(README_md="`shop sell --all`, `shop buy-in x`, `shop --help`, `shop`, `other thing`") == []
    assert tree(README_md="```bash\nX=1 shop sel\n```") == [
        "README.md:2: `shop sel` is named, but there is no such command; see `shop --help`"
    ]


def test_a_command_below_a_command_is_looked_up():
    lines = {"shop": {"release": {"list": {}}, "sell": {}}}
    assert missing_command(["shop", "release", "list"], lines) is None
    assert missing_command(["shop", "release", "lst"], lines) == "shop release lst"
    assert missing_command(["shop", "sell", "anything"], lines) is None


def test_only_paths_and_python_files_are_named_files():
    assert list(named_files("metrics.json config.yaml a/b.py ./x/y.md http://h/z.md 1.5/2 and/or")) == [
        "a/b.py",
        "./x/y.md",
    ]


def test_an_entry_of_the_changelog_that_a_merge_kept_twice_is_found(tree) -> None:
    entry = "- Tables: words that mean a missing id are rejected"
    kept_twice = f"# Changes\n\n{entry}.\n- Tables: more\n{entry}; `null` is an id.\n- Tables: more\n"
    assert tree(CHANGELOG_md=kept_twice) == [
        "CHANGELOG.md:5: the entry begins as that of line 3 does; keep one of them"
    ]
    assert (
        tree(CHANGELOG_md=f"# Changes\n\n{entry}.\n- Tables: words that mean a wrong id\n", other_md=kept_twice) == []
    )
