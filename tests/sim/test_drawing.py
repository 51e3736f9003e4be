"""Drawing: what is written is what is read, in one language, and nothing breaks the page."""

from xml.etree import ElementTree

import pytest

from k8s_ref.sim import drawing


def drawn(body, lang=None):
    return ElementTree.fromstring(drawing.document("T", "about", body, (100, 50), lang))


def test_a_picture_without_a_language_takes_that_of_its_page():
    root = drawn("")
    assert root.get("lang") is None and root.get("viewBox") == "0 0 100 50"
    assert ".k8s-picture:lang(zh) .k8s-en{display:none}" in root.findtext("{*}style")


def test_a_picture_can_be_fixed_to_one_language():
    assert drawn("", "zh").get("lang") == "zh"


def test_both_languages_are_in_one_file_and_each_is_marked():
    parts = [(part.get("class"), part.text) for part in drawn(drawing.both("a", "甲"))[3:]]
    assert parts == [("k8s-en", "a"), ("k8s-zh", "甲")]


@pytest.mark.parametrize("text", ["<b>&", 'a"b', "\x00\x1b[0m", "\ud800"])
def test_no_text_can_break_the_picture(text):
    root = drawn(drawing.group(text, [drawing.text(1, 2, drawing.safe(text))]))
    assert root.findtext(".//{*}g/{*}title") == drawing.safe(text).replace("&lt;", "<").replace(
        "&gt;", ">"
    ).replace("&amp;", "&")


def test_a_chinese_character_is_as_wide_as_it_is_high():
    assert drawing.width("甲", 10) - 1 == 10 > drawing.width("a", 10) - 1


def test_an_arrow_points_to_its_end_from_either_side():
    assert "M90 5l-8" in drawing.arrow(10, 90, 5, "red")
    assert "M10 5l8" in drawing.arrow(90, 10, 5, "red")


def test_a_picture_shows_itself_as_its_svg():
    class Dot(drawing.Picture):
        def svg(self, lang=None):
            return drawing.document("Dot", "a dot", "", (1, 1), lang)

    assert Dot()._repr_svg_() == Dot().svg()
