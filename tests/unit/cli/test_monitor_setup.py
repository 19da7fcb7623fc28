"""``loadproof monitor setup``: the files, and the dashboard as far as it can be checked without Grafana."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from loadproof.cli.monitor import main, templates
from loadproof.errors import RunError, UsageError

DOCUMENTED = ("grafana/dashboards/performance-testing.json", "prometheus/rules/performance-alerts.yml")
PANELS = {"timeseries", "stat", "table", "heatmap"}
"""Panel types that Grafana has had since version 9 and that are not deprecated."""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(name):
    (template,) = [template for path, template in templates() if str(path) == name]
    return template.read_text(encoding="utf-8")


def yaml(name):
    return YAML(typ="safe").load(content(name))


def dashboard():
    return json.loads(content(DOCUMENTED[0]))


def queries():
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def test_it_writes_what_the_documents_promise_and_says_the_next_command(here, capsys):
    assert main(["setup"]) == 0
    out = capsys.readouterr().out
    written = re.findall(r"^wrote (\S+)$", out, re.MULTILINE)
    assert [str(path) for path in sorted(Path("monitoring").rglob("*.*")) if path.is_file()] == written
    assert {f"monitoring/{name}" for name in DOCUMENTED} < set(written)
    assert "docker compose -f monitoring/compose.yml up -d" in out
    assert "--metrics-port 9090" in out
    out.encode("ascii")  # a console may show nothing else


def test_again_it_changes_nothing_and_never_overwrites_what_was_changed(here):
    assert main(["setup", "--dir", "a/b"]) == 0
    assert main(["setup", "--dir", "a/b"]) == 0
    changed, gone = Path("a/b/prometheus/prometheus.yml"), Path("a/b/compose.yml")
    changed.write_text("mine")
    gone.unlink()
    with pytest.raises(UsageError) as caught:
        main(["setup", "--dir", "a/b"])
    assert [(each.slug, each.where) for each in caught.value.problems] == [("file-exists", str(changed))]
    assert changed.read_text() == "mine"
    assert not gone.exists(), "all or nothing"
    assert main(["setup", "--dir", "a/b", "--force"]) == 0
    assert "scrape_configs" in changed.read_text()
    assert gone.exists()


def test_a_place_that_cannot_be_written_is_said(here):
    Path("taken").write_text("")
    with pytest.raises(RunError, match="cannot write") as caught:
        main(["setup", "--dir", "taken"])
    assert caught.value.slug == "monitoring-files"


def test_another_port_of_runs_is_where_prometheus_looks(here, capsys):
    assert main(["setup", "--metrics-port", "9100"]) == 0
    assert "loadproof run ... --metrics-port 9100" in capsys.readouterr().out
    written = {str(path): path.read_text() for path in Path("monitoring").rglob("*.*") if path.is_file()}
    scraping = YAML(typ="safe").load(written["monitoring/prometheus/prometheus.yml"])
    assert scraping["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:9100"]
    assert [name for name, text in written.items() if "9090" in text] == []
    assert json.loads(written[f"monitoring/{DOCUMENTED[0]}"])["panels"] == dashboard()["panels"]


@pytest.mark.parametrize(
    ("port", "why"), [("0", "not a port"), ("70000", "not a port"), ("x", "not a port"), ("9091", "Prometheus itself")]
)
def test_a_port_that_cannot_be_that_of_runs_is_refused(here, port, why, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["setup", "--metrics-port", port])
    assert caught.value.code == 2
    assert why in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["remove"], ["setup", "--what"]])
def test_other_words_are_refused(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2


def test_the_dashboard_can_be_provisioned_from_a_file():
    found = dashboard()
    assert "__inputs" not in found
    assert "__requires" not in found
    assert (found["uid"], found.get("id")) == ("loadproof", None)
    assert found["schemaVersion"] >= 36
    assert [each["name"] for each in found["templating"]["list"]] == ["datasource", "instance", "endpoint"]
    assert found["templating"]["list"][0]["type"] == "datasource"
    assert found["templating"]["list"][0]["query"] == "prometheus"


def test_every_panel_is_of_a_current_type_and_asks_the_chosen_data_source():
    panels = dashboard()["panels"]
    assert {panel["type"] for panel in panels} == PANELS
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels:
        assert panel["datasource"] == chosen
        assert panel["description"]
        assert panel["targets"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for target in panel["targets"]:
            assert target["datasource"] == chosen
            assert target["expr"].count("(") == target["expr"].count(")")
            assert (target.get("format") == "table") == (panel["type"] == "table")


def test_panels_fill_the_grid_without_overlapping():
    taken = {}
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            assert cell not in taken, f"{panel['title']} lies on {taken[cell]}"
            taken[cell] = panel["title"]
    assert len(taken) == 24 * (1 + max(y for _, y in taken))


def test_variables_in_queries_are_known_to_grafana_or_to_the_dashboard():
    known = {each["name"] for each in dashboard()["templating"]["list"]} | {"__rate_interval"}
    used = {name for query in queries() for name in re.findall(r"\$\{?(\w+)", query)}
    assert used <= known
    assert used == {"instance", "endpoint", "__rate_interval"}


def test_queries_and_alerts_name_metrics_and_labels_that_there_are():
    manual = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(perf_test_\w+)` \| (\w+) \| (.*?) \|", manual, re.MULTILINE)
    known = {name: set(re.findall(r"`(\w+)`", labels)) | {"instance", "job"} for name, _, labels in rows}
    for name, kind, _ in rows:
        if kind == "histogram":
            known[f"{name}_bucket"] = known[name] | {"le"}
    rules = [rule["expr"] for group in yaml(DOCUMENTED[1])["groups"] for rule in group["rules"]]
    shown = set()
    for query in queries() + rules:
        for name, selector in re.findall(r"(perf_test_\w+)(?:\{(.*?)\})?", query):
            shown.add(name)
            assert set(re.findall(r"(\w+)=~?\"", selector)) <= known[name], query
    drawn = {name.removesuffix("_bucket") for name in shown}
    assert {name for name, _, _ in rows} - drawn == {
        "perf_test_generator_kernel_clock_ratio", "perf_test_levels_total",
    }  # fmt: skip


def test_every_alert_says_how_grave_it_is_and_what_happened():
    rules = [rule for group in yaml(DOCUMENTED[1])["groups"] for rule in group["rules"]]
    manual = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(LoadTest\w+)` \|", manual, re.MULTILINE) == [rule["alert"] for rule in rules]
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description"}
        windows = {int(seconds) for seconds in re.findall(r"\[(\d+)s\]", rule["expr"])}
        assert windows <= {30}, "a run of a minute must be enough"
        assert int(str(rule.get("for", "0s")).removesuffix("s")) <= 15


def test_the_pieces_know_each_other():
    compose, scraping = yaml("compose.yml"), yaml("prometheus/prometheus.yml")
    (source,) = yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    (provider,) = yaml("grafana/provisioning/dashboards/loadproof.yml")["providers"]
    services = compose["services"]
    assert {each["network_mode"] for each in services.values()} == {"host"}
    listens = "--web.listen-address=" + source["url"].removeprefix("http://")
    assert listens in services["prometheus"]["command"]
    assert source["jsonData"]["timeInterval"] == scraping["global"]["scrape_interval"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]
    assert scraping["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:9090"]
    assert listens != "--web.listen-address=127.0.0.1:9090", "that is the run's"
    for volume in (volume for each in services.values() for volume in each["volumes"] if volume.startswith("./")):
        folder = volume.removeprefix("./").partition(":")[0]
        assert any(str(path).startswith(folder) for path, _ in templates())
