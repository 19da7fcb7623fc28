import re
import xml.etree.ElementTree as ET

import pytest

from loadproof.report.charts import errors_plot, histogram_plot, throughput_plot
from loadproof.report.plot import Axis, Dot, Mark, Plot, Series, Shade
from loadproof.report.svg import COLOURS, drawn
from loadproof.report.timeline import steps_of
from results_factory import NASTY, result_of, sample, small_result

SPACE = "{http://www.w3.org/2000/svg}"


def parsed(text):
    return ET.fromstring(text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def all_of(text, tag):
    return [element for element in parsed(text).iter() if element.tag == SPACE + tag]


def plot_of(values, **fields):
    axes = (Axis("clock", 0.0, 10.0, (0.0, 5.0, 10.0)), Axis("number", 0.0, 4.0, (0.0, 2.0, 4.0)))
    places = tuple(float(i) for i in range(len(values)))
    return Plot(*axes, places, (Series("one", "blue", tuple(values)),), **{"height": 100} | fields)


def line(text):
    (path,) = [e for e in all_of(text, "path") if e.get("class") == "line blue" and e.get("stroke-linecap")]
    return path.get("d")


def test_values_are_drawn_where_the_axes_have_them():
    assert line(drawn(plot_of([0.0, 4.0]), "a chart")) == "M64,126L154,26"


def test_gaps_are_gaps_and_what_stands_alone_is_a_dot():
    assert line(drawn(plot_of([1.0, None, 2.0, 2.0, None]), "a chart")) == "M64,101h0M244,76L334,76"
    assert line(drawn(plot_of([2.0]), "a chart")) == "M64,76h0"


def test_bars_stand_on_one_another():
    axes = (Axis("duration", 0.001, 0.1, (), is_log=True), Axis("number", 0.0, 4.0, ()))
    series = (Series("good", "green", (1.0, 0.0)), Series("bad", "red", (1.0, 2.0)))
    text = drawn(Plot(*axes, (0.001, 0.01, 0.1), series, is_bars=True, height=100), "a chart")
    good, bad = (e.get("d") for e in all_of(text, "path") if e.get("class") in ("bar green", "bar red"))
    assert good == "M64,126V101H513V126Z"
    assert bad == "M64,101V76H513V101ZM514,126V76H963V126Z"


def test_shades_marks_and_dots_have_their_places_and_labels():
    text = drawn(
        plot_of(
            [1.0, 1.0],
            shades=(Shade(0.0, 5.0, "grey", "warm-up"),),
            marks=(Mark(10.0, "red", "breach"),),
            dots=(Dot(5.0, 2.0, "blue", "circle"), Dot(5.0, 4.0, "red", "cross"), Dot(0.0, 0.0, "red", "diamond")),
            shapes=(("passed", "circle"),),
        ),
        "a chart",
    )
    (shade,) = [e for e in all_of(text, "rect") if e.get("opacity")]
    assert (shade.get("x"), shade.get("width"), shade.get("fill")) == ("64", "450", COLOURS["grey"])
    paths = [e.get("d") for e in all_of(text, "path")]
    assert {
        "M964,26V126",
        "M510,76a4,4 0 1 0 8,0a4,4 0 1 0 -8,0Z",
        "M510,22l8,8m0,-8l-8,8",
        "M64,121l5,5l-5,5l-5,-5Z",
    } <= {*paths}
    texts = [e.text for e in all_of(text, "text")]
    assert texts == ["one", "passed", "warm-up", "0", "2", "4", "0:00", "0:05", "0:10", "breach"]


@pytest.fixture(scope="module")
def pictures():
    steps = steps_of(result_of([sample(end=i + 0.5, kind=f"{NASTY} & 'so'") for i in range(4)]))
    return [drawn(throughput_plot(steps), "throughput", 3), drawn(errors_plot(steps), f"{NASTY}\"'&\x1b")]


def test_pictures_need_no_style_and_no_script(pictures):
    for picture in pictures:
        elements = list(parsed(picture).iter())
        assert not [e for e in elements if "style" in e.attrib or e.tag.endswith(("}style", "}script", "}image"))]
        assert not [name for e in elements for name in e.attrib if name.endswith("href") or name.startswith("on")]
        assert next(e.attrib["fill"] for e in elements if e.tag.endswith("}rect")) == "#ffffff"
        painted = [e for e in elements if e.tag.endswith(("}path", "}rect", "}text"))]
        assert all(e.get("fill") or e.get("stroke") for e in painted)


def test_text_from_outside_stays_text(pictures):
    assert f"{NASTY} & 'so'" in [e.text for e in all_of(pictures[1], "text")]
    assert parsed(pictures[1]).get("aria-label") == f"{NASTY}\"'&\N{REPLACEMENT CHARACTER}"


def test_a_chart_that_the_script_knows_says_its_number(pictures):
    assert [parsed(picture).get("data-plot") for picture in pictures] == ["3", None]


def test_everything_stands_within_the_picture():
    good = small_result().record.totals()["success"].response
    for plot in (
        throughput_plot(steps_of(small_result())),
        histogram_plot(good, good, rest_name="rest", is_small=True),
    ):
        text = drawn(plot, "a chart")
        width, height = (float(parsed(text).get(side)) for side in ("width", "height"))
        for element in all_of(text, "text"):
            assert 0 <= float(element.get("x")) <= width
            assert 0 <= float(element.get("y")) <= height
        for path in all_of(text, "path"):
            for x, y in re.findall(r"[ML]([\d.]+),([\d.]+)", path.get("d")):
                assert 0 <= float(x) <= width
                assert 0 <= float(y) <= height
