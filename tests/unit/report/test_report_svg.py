import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from loadproof.report.charts import errors_spec, throughput_spec
from loadproof.report.drawing import DrawingError, drawn
from loadproof.report.svg import portable
from loadproof.report.timeline import steps_of
from results_factory import NASTY, result_of, sample


@pytest.fixture(scope="module")
def pictures():
    steps = steps_of(result_of([sample(end=i + 0.5, kind=f"{NASTY} & 'so'") for i in range(4)]))
    return drawn([throughput_spec(steps), errors_spec(steps)])


def script(code):
    return sys.executable, "-c", code


def test_every_specification_becomes_a_picture(pictures):
    assert [ET.fromstring(picture).tag for picture in pictures] == ["{http://www.w3.org/2000/svg}svg"] * 2


def test_pictures_need_no_style_and_no_script(pictures):
    for picture in pictures:
        elements = list(ET.fromstring(picture).iter())
        assert not [e for e in elements if "style" in e.attrib or e.tag.endswith(("}style", "}script", "}image"))]
        assert not [name for e in elements for name in e.attrib if name.endswith("href") or name.startswith("on")]
        assert next(e.attrib["fill"] for e in elements if e.tag.endswith("}rect")) == "#ffffff"


def test_text_from_outside_stays_text(pictures):
    texts = [e.text for e in ET.fromstring(pictures[1]).iter() if e.tag.endswith("}text")]
    assert f"{NASTY} & 'so'" in texts


def test_the_chart_library_is_never_loaded_here(pictures):
    assert pictures
    assert "vl_convert" not in sys.modules


def test_importing_the_drawing_process_loads_nothing_heavy():
    code = "import sys, loadproof.report.svg; sys.exit('vl_convert' in sys.modules or 'jinja2' in sys.modules)"
    assert subprocess.run(script(code), check=False, timeout=60).returncode == 0


def test_nothing_is_started_for_nothing():
    assert drawn([], command=("no-such-program",)) == []


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (script("import sys; sys.exit('no fonts')"), "no fonts"),
        (script("import sys; sys.exit(3)"), "status 3"),
        (script("print('no JSON')"), "Expecting value"),
        (script("print('[]')"), "another number of charts"),
        (("no-such-program",), "no-such-program"),
    ],
)
def test_a_process_that_fails_says_why(command, reason):
    with pytest.raises(DrawingError, match=reason):
        drawn([{}], command=command)


def test_a_process_that_hangs_is_ended():
    with pytest.raises(DrawingError, match=r"longer than 0\.2 s"):
        drawn([{}], command=script("import threading; threading.Event().wait()"), seconds=0.2)


def test_styles_are_dropped_and_identifiers_made_unique():
    svg = """<svg><defs><clipPath id="clip0"/></defs><g clip-path="url(#clip0)" style="fill: red" fill="red"/></svg>"""
    assert portable(svg, "chart1") == (
        '<svg><defs><clipPath id="chart1-clip0"/></defs><g clip-path="url(#chart1-clip0)" fill="red"/></svg>'
    )


def test_text_that_looks_like_an_attribute_stays():
    svg = """<svg><text>a style="b" url(#c) id="d"</text></svg>"""
    assert portable(svg, "chart1") == svg
