"""hat figures and hat report: pictures, their data, and pages that a browser shows without a complaint."""
import csv
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

HAT = pathlib.Path(os.environ["HAT_BIN_DIR"]) / "hat"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FEW = "workload.requests=20"


class FiguresTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hat figures ")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)

    def hat(self, *words, code=0):
        done = subprocess.run([HAT, *words], capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def look(self, page, width=400):
        """What a browser says while it shows the page, and the page as it then is."""
        done = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
             f"--window-size={width},2000", "--dump-dom", page.as_uri()],
            capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": str(self.folder)})
        self.assertEqual(done.returncode, 0, done.stderr)
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return console, done.stdout

    def test_a_figure_is_a_picture_with_its_data(self):
        self.hat("figures", "one_device", "stage_delay", "--quick", "--out", "out")
        for name in ("one_device", "stage_delay"):
            self.assertEqual((self.folder / f"out/{name}.png").read_bytes()[:4], b"\x89PNG")
            self.assertEqual((self.folder / f"out/{name}.pdf").read_bytes()[:5], b"%PDF-")
            figure = json.loads((self.folder / f"out/{name}.json").read_text())
            self.assertEqual(figure["label"], "simulated")
            with open(self.folder / f"out/{name}.csv", newline="") as file:
                rows = list(csv.DictReader(file))
            for row in rows:
                for key in row["keys"].split():
                    self.assertTrue((self.folder / "out/runs/units" / key / "summary.json").exists())
            self.assertTrue([row for row in rows if row["label"] == "published"])
        page = (self.folder / "out/report.html").read_text()
        self.assertEqual(page.count("data:image/png;base64,"), 2)
        again = self.hat("figures", "one_device", "--quick", "--out", "out", "--formats", "svg")
        self.assertNotIn("of 3 runs done", again.stderr)

    def test_the_batch_whose_delay_is_drawn_is_one_prompt_beside_nine_decodes(self):
        self.hat("figures", "batch_delay", "--quick", "--out", "batches", "--formats", "svg")
        with open(self.folder / "batches/batch_delay.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertGreater(len(rows), 20)
        for row in rows:
            summary = json.loads((self.folder / "batches/runs/units" / row["keys"] / "summary.json").read_text())
            self.assertEqual(summary["batch_tokens"]["max"], int(row["x"]) + 9)
            self.assertEqual(summary["stage_ms"]["max"], float(row["mean"]))

    def test_a_plan_may_ask_for_a_capacity(self):
        scenario = HAT.parent.parent / "share/hat/experiments/paper/spec_bench_7b.toml"
        plan = f"""scenario = '{scenario}'
systems = ["hat", "cloud-only"]
seeds = 2
[capacity]
question = "How many?"
slo = "tbt_mean_ms=100"
over = "link.latency_ms=2,50"
quick_set = ["workload.requests=40"]
"""
        (self.folder / "many.toml").write_text(plan)
        self.hat("figures", "many.toml", "--quick", "--out", "many")
        figure = json.loads((self.folder / "many/many.json").read_text())
        self.assertEqual((figure["label"], figure["question"], len(figure["seeds"])), ("simulated", "How many?", 1))
        with open(self.folder / "many/many.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([(row["system"], row["value"]) for row in rows],
                         [("hat", "2"), ("hat", "50"), ("cloud-only", "2"), ("cloud-only", "50")])
        for row in rows:
            summary = json.loads((self.folder / "many/runs/units" / row["keys"] / "summary.json").read_text())
            self.assertEqual(summary["tbt_ms"]["mean"], float(row["tbt_mean_ms"]))
            self.assertLessEqual(summary["tbt_ms"]["mean"], 100)
        self.assertEqual((self.folder / "many/many.pdf").read_bytes()[:5], b"%PDF-")
        self.assertIn("many: How many?", (self.folder / "many/report.html").read_text())
        (self.folder / "many.toml").write_text(plan.replace("slo", "goal"))
        self.assertIn("capacity.slo", self.hat("figures", "many.toml", "--out", "many", code=2).stderr)

    def write_table(self, name, more=""):
        scenario = HAT.parent.parent / "share/hat/experiments/paper/spec_bench_7b.toml"
        (self.folder / f"{name}.toml").write_text(f"""scenario = '{scenario}'
systems = ["hat", "u-shape"]
seeds = 2
set = ["workload.requests=20"]
[[axis]]
name = "link"
labels = ["near", "far"]
sets = [[], ["link.latency_ms=20"]]
[figure]
question = "How near?"
kind = "table"
series = "system.name"
x = "link"
relative_to = "hat"
metrics = ["ttft_ms.mean", "reduction.ttft_ms.mean"]
labels = ["TTFT (ms)", "lower (%)"]
published = "spec_bench_7b"
{more}""")

    def test_tables_go_into_a_page(self):
        self.write_table("near")
        (self.folder / "docs").mkdir()
        page = self.folder / "docs/page.md"
        text = ("# Page\n\n<!-- table: ../near.toml -->\nold\n<!-- end -->\n<!-- errors: ../near.toml -->\n<!-- end -->\n"
                "<!-- table: fit.md#parameters -->\nkept\n<!-- end -->\nWords, |.\n")
        page.write_text(text)
        done = self.hat("figures", "--page", "docs/page.md", "--out", "tables")
        self.assertIn("docs/page.md:8: stays as it is: there is no docs/fit.md", done.stderr)
        written = page.read_text()
        table = (self.folder / "tables/near.md").read_text()
        self.assertIn(f"<!-- table: ../near.toml -->\n{table}<!-- end -->\n", written)
        lines = table.splitlines()
        self.assertEqual(lines[0], "| | published | near | error | far | error |")
        with open(self.folder / "tables/near.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["label"] == "simulated"]
        by_name = {(row["metric"], row["series"], row["x"]): row for row in rows}
        hat = float(by_name["ttft_ms.mean", "hat", "near"]["mean"])
        error = re.escape(f"{100 * (hat / 384.2 - 1):+.0f}%")
        self.assertRegex(lines[2], rf"^\| TTFT \(ms\): hat \| 384\.2 \| {hat:.1f} ± [\d.]+ \| {error} \|")
        lower = by_name["reduction.ttft_ms.mean", "u-shape", "far"]
        self.assertEqual(len(lower["keys"].split()), 4)
        ttft = [json.loads((self.folder / "tables/runs/units" / key / "summary.json").read_text())["ttft_ms"]["mean"]
                for key in lower["keys"].split()]
        pairs = [100 * (1 - base / own) for own, base in zip(ttft[:2], ttft[2:])]
        self.assertAlmostEqual(float(lower["mean"]), sum(pairs) / 2, places=6)
        self.assertIn("| near | 2 | ", written)
        self.assertTrue(written.endswith("kept\n<!-- end -->\nWords, |.\n"))
        self.assertIn("near: How near?", (self.folder / "tables/report.html").read_text())
        self.assertIn("Ours: simulated, mean of 2 seeds ± half", (self.folder / "tables/report.html").read_text())
        self.assertIn("TTFT (ms): hat</td>", (self.folder / "tables/report.html").read_text())
        self.assertFalse((self.folder / "tables/near.png").exists())
        # The same again, the other page's table too.
        (self.folder / "docs/fit.md").write_text("# Fit\n\n## Parameters\n\n| p |\n|---|\n")
        self.hat("figures", "--page", "docs/page.md", "--out", "tables", "--quiet")
        self.assertEqual(page.read_text(), written.replace("kept\n", "| p |\n|---|\n"))

    def test_a_page_with_a_mistake_stays_as_it_is(self):
        self.write_table("wrong", 'published_metrics = ["ttft_ms.mean", "lower"]\n')
        page = self.folder / "mistake.md"
        for marker, words in [
                ("<!-- table: pie -->\n<!-- end -->\n", "mistake.md:1: there is no figure 'pie'; there are ablation,"),
                ("<!-- table: stage_delay -->\n<!-- end -->\n", "mistake.md:1: the figure 'stage_delay' is no table"),
                ("<!-- table: paper_ttft -->\n", "mistake.md:1: the table has no '<!-- end -->' after it"),
                ("words\n", "mistake.md: has no line '<!-- table: NAME -->'"),
                ("<!-- table: wrong.toml -->\n<!-- end -->\n", "no published figure of 'spec_bench_7b' is a 'lower'"),
                ("<!-- table: figures_page.md#x -->\n<!-- end -->\n", "figures_page.md: has no heading '#x'; there are #y")]:
            (self.folder / "figures_page.md").write_text("# Y\n")
            page.write_text(marker)
            self.assertIn(words, self.hat("figures", "--page", "mistake.md", "--out", "none", code=2).stderr)
            self.assertEqual(page.read_text(), marker)
        page.write_text("<!-- table: paper_ttft -->\n<!-- end -->\n")
        self.assertIn("cannot read 'no.md'", self.hat("figures", "--page", "no.md", code=2).stderr)
        refused = self.hat("figures", "ablation", "--page", "mistake.md", code=2).stderr
        self.assertIn("mistake.md: has no line '<!-- table: ablation -->'", refused)
        self.assertIn("--quick", self.hat("figures", "--page", "mistake.md", "--quick", code=2).stderr)

    def test_a_search_that_fails_leaves_the_other_figures(self):
        scenario = HAT.parent.parent / "share/hat/experiments/paper/spec_bench_7b.toml"
        (self.folder / "too_long.toml").write_text(f"""scenario = '{scenario}'
systems = ["hat"]
set = ["workload.requests=5", "workload.prompts={{kind='constant', tokens=100000}}"]
[capacity]
question = "How many?"
slo = "tbt_mean_ms=100"
""")
        failed = self.hat("figures", "too_long.toml", "paper_accept_length", "--quick", "--out", "left", code=1)
        self.assertRegex(failed.stderr, r"(?m)^too_long: .*the profile covers contexts up to 8192")
        self.assertTrue((self.folder / "left/paper_accept_length.md").exists())
        self.assertIn("paper_accept_length", (self.folder / "left/report.html").read_text())

    def test_names_and_formats_are_checked(self):
        self.assertIn("there is no figure 'pie'; there are ablation,", self.hat("figures", "pie", code=2).stderr)
        refused = self.hat("figures", "--formats", "svg,bmp", code=2).stderr
        self.assertIn("--formats: bmp not in {png,pdf,svg}", refused)
        self.assertIn("rates_7b", self.hat("figures", "--list").stdout)
        self.assertIn("holds no results", self.hat("report", ".", code=2).stderr)

    def test_a_page_shows_in_a_browser(self):
        if CHROMIUM is None:
            self.skipTest("no chromium here: pages were not looked at (apt-get install chromium)")
        scenario = "experiments/paper/spec_bench_7b.toml"
        self.hat("simulate", scenario, "--set", FEW, "--out", "run", "--quiet")
        self.hat("compare", scenario, "--set", FEW, "--seeds", "2", "--out", "compared", "--quiet")
        self.hat("sweep", "run", "experiments/sweeps/rates.toml", "--set", "workload.requests=5", "--out", "swept")
        self.hat("sweep", "collect", "experiments/sweeps/rates.toml", "--set", "workload.requests=5", "--out", "swept")
        self.hat("figures", "stage_delay", "paper_accept_length", "--quick", "--out", "drawn")
        for folder in ("run", "compared", "swept", "drawn"):
            self.hat("report", folder)
            page = self.folder / folder / "report.html"
            # The page says of itself whether its pictures have loaded, and whether it is wider than the screen.
            probe = page.with_name("probe.html")
            probe.write_text(page.read_text().replace("</body>", """<script>
              window.addEventListener("load", () => {
                const images = [...document.images].every(image => image.complete && image.naturalWidth > 0);
                document.querySelector("th")?.click();
                const is_sorted = document.querySelector("th")?.dataset.order === "1";
                document.title = JSON.stringify({images, is_sorted, wide: document.documentElement.scrollWidth});
              });</script></body>"""))
            console, shown = self.look(probe)
            self.assertEqual(console, [], folder)
            seen = json.loads(re.search(r"<title>(.*?)</title>", shown)[1].replace("&quot;", '"'))
            self.assertTrue(seen["images"] and seen["is_sorted"], folder)
            self.assertLessEqual(seen["wide"], 500, folder)
            self.assertNotIn("http://", page.read_text())
            self.assertNotIn("https://", page.read_text())


if __name__ == "__main__":
    unittest.main()
