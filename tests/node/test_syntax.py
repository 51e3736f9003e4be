"""Scripts become trees, or are refused; nothing in between."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.node.syntax import For, If, Logical, Loop, Sequence, ShellSyntaxError, Simple, parse


def test_operators_bind_tighter_than_semicolons_and_to_the_left():
    a, b, c, d = (Simple((name,)) for name in "abcd")
    assert parse("a && b || c; d") == Sequence((Logical(Logical(a, "&&", b), "||", c), d))


def test_blocks_nest():
    tree = parse("while a; do if b; then c; fi; for x in 1 2; do d; done; done")
    (loop,) = tree.items
    assert isinstance(loop, Loop)
    branch, each = loop.body.items
    assert isinstance(branch, If)
    assert isinstance(each, For)
    assert each.words == ("1", "2")


def test_words_keep_their_quotes_for_later():
    assert parse("""echo "a b"'c;d'$(e; f)""").items == (Simple(("echo", "\"a b\"'c;d'$(e; f)")),)


@given(st.text(alphabet="ab \"'$(){};&|\n#\\<>=1do", max_size=40))
def test_any_text_is_a_tree_or_a_syntax_error(script):
    with suppress(ShellSyntaxError):
        assert isinstance(parse(script), Sequence)
