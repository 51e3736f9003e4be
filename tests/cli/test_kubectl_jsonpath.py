import pytest

from k8s_ref.cli.kubectl.jsonpath import Missing, find, render

PODS = {
    "kind": "List",
    "items": [
        {"metadata": {"name": "a", "labels": {"app.io/x": "1"}}, "spec": {"n": 3, "on": True}},
        {"metadata": {"name": "b"}, "spec": {"n": 5, "list": ["x", "y", "z"]}},
    ],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{.kind}", "List"),
        ("{$.kind} is {.kind}", "List is List"),
        ("{.items[*].metadata.name}", "a b"),
        ("{.items[0].metadata.name}", "a"),
        ("{.items[-1].metadata.name}", "b"),
        ("{.items[1].spec.list[0:2]}", "x y"),
        ("{.items[1].spec.list[1:]}", "y z"),
        ("{.items[1].spec.list[::2]}", "x z"),
        ("{.items[1].spec.list[0,2]}", "x z"),
        ("{.items[0].spec}", '{"n":3,"on":true}'),
        ("{.items[0].metadata.labels.app\\.io/x}", "1"),
        ("{.items[0].metadata.labels['app.io/x']}", ""),
        ("{..name}", "a b"),
        ("{.items[*].spec.n}", "3 5"),
        ("{.items[?(@.spec.n>3)].metadata.name}", "b"),
        ('{.items[?(@.metadata.name=="a")].spec.n}', "3"),
        ("{.items[?(@.spec.list)].metadata.name}", "b"),
        ("{.items[?(@.spec.on==true)].metadata.name}", "a"),
        ("{.items[*]['metadata.name','spec.n']}", "a b 3 5"),
        ('{range .items[*]}{.metadata.name}{"\\t"}{.spec.n}{"\\n"}{end}done', "a\t3\nb\t5\ndone"),
        ("{.nothing}{.items[*].nothing}", ""),
        ("no braces", "no braces"),
    ],
)
def test_a_template_takes_values_out_of_an_object(template, text):
    assert render(template, PODS) == text


def test_an_index_that_is_not_there_is_an_error():
    with pytest.raises(Missing, match="array index out of bounds: index 5, length 2"):
        render("{.items[5]}", PODS)


@pytest.mark.parametrize("template", ["{.items[*]", "{range .items[*]}{.x}", "{.a}{end}", "{%}"])
def test_a_broken_template_is_refused(template):
    with pytest.raises(ValueError, match="error parsing jsonpath"):
        render(template, PODS)


def test_a_path_may_do_without_braces():
    assert find(".items[*].metadata.name", PODS) == find("{items[*].metadata.name}", PODS)
