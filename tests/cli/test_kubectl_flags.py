import pytest

from k8s_ref.cli.kubectl.flags import Flag, UsageError, parse, switch

FLAGS = (
    Flag("namespace", "n"),
    Flag("output", "o"),
    Flag("tail", type="int", default=-1),
    Flag("label-columns", "L", "list", ()),
    Flag("cascade", default="background", bare="background"),
    Flag("timeout", type="duration", default=0.0),
    switch("watch", "", "w"),
    switch("all-namespaces", "", "A"),
)


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["-n", "shop"], "namespace", "shop"),
        (["-nshop"], "namespace", "shop"),
        (["-n=shop"], "namespace", "shop"),
        (["--namespace", "shop"], "namespace", "shop"),
        (["--namespace=shop"], "namespace", "shop"),
        (["-wA"], "all-namespaces", True),
        (["-Awide", "-o"], None, None),
        (["-woyaml"], "output", "yaml"),
        (["--watch=false"], "watch", False),
        (["--tail=-3"], "tail", -3),
        (["-L", "a,b", "-Lc"], "label-columns", ["a", "b", "c"]),
        (["--cascade"], "cascade", "background"),
        (["--cascade=orphan"], "cascade", "orphan"),
        (["--timeout=1m30s"], "timeout", 90.0),
        ([], "tail", -1),
    ],
)
def test_a_flag_is_understood_in_every_way_it_is_written(words, name, value):
    if name is None:
        with pytest.raises(UsageError):
            parse(words, FLAGS)
        return
    assert parse(words, FLAGS)[0][name] == value


def test_words_may_stand_before_and_after_flags():
    assert parse(["pods", "-n", "shop", "web", "--", "-x"], FLAGS)[1] == ["pods", "web", "-x"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--x"], "unknown flag: --x"),
        (["-q"], "unknown shorthand flag: 'q' in -q"),
        (["-wq"], "unknown shorthand flag: 'q' in -q"),
        (["-o"], "flag needs an argument: 'o' in -o"),
        (["--output"], "flag needs an argument: --output"),
        (
            ["--tail=x"],
            'invalid argument "x" for "--tail" flag: strconv.ParseInt: parsing "x": invalid syntax',
        ),
        (
            ["-w=x"],
            'invalid argument "x" for "-w, --watch" flag:'
            ' strconv.ParseBool: parsing "x": invalid syntax',
        ),
    ],
)
def test_what_cannot_be_understood_is_refused_in_kubectls_words(words, message):
    with pytest.raises(UsageError) as refused:
        parse(words, FLAGS)
    assert str(refused.value) == message
