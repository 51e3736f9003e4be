"""Pictures: what they say is what the trace says, in two languages, and it can be read."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.sim import drawing, picture
from k8s_ref.sim.picture import BARS, ROWS, Sequence, Timeline
from k8s_ref.sim.trace import VERBS, Record, Trace

API = "kube-apiserver"
MS = 1_000_000
RS, POD = "replicasets/default/web", "pods/default/web-7d4b9"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def one_pod():
    """A replica set of one Pod, from kubectl to Running."""
    trace = Trace()
    rs = trace.add(0, "kubectl", "create", RS, to=API, revision=41)
    trace.add(0, "replicaset-controller", "expect", RS, "+1 Pods", cause=rs)
    pod = trace.add(0, "replicaset-controller", "create", POD, to=API, revision=42, cause=rs)
    trace.add(0, "default-scheduler", "filter", POD, "2 of 3 nodes fit", cause=pod)
    trace.add(0, "default-scheduler", "score", POD, "node-2 88", cause=pod)
    trace.add(0, "default-scheduler", "select", POD, "node-2", cause=pod)
    bound = trace.add(0, "default-scheduler", "bind", POD, "node-2", API, 43, pod)
    for at, verb in ((10, "sandbox"), (250, "pull"), (2850, "container"), (2900, "start")):
        trace.add(at * MS, "kubelet/node-2", verb, POD, to="containerd/node-2", cause=bound)
    ready = trace.add(2950 * MS, "kubelet/node-2", "status", POD, "Running", API, 44, bound)
    trace.add(2950 * MS, "replicaset-controller", "status", RS, "1 ready", API, 45, ready)
    return trace


def a_hundred_pods(nodes=3):
    trace = Trace()
    rs = trace.add(0, "kubectl", "create", RS, to=API, revision=1)
    for n in range(100):
        pod, node = f"pods/default/web-{n}", f"node-{n % nodes}"
        made = trace.add(0, "replicaset-controller", "create", pod, "", API, 2 + 2 * n, rs)
        trace.add(0, "default-scheduler", "select", pod, node, cause=made)
        bound = trace.add(0, "default-scheduler", "bind", pod, node, API, 3 + 2 * n, made)
        trace.add(0, f"kubelet/{node}", "pull", pod, "", f"containerd/{node}", cause=bound)
    return trace


def words(svg, language):
    """The text a reader of this language sees, drawn text by drawn text."""
    other = {"en": "k8s-zh", "zh": "k8s-en"}[language]

    def told(element):
        inner = "".join(told(child) + (child.tail or "") for child in element)
        return "" if element.get("class") == other else (element.text or "") + inner

    return [told(text) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def boxes(svg):
    """Left, right, top and bottom of every rectangle."""
    found = []
    for rect in ElementTree.fromstring(svg).iter(f"{SVG}rect"):
        x, y, width, height = (int(rect.get(key)) for key in ("x", "y", "width", "height"))
        found.append((x, x + width, y, y + height))
    return found


# -- the sequence diagram


def test_the_whole_story_reads_as_one_line_a_step(one_pod):
    assert repr(Sequence(one_pod)).splitlines() == [
        f"kubectl -> {API}: create {RS} (revision 41)",
        f"{API} ~> replicaset-controller: watch {RS}",
        f"replicaset-controller: expect {RS} +1 Pods",
        f"replicaset-controller -> {API}: create {POD} (revision 42)",
        f"{API} ~> default-scheduler: watch {POD}",
        f"default-scheduler: filter {POD} 2 of 3 nodes fit",
        f"default-scheduler: score {POD} node-2 88",
        f"default-scheduler: select {POD} node-2",
        f"default-scheduler -> {API}: bind {POD} node-2 (revision 43)",
        f"{API} ~> kubelet/node-2: watch {POD}",
        f"kubelet/node-2 -> containerd/node-2: sandbox {POD}",
        f"kubelet/node-2 -> containerd/node-2: pull {POD}",
        f"kubelet/node-2 -> containerd/node-2: container {POD}",
        f"kubelet/node-2 -> containerd/node-2: start {POD}",
        f"kubelet/node-2 -> {API}: status {POD} Running (revision 44)",
        f"{API} ~> replicaset-controller: watch {POD}",
        f"replicaset-controller -> {API}: status {RS} 1 ready (revision 45)",
    ]


def test_an_actor_needs_no_watch_to_know_its_own_write():
    trace = Trace()
    made = trace.add(0, "kubectl", "create", POD, to=API, revision=5)
    trace.add(0, "kubectl", "delete", POD, to=API, revision=6, cause=made)
    assert "~>" not in repr(Sequence(trace))


def test_a_cause_that_wrote_nothing_is_not_watched():
    trace = Trace()
    exited = trace.add(0, "kubelet/node-1", "exit", POD)
    trace.add(0, "default-scheduler", "enqueue", POD, cause=exited)
    assert "~>" not in repr(Sequence(trace))


def test_lanes_stand_in_the_order_of_the_floors_and_nodes_stay_together():
    trace = Trace()
    for node in ("node-1", "node-2"):
        trace.add(0, f"kubelet/{node}", "pull", POD, to=f"containerd/{node}")
    trace.add(0, "default-scheduler", "bind", POD, to=API, revision=1)
    trace.add(0, "replicaset-controller", "create", POD, to=API, revision=2)
    trace.add(0, "garbage-collector", "delete", POD, to=API, revision=3)
    trace.add(0, "kubectl", "create", POD, to=API, revision=4)
    assert Sequence(trace).lanes == [
        "kubectl",
        API,
        "etcd",
        "replicaset-controller",
        "garbage-collector",
        "default-scheduler",
        "kubelet/node-1",
        "containerd/node-1",
        "kubelet/node-2",
        "containerd/node-2",
    ]


def test_a_runtime_without_a_node_stands_right_of_the_kubelets():
    trace = Trace()
    trace.add(0, "kubelet/node-1", "pull", POD, to="containerd")
    assert Sequence(trace).lanes == ["kubelet/node-1", "containerd"]


def test_only_the_lanes_asked_for_are_drawn(one_pod):
    shown = Sequence(one_pod, lanes=["default-scheduler", "kubelet/*"])
    assert repr(shown).splitlines() == [
        f"default-scheduler: filter {POD} 2 of 3 nodes fit",
        f"default-scheduler: score {POD} node-2 88",
        f"default-scheduler: select {POD} node-2",
        f"default-scheduler: bind {POD} node-2 (revision 43)",
        f"kubelet/*: sandbox {POD}",
        f"kubelet/*: pull {POD}",
        f"kubelet/*: container {POD}",
        f"kubelet/*: start {POD}",
        f"kubelet/*: status {POD} Running (revision 44)",
    ]
    assert "revision" not in "".join(words(shown.svg(), "en"))


def test_the_store_is_left_out_where_its_lane_is_not_asked_for(one_pod):
    shown = Sequence(one_pod, lanes=["kubectl", API])
    assert repr(shown) == f"kubectl -> {API}: create {RS} (revision 41)"
    assert "revision 41" not in words(shown.svg(), "en")
    assert repr(Sequence(one_pod, lanes=[API])) == ""


def test_a_request_to_oneself_is_a_decision():
    trace = Trace()
    trace.add(0, "kubelet/node-1", "restart", "kubelet", to="kubelet/node-1")
    assert repr(Sequence(trace)) == "kubelet/node-1: restart kubelet"
    assert ElementTree.fromstring(Sequence(trace).svg()).tag == f"{SVG}svg"


def test_what_the_api_server_writes_itself_is_stored_too():
    trace = Trace()
    for n, name in enumerate(("default", "kube-system"), 1):
        trace.add(0, API, "create", f"namespaces/{name}", to=API, revision=n)
    shown = Sequence(trace)
    assert shown.lanes == [API, "etcd"]
    assert [text for text in words(shown.svg(), "zh") if "修订号" in text] == [
        "修订号 1",
        "修订号 2",
    ]


def test_watches_are_dashed_and_requests_are_not(one_pod):
    dashes = re.findall('stroke-dasharray="([^"]*)"', Sequence(one_pod).svg())
    assert dashes.count("5 4") == 4
    assert dashes.count("none") == 9 + 5


def test_a_long_picture_names_its_lanes_at_both_ends(one_pod):
    assert words(Sequence(one_pod).svg(), "en").count("etcd") == 2
    assert words(Sequence(one_pod[:5]).svg(), "en").count("etcd") == 1


def test_many_alike_in_one_instant_are_one_row():
    lines = repr(Sequence(a_hundred_pods())).splitlines()
    assert lines[:6] == [
        f"kubectl -> {API}: create {RS} (revision 1)",
        f"{API} ~> replicaset-controller: watch {RS}",
        f"replicaset-controller -> {API}: create pods/… × 100 (revision 2…200)",
        f"{API} ~> default-scheduler: watch pods/… × 100",
        "default-scheduler: select pods/… × 100",
        f"default-scheduler -> {API}: bind pods/… × 100 (revision 3…201)",
    ]
    assert f"{API} ~> kubelet/node-0: watch pods/… × 34" in lines
    assert len(lines) == 12


def test_four_alike_and_those_of_another_instant_stay_apart():
    trace = Trace()
    for n in range(8):
        trace.add(n // 4, "kubectl", "create", f"pods/default/{n}", to=API, revision=n + 1)
    assert len(Sequence(trace).steps) == 8


def test_a_folded_row_keeps_a_subject_that_all_have():
    trace = Trace()
    for n in range(9):
        trace.add(0, "kubectl", "patch", POD, to=API, revision=n + 1)
    assert repr(Sequence(trace)) == f"kubectl -> {API}: patch {POD} × 9 (revision 1…9)"


def test_a_crowd_of_nodes_shares_one_lane():
    shown = Sequence(a_hundred_pods(nodes=20))
    assert shown.lanes[-2:] == ["kubelet/*", "containerd/*"]
    assert repr(shown).endswith("kubelet/* -> containerd/*: pull pods/… × 100")


def test_what_does_not_fit_is_counted():
    trace = Trace()
    for n in range(ROWS + 7):
        trace.add(n, "kubectl", "delete", POD, to=API, revision=n + 1)
    shown = Sequence(trace)
    assert repr(shown).splitlines()[ROWS:] == ["… 7 more"]
    assert "… 7 more" in words(shown.svg(), "en")
    assert "…… 另有 7 项" in words(shown.svg(), "zh")


def test_decisions_in_a_row_share_a_box_and_arrows_do_not(one_pod):
    titles = [t.text for t in ElementTree.fromstring(Sequence(one_pod).svg()).iter(f"{SVG}title")]
    rows = [title.splitlines() for title in titles if ": " in title]
    assert [len(row) for row in rows if row[0].startswith("default-scheduler: ")] == [3]
    assert [len(row) for row in rows if "> " in row[0]] == [1] * 13


def test_the_clock_is_shown_when_it_moves_and_only_then(one_pod):
    times = [text for text in words(Sequence(one_pod).svg(), "en") if text.endswith(" s")]
    assert times == ["0.000 s", "0.010 s", "0.250 s", "2.850 s", "2.900 s", "2.950 s"]


def test_lane_names_do_not_overlap_and_stay_in_the_picture():
    svg = Sequence(a_hundred_pods()).svg()
    width = int(ElementTree.fromstring(svg).get("width"))
    heads = sorted(box for box in boxes(svg) if box[2] == 8)
    assert len(heads) == 11
    assert all(one[1] < two[0] for one, two in pairwise(heads))
    assert heads[0][0] > 0
    assert heads[-1][1] < width


def test_every_word_of_a_lane_name_fits_its_box(one_pod):
    for word in ("replicaset-", "controller", "containerd", "apiserver"):
        assert word in words(Sequence(one_pod).svg(), "en")
        assert drawing.width(word) < picture.PITCH - 10


def test_a_life_line_makes_room_for_the_box_in_its_way(one_pod):
    svg = Sequence(one_pod).svg()
    lines = re.findall(r'<path d="([^"]*)"[^>]*opacity=".35"', svg)
    assert all(line.count("M") > 1 for line in lines)


def test_a_long_label_is_shortened_and_told_in_full_in_its_title():
    trace = Trace()
    note = "0/3 nodes are available: " + "3 Insufficient cpu, " * 30
    trace.add(0, "default-scheduler", "unfit", POD, note)
    svg = Sequence(trace).svg()
    assert note.strip() in next(
        e.text for e in ElementTree.fromstring(svg).iter() if e.text and "3 Ins" in e.text
    )
    assert max(map(len, words(svg, "en"))) < 60


# -- the time line


def test_a_bar_tells_what_happened_to_an_object_and_when(one_pod):
    assert repr(Timeline(one_pod)).splitlines() == [
        f"{RS}: 0.000 create expect, 2.950 status",
        f"{POD}: 0.000 create filter score select bind, 0.010 sandbox, 0.250 pull,"
        " 2.850 container, 2.900 start, 2.950 status",
    ]


def test_the_parts_of_a_bar_are_as_long_as_they_took(one_pod):
    svg = Timeline(one_pod.select(subject="pods/")).svg()
    parts = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        parts[group.find(f"{SVG}title").text.split()[2]] = int(
            group.find(f"{SVG}rect").get("width")
        )
    assert parts["pull"] == pytest.approx(600 * 2600 / (2950 * 4 / 3), abs=2)
    assert parts["status"] == pytest.approx(600 / 4, abs=2)
    assert sum(parts.values()) == 600


def test_a_part_wide_enough_says_what_happened_in_it(one_pod):
    svg = Timeline(one_pod).svg()
    assert "pull " in words(svg, "en")
    assert "拉镜像 " in words(svg, "zh")
    assert "status Running" in words(svg, "en")
    # Too short for its name: only the legend has it.
    assert words(svg, "en").count("container ") == 1


def test_a_deleted_object_has_no_bar_any_more():
    trace = Trace()
    trace.add(0, "kubectl", "create", POD)
    trace.add(MS, "kubectl", "delete", POD)
    bar = [box for box in boxes(Timeline(trace).svg()) if box[2] == 8]
    assert [right - left for left, right, *_ in bar] == [450, 0]


def test_the_axis_has_a_few_round_times():
    trace = Trace()
    trace.add(1_000_000_003, "kubectl", "create", POD)
    trace.add(61_000_000_000, "kubelet/node-1", "start", POD)
    times = [text for text in words(Timeline(trace).svg(), "en") if text.endswith(" s")]
    assert times == ["20 s", "40 s", "60 s", "80 s"]


def test_objects_that_do_not_fit_are_counted():
    trace = Trace()
    for n in range(BARS + 3):
        trace.add(n, "kubectl", "create", f"pods/default/{n}")
    assert repr(Timeline(trace)).splitlines()[BARS:] == ["… 3 more"]
    assert "… 3 more" in words(Timeline(trace).svg(), "en")


def test_twenty_bars_do_not_overlap():
    trace = Trace()
    for n in range(20):
        trace.add(n * MS, "kubectl", "create", f"pods/default/{n}")
    bars = sorted({(top, bottom) for *_, top, bottom in boxes(Timeline(trace).svg())})
    assert len(bars) == 21
    assert all(one[1] < two[0] for one, two in pairwise(bars))


# -- both


@pytest.fixture(params=[Sequence, Timeline])
def kind(request):
    return request.param


def test_every_verb_is_drawn_in_both_languages(kind):
    trace = Trace()
    for n, verb in enumerate(VERBS):
        trace.add(n * MS, "kubelet/node-1", verb, POD)
    svg = kind(trace).svg()
    for en, zh in VERBS.items():
        assert any(text.strip() == en for text in words(svg, "en"))
        assert any(text.strip() == zh for text in words(svg, "zh"))
    assert set(picture.GLOSS) == {*VERBS, "watch"}


def test_one_file_holds_both_languages_and_one_can_be_fixed(kind, one_pod):
    free, fixed = (
        ElementTree.fromstring(kind(one_pod).svg()),
        ElementTree.fromstring(kind(one_pod).svg("zh")),
    )
    assert free.get("lang") is None
    assert fixed.get("lang") == "zh"
    assert fixed.get("{http://www.w3.org/XML/1998/namespace}lang") == "zh"
    assert re.match(r"[A-Z][a-z]+ · [时序线图间]+$", free.find(f"{SVG}title").text)
    assert free.find(f"{SVG}desc").text == repr(kind(one_pod))
    assert free.get("role") == "img"


def test_the_same_records_give_the_same_bytes(kind, one_pod):
    assert kind(one_pod).svg() == kind(list(one_pod)).svg() == kind(one_pod)._repr_svg_()


def test_a_picture_has_no_ids_no_scripts_and_whole_numbers_only(kind, one_pod):
    for element in ElementTree.fromstring(kind(one_pod).svg()).iter():
        assert element.get("id") is None
        assert not element.tag.endswith("script")
        for name in ("x", "y", "width", "height", "d", "viewBox"):
            assert "." not in (element.get(name) or "")


def test_every_style_is_meant_for_pictures_only(kind, one_pod):
    style = ElementTree.fromstring(kind(one_pod).svg()).find(f"{SVG}style").text
    rules = re.findall(r"([^{}]+)\{", style)
    selectors = [selector.strip() for rule in rules for selector in rule.split(",")]
    assert len(selectors) == 8
    assert all(selector.startswith(".k8s-picture") for selector in selectors)


def test_markup_in_names_is_text(kind):
    trace = Trace()
    trace.add(0, "<b>", "create", "pods/<i>&amp;", 'a "note" & </svg>', to="<c>")
    svg = kind(trace).svg('zh" onload="x')
    assert "pods/<i>&am" in "".join(words(svg, "en"))
    assert ElementTree.fromstring(svg).get("onload") is None
    assert not re.search("<[bic]>|</svg>.", svg)


def test_nothing_happened_is_a_picture_too(kind):
    assert ElementTree.fromstring(kind(Trace()).svg()).tag == f"{SVG}svg"
    assert repr(kind(Trace())) == ""


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("page", ["#ffffff", "#1e2129"])
def test_every_colour_can_be_told_from_a_white_and_from_a_dark_page(page):
    for colour in (*picture.FLOORS, *picture.HUES.values(), drawing.GREY):
        dark, light = sorted((_luminance(colour), _luminance(page)))
        assert (light + 0.05) / (dark + 0.05) >= 3


texts = st.text(max_size=40)
records = st.builds(
    Record,
    number=st.integers(1, 8),
    at=st.integers(0, 10**13),
    actor=texts,
    verb=st.sampled_from(sorted(VERBS)),
    subject=texts,
    note=texts,
    to=st.one_of(st.just(API), texts),
    revision=st.integers(0, 10**6),
    cause=st.integers(0, 8),
)


@given(st.lists(records, max_size=12))
def test_any_trace_makes_well_formed_pictures_inside_their_frame(made):
    for shown in (Sequence(made), Timeline(sorted(made, key=lambda r: r.at))):
        svg = shown.svg()
        width, height = (int(ElementTree.fromstring(svg).get(k)) for k in ("width", "height"))
        assert svg.encode()
        for left, right, top, bottom in boxes(svg):
            assert 0 <= left <= right <= width
            assert 0 <= top <= bottom <= height
